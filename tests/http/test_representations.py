"""How files are named in headers."""

import re
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive_server.http.representations import disposition, true_name


@pytest.mark.parametrize(
    ("file_name", "extension", "name"),
    [
        ("song.mp3", "mp3", "song.mp3"),
        ("song.MP3", "mp3", "song.mp3"),
        ("song.mp3", "ogg", "song.ogg"),
        ("Mr. Blue", "ogg", "Mr. Blue.ogg"),
        ("Vol.2", "wav", "Vol.2.wav"),
        ("../../etc/passwd", "ogg", "passwd.ogg"),
        ("C:\\Music\\a.wav", "wav", "a.wav"),
        ("", "ogg", "audio.ogg"),
        (".ogg", "ogg", "audio.ogg"),
        ("a\r\nSet-Cookie: x=y.mp3", "mp3", "aSet-Cookie: x=y.mp3"),
        ("\u202egnp.mp3", "mp3", "gnp.mp3"),
        ("x" * 500 + ".mp3", "mp3", "x" * 150 + ".mp3"),
    ],
)
def test_a_name_has_the_true_extension(file_name: str, extension: str, name: str) -> None:
    assert true_name(file_name, extension) == name


@pytest.mark.parametrize(
    ("file_name", "header"),
    [
        ("song.ogg", 'inline; filename="song.ogg"'),
        ("Größe.ogg", "inline; filename=\"Groe.ogg\"; filename*=UTF-8''Gr%C3%B6%C3%9Fe.ogg"),
        ('a"b\\c.ogg', 'inline; filename="c.ogg"'),
        ('a"b.ogg', "inline; filename=\"a_b.ogg\"; filename*=UTF-8''a%22b.ogg"),
        ("50%.ogg", "inline; filename=\"50_.ogg\"; filename*=UTF-8''50%25.ogg"),
        ("音楽.ogg", "inline; filename=\"audio.ogg\"; filename*=UTF-8''%E9%9F%B3%E6%A5%BD.ogg"),
    ],
)
def test_old_and_new_clients_get_a_name(file_name: str, header: str) -> None:
    assert disposition(file_name, "ogg", "inline") == header


@given(st.text())
def test_no_name_breaks_out_of_its_header(file_name: str) -> None:
    header = disposition(file_name, "ogg", "attachment")
    plain = r'attachment; filename="[ !#-\[\]-~]+\.ogg"'
    whole = r"(; filename\*=UTF-8''([!#$&+\-.^_`|~0-9A-Za-z]|%[0-9A-F]{2})+)?"
    assert re.fullmatch(plain + whole, header)
    if "filename*" in header:
        assert unquote(header.rpartition("''")[2]) == true_name(file_name, "ogg")
