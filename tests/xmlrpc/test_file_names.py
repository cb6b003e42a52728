import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive_server.xmlrpc.file_names import file_name


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("song.mp3", "song.mp3"),
        ("Über den Wolken.ogg", "Über den Wolken.ogg"),
        ("file:///home/u/x.mp3", "x.mp3"),
        ("file:var/test10001.mp3", "test10001.mp3"),
        ("file:///home/u/%C3%BCber%20uns.mp3", "über uns.mp3"),
        ("FILE:///a/was nun?.mp3", "was nun?.mp3"),
        ("http://host/dir/a%20b.ogg?x=/1#/2", "a b.ogg"),
        ("file:///a/%2E%2E%2F%2e%2e%2Fetc%2Fpasswd", "passwd"),
        ("100%.mp3", "100%.mp3"),
        ("%41.mp3", "%41.mp3"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Music\\x.wav", "x.wav"),
        ("a\0b\nc\x7f\u202egpj.mp3", "abcgpj.mp3"),
        ("\ufeff x.mp3 ", "x.mp3"),
        ("", ""),
        ("/", ""),
        ("..", ""),
        ("a/.", ""),
        ("  ", ""),
    ],
)
def test_a_file_is_called_by_the_last_part_of_what_the_client_calls_it(sent, kept):
    assert file_name(sent) == kept


def test_a_long_name_keeps_its_extension():
    name = file_name("ü" * 300 + ".mp3")
    assert name.endswith("ü.mp3")
    assert len(name.encode()) in (254, 255)


@given(st.text() | st.text("%/\\.:~\0\u202e") | st.text().map(lambda text: "file:" + text))
def test_no_name_leaves_its_directory_or_is_too_long(text):
    name = file_name(text)
    assert name not in (".", "..")
    assert not set(name) & set("/\\\0\n\r")
    assert len(name.encode()) <= 255
