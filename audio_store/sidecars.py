"""Texts beside the content that say what it is, so that a store can be read without a database.

    items/ab/<id>.json     of one item; ab: the last two digits of the id
    archive.json           of everything else
    ….new                  one of them while it is written; what a crash leaves is overwritten

What the texts say is not for the store to know. They are replaced as a whole: who reads one gets
the old or the new, in a crash too.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from audio_store.disk import (
    disk_errors,
    file_errors,
    sync_directories,
    sync_directory,
    sync_files,
    write_all,
)
from audio_store.errors import BadName, SidecarDamaged, SidecarMissing
from audio_store.layout import PRIVATE, SHARDS
from audio_store.store import AudioStore

ARCHIVE = "archive"  # what the text of everything else is called

_ID = re.compile(r"[0-9a-f-]{14,34}[0-9a-f]{2}")
_SUFFIX = ".json"
_SECRET = 0o600  # passwords' hashes, and what a station thinks of its own


@dataclass(frozen=True, slots=True)
class Sidecars:
    """The sidecars of a store, for one writer. All methods block and may raise StoreAway."""

    store: AudioStore

    @property
    def items(self) -> Path:
        """Where those of items are."""
        return self.store.root / "items"

    def path(self, name: str) -> Path:
        """Where one is, if it is there. Raises BadName."""
        if name == ARCHIVE:
            return self.store.root / f"{ARCHIVE}{_SUFFIX}"
        if not _ID.fullmatch(name):
            raise BadName("id: hex digits and hyphens expected")
        return self.items / name[-2:] / f"{name}{_SUFFIX}"

    def write_all(self, texts: Mapping[str, str]) -> int:
        """Write each text under its name; return how many were not there already.

        When this returns, they survive a power cut. Raises StoreFull; then some may be written.
        """
        self.store.require_present()
        with disk_errors():
            changed = {
                path: body
                for name, text in texts.items()
                if self._read(path := self.path(name)) != (body := f"{text}\n".encode())
            }
            for directory in dict.fromkeys(path.parent for path in changed):
                self._make(directory)
            opened: list[int] = []
            try:
                for path, body in changed.items():
                    opened.append(_written(_new(path), body))
                sync_files(opened)
            finally:
                for descriptor in opened:
                    os.close(descriptor)
            for path in changed:
                _new(path).rename(path)
            sync_directories(path.parent for path in changed)
        return len(changed)

    def remove_all(self, names: Iterable[str]) -> None:
        """Remove those that are there; after a power cut, too, they are gone.

        Who came back would be an item again for whoever makes a database of them.
        """
        self.store.require_present()
        with disk_errors():
            paths = [path for name in names if (path := self.path(name)).parent.is_dir()]
            for path in paths:
                path.unlink(missing_ok=True)
                _new(path).unlink(missing_ok=True)  # what a crash may have left
            sync_directories(path.parent for path in paths)

    def read(self, name: str) -> bytes:
        """One as it was written. Raises SidecarMissing, SidecarDamaged, BadName."""
        with self._reading(name):
            try:
                return self.path(name).read_bytes()
            except FileNotFoundError as error:
                self.store.require_present()
                raise SidecarMissing(f"there is no sidecar {name}") from error

    def put_aside(self, name: str) -> None:
        """Give one that is damaged another name: it may be mended, and would be written anew."""
        path = self.path(name)
        self.store.require_present()
        with disk_errors():
            path.rename(path.with_name(f"{path.name}.damaged"))
            sync_directory(path.parent)

    def names(self) -> Iterator[str]:
        """The ids of all items that have one, by directory."""
        self.store.require_present()
        for shard in SHARDS:
            for name in self._in_directory(self.items / shard):
                item = name.removesuffix(_SUFFIX)
                with suppress(BadName):  # a file of another name is not ours
                    if name.endswith(_SUFFIX) and self.path(item) == self.items / shard / name:
                        yield item

    def _read(self, path: Path) -> bytes | None:
        """What is there; None: nothing, or nothing that can be read, which is to be replaced."""
        with suppress(SidecarDamaged), self._reading(path.stem), suppress(FileNotFoundError):
            return path.read_bytes()
        return None

    @contextmanager
    def _reading(self, name: str) -> Iterator[None]:
        try:
            with file_errors(lambda why: SidecarDamaged(f"sidecar {name} cannot be read: {why}")):
                yield
        except SidecarDamaged:
            self.store.require_present()
            raise

    def _in_directory(self, directory: Path) -> list[str]:
        with disk_errors():
            try:
                return sorted(path.name for path in directory.iterdir())
            except FileNotFoundError:  # nothing has been written there yet
                self.store.require_present()
                return []

    def _make(self, directory: Path) -> None:
        """Make a directory and its name durable, where it is not there yet."""
        if directory == self.store.root or directory.is_dir():
            return
        self._make(directory.parent)
        directory.mkdir(PRIVATE, exist_ok=True)
        sync_directory(directory.parent)


def _new(path: Path) -> Path:
    return path.with_name(f"{path.name}.new")


def _written(path: Path, body: bytes) -> int:
    """The descriptor of a file that has been written, and may not be on the disk yet."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(path, flags, _SECRET)
    try:
        write_all(descriptor, body)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor
