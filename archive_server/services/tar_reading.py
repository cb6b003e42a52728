"""Reading tar archives from strangers: what is in them, and where; blocks.

Formats are ustar, GNU and pax. Only files and directories are understood: everything else is
refused by what it is. Nothing is believed: names must be plain, sizes within the archive, and
memory is taken for a header at a time.
"""

import tarfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, NoReturn

from archive_server.errors import RefusedArchive
from archive_server.model.tar_layout import BLOCK

_LONGEST_NAME = 255  # bytes
_SHOWN = 80  # characters, of a name that is refused
_LARGEST_HEADER = 64 * 1024  # bytes, of an extended one
_LARGEST_NUMBER = 18  # digits
_REFUSED = {
    tarfile.LNKTYPE: "a hard link",
    tarfile.SYMTYPE: "a symbolic link",
    tarfile.CHRTYPE: "a device",
    tarfile.BLKTYPE: "a device",
    tarfile.FIFOTYPE: "a named pipe",
    tarfile.GNUTYPE_SPARSE: "a sparse file",
    b"M": "a part of a file that began in another archive",
    b"V": "a label of a volume",
}
_MAGIC = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"\x28\xb5\x2f\xfd": "zstd"}


@dataclass(frozen=True, slots=True)
class TarFile:
    """A file in an archive: which bytes of it are its own."""

    name: str
    part: range

    @property
    def size(self) -> int:
        """Its bytes."""
        return len(self.part)


def list_files(file: BinaryIO, size: int, *, most: int) -> dict[str, TarFile]:
    """The files of an archive of `size` bytes, which has at most `most` members, by their names.

    Raises RefusedArchive for what is no archive, cut off, or holds anything but plain files and
    directories.
    """
    found: dict[str, TarFile] = {}
    for each in each_file(file, size, most=most):
        if each.name in found:
            _refuse("duplicate-member", f"{each.name!r} is there twice")
        found[each.name] = each
    return found


def each_file(file: BinaryIO, size: int, *, most: int) -> Iterator[TarFile]:
    """As `list_files`, one by one: they need not all be held. A name may come twice."""
    for entry in _Scanner(file, size, most).entries():
        if not entry.is_directory:
            yield TarFile(entry.name, entry.part)


@dataclass(frozen=True, slots=True)
class _Entry:
    name: str
    part: range
    is_directory: bool


@dataclass
class _Scanner:
    """Goes through an archive from header to header."""

    file: BinaryIO
    size: int
    most: int
    place: int = 0
    headers: int = 0
    common: Mapping[str, str] = field(default_factory=dict)  # what pax says of all that follow

    def entries(self) -> Iterator[_Entry]:
        extended: Mapping[str, str] = self.common
        while (header := self._header()) is not None:
            reader = _EXTENSIONS.get(header.type)
            if reader is not None:
                extended = {**extended, **reader(self, header)}
                continue
            yield self._entry(header, extended)
            extended = self.common
        if extended is not self.common:
            _refuse("cut-off", "it ends where another file was announced")

    def _header(self) -> tarfile.TarInfo | None:
        """The next header; None at the mark that ends the archive."""
        block = self._read(BLOCK)
        if block == bytes(BLOCK):
            return None
        try:
            header = tarfile.TarInfo.frombuf(block, "utf-8", "strict")
        except (tarfile.HeaderError, UnicodeDecodeError) as error:
            if self.headers:
                _refuse("not-tar", f"there is no header at byte {self.place - BLOCK}", error)
            _refuse("not-tar", f"it is no tar archive{_guess(block)}", error)
        self.headers += 1
        if self.headers > self.most:
            _refuse("too-many-members", f"it has more than {self.most} members")
        return header

    def _entry(self, header: tarfile.TarInfo, extended: Mapping[str, str]) -> _Entry:
        name = _checked_name(extended.get("path", header.name))
        if any(key.startswith("GNU.sparse.") for key in extended):
            _refuse("not-a-file", f"{name!r} is a sparse file")
        if header.type not in (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.DIRTYPE):
            what = _REFUSED.get(header.type, f"of the unknown type {header.type!r}")
            _refuse("not-a-file", f"{name!r} is {what}")
        size = _number(extended["size"]) if "size" in extended else header.size
        part = self._skip(name, 0 if header.isdir() else size)
        return _Entry(name, part, header.isdir())

    def _skip(self, name: str, size: int) -> range:
        """The bytes that follow, as many as told; goes on behind them."""
        part = range(self.place, self.place + size)
        if size < 0 or part.stop > self.size:
            _refuse("cut-off", f"{name!r} has {size} bytes, which are not there")
        self.place += _padded(size)
        return part

    def _extension(self, header: tarfile.TarInfo) -> bytes:
        """What an extended header says."""
        if not 0 <= header.size <= _LARGEST_HEADER:
            _refuse("bad-header", f"an extended header has {header.size} bytes")
        return self._read(_padded(header.size))[: header.size]

    def read_pax(self, header: tarfile.TarInfo) -> Mapping[str, str]:
        return dict(_records(self._extension(header)))

    def read_common_pax(self, header: tarfile.TarInfo) -> Mapping[str, str]:
        self.common = {**self.common, **self.read_pax(header)}
        return self.common

    def read_long_name(self, header: tarfile.TarInfo) -> Mapping[str, str]:
        name = self._extension(header).rstrip(b"\0")
        return {"path": _text(name)}

    def _read(self, size: int) -> bytes:
        self.file.seek(self.place)
        found = self.file.read(size)
        if len(found) < size:
            _refuse("cut-off", "it is cut off")
        self.place += size
        return found


