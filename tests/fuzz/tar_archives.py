"""Tar archives from strangers: what we see in them is what others see; the rest is refused."""

import io
import tarfile
import tempfile
from collections.abc import Iterator

from archive_server.errors import ArchiveError, BadDocument, RefusedArchive
from archive_server.model.documents import Document
from archive_server.model.playlist_imports import Tracks, made
from archive_server.services import importing
from archive_server.services.importing import ImportLimits
from archive_server.services.packed_items import BackupContents
from archive_server.services.tar_reading import TarFile, each_file, list_files
from fuzz import metadata_documents, playlist_documents
from fuzz.costs import in_memory, in_time

MOST = 200  # members
_LIMITS = ImportLimits(members=MOST, largest_document=2**18)
_MEMORY, _FACTOR = 8 * 2**20, 100
_BLOCK = 512

TOKENS = (
    b"ustar\x0000", b"ustar  \0", b"playlist/0000000000000001.xml", b"exportedPlaylist.lspl",
    b"audioClip/0000000000000002", b"audioClip/0000000000000002.xml", b"meta-inf/storage.xml",
    b"audioClip/0000000000000002.ogg", b"25 path=", b"18 size=", b"GNU.sparse.", b"././@LongLink",
    b"00000000017\0", b"\x80\0\0\0\0\0\0\x01\0\0\0\0", b"\xff" * 12, b"../", b"./", b"\\",
    b"0", b"1", b"2", b"5", b"x", b"g", b"L", b"K", b"S", bytes(_BLOCK),
)  # fmt: skip


def fuzz_one(data: bytes) -> None:
    """Read an archive, as it is and with its checksums put right, in each of our ways."""
    for archive in {data, _summed(data)}:
        _list(archive)
        _import(archive)
        _restore(archive)


def _summed(data: bytes) -> bytes:
    """The same, where each block that may be a header has the right checksum.

    No mutation would ever hit it, and nothing behind the first header would be reached.
    """
    archive = bytearray(data)
    for place, _ in _blocks(archive):
        if any(archive[place : place + _BLOCK]):
            archive[place + 148 : place + 156] = b" " * 8
            checksum = b"%06o\0 " % sum(archive[place : place + _BLOCK])
            archive[place + 148 : place + 156] = checksum
    return bytes(archive)


def _unpadded(data: bytes) -> bytes:
    """The same, where nothing but zeros fills up the blocks of long names.

    Python's library reads a name on beyond its length, up to the first zero.
    """
    archive = bytearray(data)
    for place, size in _blocks(archive):
        if archive[place + 156 : place + 157] in (b"L", b"K"):
            start, end = place + _BLOCK + size, place + _BLOCK + _padded(size)
            archive[start:end] = bytes(len(archive[start:end]))
    return bytes(archive)


def _blocks(archive: bytearray) -> Iterator[tuple[int, int]]:
    """Where headers may be, and the sizes they tell; they may be changed on the way."""
    place = 0
    while place + _BLOCK <= len(archive):
        size = _told_size(archive[place : place + _BLOCK])
        yield place, size
        place += _BLOCK + _padded(size)


def _told_size(block: bytearray) -> int:
    try:
        return max(0, int(block[124:136].split(b"\0")[0].strip() or b"0", 8))
    except ValueError:
        return 0


def _padded(size: int) -> int:
    return -(-size // _BLOCK) * _BLOCK


def _list(archive: bytes) -> None:
    size = len(archive)
    try:
        with in_time(size), in_memory(_MEMORY + _FACTOR * size):
            found = list_files(io.BytesIO(archive), size, most=MOST)
    except RefusedArchive as error:
        assert error.reason
        assert len(str(error)) < 1200, "an error tells of an archive, and does not repeat it"
        return
    assert all(0 <= each.part.start <= each.part.stop <= size for each in found.values())
    assert not any(_is_dangerous(name) for name in found)
    assert _seen(archive, found) == _seen_by_tarfile(_unpadded(archive))


def _is_dangerous(name: str) -> bool:
    parts = name.split("/")
    return name.startswith("/") or ".." in parts or "\\" in name or "\0" in name


def _seen(archive: bytes, found: dict[str, TarFile]) -> dict[str, bytes]:
    return {name: archive[each.part.start : each.part.stop] for name, each in found.items()}


def _seen_by_tarfile(archive: bytes) -> dict[str, bytes]:
    """Files by their names, as Python's own library reads them."""
    found = {}
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:") as tar:
        for member in tar:
            if member.isreg():
                parts = [part for part in member.name.split("/") if part not in ("", ".")]
                found["/".join(parts)] = tar.extractfile(member).read()  # type: ignore[union-attr]
    return found


def _import(archive: bytes) -> None:
    try:
        with tempfile.TemporaryFile() as file, in_time(len(archive)):
            file.write(archive)
            file.flush()
            _, plan = importing._read(file, len(archive), _LIMITS)
    except (RefusedArchive, BadDocument):
        return
    assert plan.main in plan.playlists
    for document in plan.documents.values():
        metadata_documents.check_kept(document)
    for gunid, written in plan.playlists.items():
        if isinstance(written, Tracks):
            playlist_documents.check_kept_tracks(made(gunid, written, {}))
        else:
            playlist_documents.check_kept(written)


def _restore(archive: bytes) -> None:
    file = io.BytesIO(archive)
    try:
        with in_time(len(archive)):
            contents = BackupContents.of(file, len(archive), most=MOST)
    except RefusedArchive:
        return
    names = [each.name for each in each_file(file, len(archive), most=MOST)]
    try:
        for some in (*contents.clips(), *contents.playlists()):
            for item in some:
                assert item.name in names
                assert 0 <= item.size <= len(archive)
                if item.document is not None:
                    _describe(archive[item.document.part.start : item.document.part.stop])
    finally:
        contents.close()


def _describe(text: bytes) -> None:
    try:
        Document.parse(text, largest=_LIMITS.largest_document)
    except ArchiveError as error:
        assert isinstance(error, BadDocument)
