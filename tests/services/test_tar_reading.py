import contextlib
import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive_server.errors import RefusedArchive
from archive_server.services.tar_reading import list_files

MOST = 50
FORMATS = [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]


def member(name, size=0, **more):
    made = tarfile.TarInfo(name)
    made.size = size
    for key, value in more.items():
        setattr(made, key, value)
    return made


def packed(*members, form=tarfile.USTAR_FORMAT):
    """An archive of members, whose bytes are all `x`."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w", format=form) as tar:
        for each in members:
            tar.addfile(each, io.BytesIO(b"x" * each.size) if each.isreg() else None)
    return written.getvalue()


def listed(archive, most=MOST):
    return list_files(io.BytesIO(archive), len(archive), most=most)


def refused(archive, reason):
    with pytest.raises(RefusedArchive) as caught:
        listed(archive)
    assert caught.value.reason == reason
    return str(caught.value)


@pytest.mark.parametrize("form", FORMATS)
@given(
    files=st.dictionaries(
        st.text("abcxyzé/", min_size=1, max_size=100).map(lambda name: "f" + name.strip("/")),
        st.integers(0, 2000),
        max_size=5,
    )
)
def test_files_are_found_in_archives_of_all_formats(form, files):
    normal = {"/".join(filter(None, name.split("/"))): size for name, size in files.items()}
    archive = packed(*(member(name, size) for name, size in normal.items()), form=form)
    found = listed(archive)
    assert {name: file.size for name, file in found.items()} == normal
    for file in found.values():
        assert archive[file.part.start : file.part.stop] == b"x" * file.size


def test_of_a_long_name_only_the_beginning_is_told():
    archive = packed(member("\U000e0001" * 250), form=tarfile.PAX_FORMAT)
    assert len(refused(archive, "bad-name")) < 1000


def test_directories_and_leading_dots_are_no_part_of_names():
    archive = packed(
        member(".", type=tarfile.DIRTYPE),
        member("./audioClip", type=tarfile.DIRTYPE),
        member("./audioClip/a.ogg", 3),
    )
    assert list(listed(archive)) == ["audioClip/a.ogg"]


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        (tarfile.LNKTYPE, "hard link"),
        (tarfile.SYMTYPE, "symbolic link"),
        (tarfile.CHRTYPE, "device"),
        (tarfile.BLKTYPE, "device"),
        (tarfile.FIFOTYPE, "pipe"),
        (b"M", "another archive"),
        (b"V", "label"),
        (b"Z", "unknown type"),
    ],
)
def test_what_is_no_file_is_refused_by_what_it_is(kind, what):
    archive = packed(member("playlist/a.lspl", type=kind, linkname="/etc/passwd"))
    assert what in refused(archive, "not-a-file")


def test_sparse_files_are_refused_old_and_new():
    old = packed(member("a.ogg", type=tarfile.GNUTYPE_SPARSE))
    assert "sparse" in refused(old, "not-a-file")
    new = packed(
        member("a.ogg", 3, pax_headers={"GNU.sparse.major": "1", "GNU.sparse.realsize": "9" * 12}),
        form=tarfile.PAX_FORMAT,
    )
    assert "sparse" in refused(new, "not-a-file")


@pytest.mark.parametrize(
    "name",
    [
        "/etc/passwd",
        "../../etc/passwd",
        "playlist/../../x",
        "playlist/..",
        "a\\..\\b",
        "a\nb",
        "n" * 90 + "/" + "n" * 90 + "/" + "n" * 90,
    ],
)
@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_names_with_tricks_are_refused(name, form):
    refused(packed(member(name, 3), form=form), "bad-name")


def test_a_name_that_is_hidden_behind_a_harmless_one_is_the_one_that_counts():
    archive = packed(
        member("playlist/a.lspl", 3, pax_headers={"path": "../a.lspl"}), form=tarfile.PAX_FORMAT
    )
    refused(archive, "bad-name")


def test_a_file_is_there_once():
    assert "twice" in refused(packed(member("a", 1), member("./a", 2)), "duplicate-member")


def test_there_are_not_more_members_than_allowed():
    archive = packed(*(member(f"{number}") for number in range(MOST)))
    assert len(listed(archive)) == MOST
    archive = packed(*(member(f"{number}") for number in range(MOST + 1)))
    refused(archive, "too-many-members")


def test_an_archive_that_is_cut_off_anywhere_is_refused():
    archive = packed(member("a", 700), member("b", 100, pax_headers={"path": "bé"}))
    end = archive.rindex(b"x") + 1
    for size in range(0, end + 1, 100):
        refused(archive[:size], "cut-off")
    # Without the mark at its end, too: what was behind it might be missing.
    refused(archive[: -(-end // 512) * 512], "cut-off")


@pytest.mark.parametrize("size", ["9" * 18, "9" * 4000, "-5", "x", ""])
def test_a_forged_size_is_believed_to_nobody(size):
    archive = packed(member("a", 3, pax_headers={"size": size}), form=tarfile.PAX_FORMAT)
    with pytest.raises(RefusedArchive):
        listed(archive)


def test_a_negative_size_is_refused():
    header = bytearray(packed(member("a", 3))[:512])
    header[124:136] = b"\xff" * 12  # in base 256
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    refused(bytes(header) + bytes(2048), "cut-off")


def test_an_extended_header_takes_little_memory():
    long = packed(member("n" * 70_000), form=tarfile.GNU_FORMAT)
    refused(long, "bad-header")
    refused(packed(member("a", pax_headers={"comment": "c" * 70_000}), form=2), "bad-header")


@pytest.mark.parametrize(
    "text", [b"9 path=x", b"999 path=x\n", b"path=x\n", b"0 a=b\n", b"-6 a=b\n"]
)
def test_an_extended_header_that_makes_no_sense_is_refused(text):
    header = member("pax", len(text), type=tarfile.XHDTYPE).tobuf()
    archive = header + text + bytes(-len(text) % 512) + packed(member("a"))
    refused(archive, "bad-header")


def test_what_a_header_says_of_all_that_follow_is_heard():
    text = b"20 GNU.sparse.map=1\n"
    header = member("pax", len(text), type=tarfile.XGLTYPE).tobuf()
    archive = header + text + bytes(-len(text) % 512) + packed(member("a"), member("b"))
    assert "sparse" in refused(archive, "not-a-file")


@pytest.mark.parametrize(
    ("start", "said"), [(b"\x1f\x8b\x08", "gzip"), (b"BZh9", "bzip2"), (b"RIFF", "no tar")]
)
def test_what_is_no_tar_is_refused_by_what_it_is(start, said):
    assert said in refused(start + b"\x01" * 4096, "not-tar")
    assert refused(b"", "cut-off")


@given(st.binary(max_size=3000))
def test_no_bytes_do_harm(some):
    for archive in (some, packed(member("a", 3))[:512] + some):
        with contextlib.suppress(RefusedArchive):
            listed(archive)