_EXTENSIONS: Mapping[bytes, Callable[[_Scanner, tarfile.TarInfo], Mapping[str, str]]] = {
    tarfile.XHDTYPE: _Scanner.read_pax,
    tarfile.SOLARIS_XHDTYPE: _Scanner.read_pax,
    tarfile.XGLTYPE: _Scanner.read_common_pax,
    tarfile.GNUTYPE_LONGNAME: _Scanner.read_long_name,
}


def _records(text: bytes) -> Iterator[tuple[str, str]]:
    """The records of a pax header: `25 path=audioClip/...` and a line end, 25 being its length."""
    while text:
        digits, blank, _ = text[:8].partition(b" ")
        length = int(digits) if blank and digits.isdigit() else 0
        record, text = text[:length], text[length:]
        key, equals, value = record[len(digits) + 1 : -1].partition(b"=")
        if len(record) < length or not equals or not record.endswith(b"\n"):
            _refuse("bad-header", "an extended header makes no sense")
        # Others than these may hold anything, comments in another encoding for example.
        if key in (b"path", b"size"):
            yield key.decode(), _text(value)
        elif key.startswith(b"GNU.sparse."):
            yield "GNU.sparse.", ""


def _padded(size: int) -> int:
    return -(-size // BLOCK) * BLOCK


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _LARGEST_NUMBER):
        _refuse("bad-header", f"a size of {text[:40]!r} bytes")
    return int(text)


def _text(encoded: bytes) -> str:
    try:
        return encoded.decode()
    except UnicodeDecodeError as error:
        _refuse("bad-name", "a name is not in UTF-8", error)


def _checked_name(name: str) -> str:
    """A relative name without tricks; `./` before it is left out. Raises RefusedArchive."""
    shown = repr(name[:_SHOWN])
    if len(name.encode()) > _LONGEST_NAME:
        _refuse("bad-name", f"the name {shown} is too long")
    if name.startswith("/"):
        _refuse("bad-name", f"{shown}: a relative name expected")
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts:
        _refuse("bad-name", f"{shown} leads out of the archive")
    if "\\" in name or any(ord(character) < 32 for character in name):
        _refuse("bad-name", f"{shown} has characters that names do not have")
    return "/".join(parts)


def _guess(block: bytes) -> str:
    kinds = [kind for magic, kind in _MAGIC.items() if block.startswith(magic)]
    return f", but {kinds[0]}: send it uncompressed" if kinds else ""


def _refuse(reason: str, message: str, cause: Exception | None = None) -> NoReturn:
    raise RefusedArchive(message, reason) from cause
