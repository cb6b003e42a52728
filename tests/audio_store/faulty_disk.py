"""A disk that fails or loses power on demand, under code that does not know it.

It stands between Python's `os` and the real file system: every change below a directory passes
through `step`, which lets it happen, fails it with an errno, or cuts the power. What was not
fsynced can then be taken back, as a power cut may do:

- names: a name made, moved or removed lasts once *its directory* was fsynced; of the others the
  newest ones go first, since file systems keep their order;
- bytes: those of a file last once the file was fsynced; the others read as zeros.

fsync itself is noted and not carried out, so tests are fast; so is syncfs.
"""

import ctypes
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

from audio_store import disk as disk_module


class PowerCut(BaseException):
    """Nothing is carried out any more. Not an Exception: no handler in the code may see it."""


@dataclass
class _Name:
    """A change of a directory that a power cut may take back."""

    directory: Path
    undo: Callable[[], None]


@dataclass
class FaultyDisk:
    """The disk under `root`. `shadow` is an empty directory on the same file system."""

    root: Path
    shadow: Path
    steps: list[str] = field(default_factory=list)
    cut_at: int | None = None  # the number of the step that the power cut interrupts
    errors: dict[str, list[int]] = field(default_factory=dict)  # step -> errnos; 0: succeeds
    largest_write: int = 1 << 30
    _names: list[_Name] = field(default_factory=list)
    _unsynced: dict[int, int] = field(default_factory=dict)  # inode -> its durable size
    _real: dict[str, Callable[..., Any]] = field(default_factory=dict)

    # -- switching it on --------------------------------------------------------------------

    @contextmanager
    def inserted(self) -> Iterator["FaultyDisk"]:
        replaced = (
            *("open", "write", "ftruncate", "fchmod", "chmod", "fsync", "mkdir"),
            *("rename", "replace", "link", "unlink"),
        )
        self._real = {name: getattr(os, name) for name in replaced}
        stand_ins = {name: getattr(self, f"_{name}") for name in replaced}
        together = {"_syncfs": self._syncfs, "_sync_file_range": self._sync_file_range}
        with mock.patch.multiple(os, **stand_ins), mock.patch.multiple(disk_module, **together):
            yield self

    def crash(self, lost_names: int, lose_bytes: bool) -> None:
        """Lose power, and with it the last `lost_names` unsynced names, and unsynced bytes."""
        for name in reversed(self._names[len(self._names) - min(lost_names, len(self._names)) :]):
            name.undo()
        if lose_bytes:
            for inode, durable in self._unsynced.items():
                path = self.shadow / str(inode)
                size = path.stat().st_size
                path.chmod(0o600)
                os.truncate(path, durable)
                os.truncate(path, size)
        self.forget()

    def forget(self) -> None:
        """Begin anew with the disk as it is."""
        for path in self.shadow.iterdir():
            path.unlink()
        self._names.clear()
        self._unsynced.clear()
        self.steps.clear()
        self.errors.clear()
        self.cut_at = None

    # -- what may go wrong ------------------------------------------------------------------

    def _step(self, name: str) -> None:
        number = len(self.steps)
        self.steps.append(name)
        if self.cut_at is not None and number >= self.cut_at:
            raise PowerCut
        if errors := self.errors.get(name):
            code = errors.pop(0)
            if code:
                raise OSError(code, os.strerror(code))

    def _is_ours(self, path: Any) -> bool:
        return isinstance(path, str | Path) and Path(path).is_relative_to(self.root)

    def _path_of(self, descriptor: int) -> Path:
        return Path(f"/proc/self/fd/{descriptor}").readlink()

    def _keep(self, path: Path) -> Path:
        """Hold on to a file, however its names change; return the name it has for us."""
        kept = self.shadow / str(path.stat().st_ino)
        if not kept.exists():
            self._real["link"](path, kept)
        return kept

    def _note(self, directory: Path, undo: Callable[[], None]) -> None:
        self._names.append(_Name(directory, undo))

    # -- the calls --------------------------------------------------------------------------

    def _open(self, path: Any, flags: int, mode: int = 0o777, **others: Any) -> int:
        creates = self._is_ours(path) and flags & os.O_CREAT and not Path(path).exists()
        if not creates:
            return self._real["open"](path, flags, mode, **others)
        self._step("create")
        descriptor = self._real["open"](path, flags, mode, **others)
        kept = self._keep(Path(path))
        self._unsynced[int(kept.name)] = 0
        self._note(Path(path).parent, lambda: self._remove_if(Path(path), kept))
        return descriptor

    def _write(self, descriptor: int, block: Any) -> int:
        path = self._path_of(descriptor)
        if not self._is_ours(path):
            return self._real["write"](descriptor, block)
        self._unsynced.setdefault(int(self._keep(path).name), path.stat().st_size)
        view = memoryview(block)
        try:
            self._step("write")
        except PowerCut:
            if len(self.steps) - 1 == self.cut_at:
                self._real["write"](descriptor, view[: len(view) // 2])
            raise
        return self._real["write"](descriptor, view[: self.largest_write])

    def _ftruncate(self, descriptor: int, size: int) -> None:
        path = self._path_of(descriptor)
        if self._is_ours(path):
            self._step("truncate")
            inode = int(self._keep(path).name)
            self._unsynced[inode] = min(size, self._unsynced.get(inode, size))
        self._real["ftruncate"](descriptor, size)

    def _fchmod(self, descriptor: int, mode: int) -> None:
        if self._is_ours(self._path_of(descriptor)):
            self._step("chmod")
        self._real["fchmod"](descriptor, mode)

    def _chmod(self, path: Any, mode: int, **others: Any) -> None:
        if self._is_ours(path):
            self._step("chmod")
        self._real["chmod"](path, mode, **others)

    def _fsync(self, descriptor: int) -> None:
        path = self._path_of(descriptor)
        if not self._is_ours(path) and path != self.root.parent:
            return
        if path.is_dir():
            self._step("sync names")
            self._names = [name for name in self._names if name.directory != path]
        else:
            self._step("sync bytes")
            self._unsynced.pop(os.fstat(descriptor).st_ino, None)

    def _syncfs(self, descriptor: int) -> int:
        """All names and bytes at once; -1 with an error that may be of any file."""
        if not self._is_ours(self._path_of(descriptor)):
            return 0
        try:
            self._step("sync all")
        except OSError as error:
            return self._failed(error)
        self._names.clear()
        self._unsynced.clear()
        return 0

    def _sync_file_range(self, descriptor: int, offset: int, size: int, flags: int) -> int:
        """Begin to write, which promises nothing, or (flags 1) tell what could not be written."""
        if flags & 1 and self._is_ours(self._path_of(descriptor)):
            try:
                self._step("ask")
            except OSError as error:
                return self._failed(error)
        return 0

    def _failed(self, error: OSError) -> int:
        ctypes.set_errno(error.errno or 0)
        return -1

    def _mkdir(self, path: Any, mode: int = 0o777, **others: Any) -> None:
        if not self._is_ours(path):
            return self._real["mkdir"](path, mode, **others)
        if Path(path).is_dir():
            raise FileExistsError(17, "File exists")
        self._step("mkdir")
        self._real["mkdir"](path, mode, **others)
        return self._note(Path(path).parent, lambda: shutil.rmtree(path, ignore_errors=True))

    def _rename(self, source: Any, target: Any, **others: Any) -> None:
        if not self._is_ours(target):
            return self._real["rename"](source, target, **others)
        self._step("rename")
        kept, replaced = self._keep(Path(source)), None
        if Path(target).exists():
            replaced = self._keep(Path(target))
        self._real["rename"](source, target, **others)

        def undo() -> None:
            self._remove_if(Path(target), kept)
            self._restore(Path(source), kept)
            if replaced is not None:
                self._restore(Path(target), replaced)

        return self._note(Path(target).parent, undo)

    _replace = _rename

    def _link(self, source: Any, target: Any, **others: Any) -> None:
        if not self._is_ours(target):
            return self._real["link"](source, target, **others)
        self._step("link")
        self._real["link"](source, target, **others)
        kept = self._keep(Path(target))
        return self._note(Path(target).parent, lambda: self._remove_if(Path(target), kept))

    def _unlink(self, path: Any, **others: Any) -> None:
        if not self._is_ours(path) or not Path(path).exists():
            return self._real["unlink"](path, **others)
        self._step("unlink")
        kept = self._keep(Path(path))
        self._real["unlink"](path, **others)
        return self._note(Path(path).parent, lambda: self._restore(Path(path), kept))

    # -- taking back ------------------------------------------------------------------------

    def _remove_if(self, path: Path, kept: Path) -> None:
        if path.exists() and path.samefile(kept):
            path.unlink()

    def _restore(self, path: Path, kept: Path) -> None:
        if path.parent.is_dir() and not path.exists():
            path.hardlink_to(kept)
