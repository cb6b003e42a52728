import io
import subprocess
import tarfile
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import needs_tool

from archive_server.model.tar_layout import TarLayout, TarMember

AT = datetime(2026, 11, 21, 20, 1, 2, 345678, tzinfo=UTC)
GIB = 2**30


def built(layout, bodies, part=None):
    """The bytes of a part of the archive, by default of all of it."""
    part = range(layout.size) if part is None else part
    found = []
    for section in layout.sections(part):
        if isinstance(section, bytes):
            found.append(section)
        else:
            found.append(bodies[section.place][section.part.start : section.part.stop])
    return b"".join(found)


def laid_out(files):
    members = [TarMember(name, len(body)) for name, body in files.items()]
    return TarLayout.of(members, AT)


NAMES = st.text("abcdefgh/-.ö", min_size=1, max_size=130).map(lambda text: "x" + text.strip("/"))
FILES = st.dictionaries(NAMES, st.binary(max_size=1500), max_size=6)


@given(FILES)
def test_tarfile_reads_back_what_was_laid_out(files):
    layout = laid_out(files)
    archive = built(layout, list(files.values()))
    assert len(archive) == layout.size
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:") as tar:
        assert {member.name: tar.extractfile(member).read() for member in tar} == files
        assert all(member.mtime == int(AT.timestamp()) for member in tar)
        assert all(member.isreg() and member.mode == 0o644 for member in tar)


@given(FILES, st.data())
def test_any_part_is_the_same_as_that_slice_of_the_whole(files, data):
    layout = laid_out(files)
    bodies = list(files.values())
    start = data.draw(st.integers(0, layout.size))
    stop = data.draw(st.integers(start, layout.size))
    assert built(layout, bodies, range(start, stop)) == built(layout, bodies)[start:stop]


def test_an_archive_of_nothing_is_an_empty_archive():
    layout = laid_out({})
    assert built(layout, []) == bytes(10240)


@needs_tool("tar")
def test_gnu_tar_reads_it(tmp_path):
    files = {"playlist/a.lspl": b"<playlist/>", "audioClip/b.ogg": bytes(range(256)) * 300}
    layout = laid_out(files)
    (tmp_path / "export.tar").write_bytes(built(layout, list(files.values())))
    out = tmp_path / "out"
    out.mkdir()
    command = ["tar", "-xvf", tmp_path / "export.tar", "-C", out]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert done.stdout.split() == list(files)
    assert done.stderr == ""
    assert {name: (out / name).read_bytes() for name in files} == files


@pytest.mark.parametrize("size", [8 * GIB - 1, 8 * GIB, 700 * GIB])
def test_members_may_be_larger_than_ustar_allows(size):
    layout = TarLayout.of([TarMember("big.wav", size), TarMember("small.xml", 3)], AT)
    head = b"".join(
        section for section in layout.sections(range(2048)) if isinstance(section, bytes)
    )
    with tarfile.open(fileobj=io.BytesIO(head + bytes(1024)), mode="r:") as tar:
        first = tar.next()
        assert (first.name, first.size) == ("big.wav", size)
        content = first.offset_data
    at_the_end = list(layout.sections(range(content + size - 5, layout.size)))
    assert at_the_end[0].part == range(size - 5, size)
    assert any(not isinstance(section, bytes) and section.place == 1 for section in at_the_end)


def test_reading_a_part_costs_nothing_for_the_members_before_it():
    members = [TarMember(f"audioClip/{number:016x}.wav", 2**32) for number in range(100_000)]
    layout = TarLayout.of(members, AT)
    end = layout.starts[99_999]
    first, *_ = layout.sections(range(end, end + 600))
    assert first.startswith(b"audioClip/000000000001869f.wav")


def test_the_bytes_depend_on_nothing_but_the_members_and_their_time():
    files = {"a.xml": b"text"}
    one = built(laid_out(files), [b"text"])
    assert one == built(laid_out(files), [b"text"])
    later = TarLayout.of([TarMember("a.xml", 4)], datetime(2027, 1, 1, tzinfo=UTC))
    assert one != built(later, [b"text"])
