"""Looking for audio in folders. Blocks; follows links to files, but not to folders."""

import itertools
import operator
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

# What is stored, and what people take for it: the refusal tells them what it is.
_AUDIO = frozenset(
    """
    ogg oga mp3 mpga wav wave bwf rf64 bw64
    aac ac3 aif aiff ape flac m4a m4b mka mp2 mpc opus ra spx voc w64 wma wv
    """.split()  # noqa: SIM905 - as in the probe's table of names
)

_Identity = tuple[int, int]  # device and inode


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file that may be audio."""

    path: Path
    size: int  # bytes, as it was found


@dataclass(slots=True)
class Found:
    """What was found: files to try, and what cannot be looked into, with the reason."""

    files: list[FoundFile] = field(default_factory=list)
    others: int = 0  # files that are not called like audio
    unreadable: list[tuple[Path, str]] = field(default_factory=list)

    @property
    def size(self) -> int:
        """The bytes of all files to try."""
        return sum(file.size for file in self.files)


def look(places: Sequence[Path], *, leave_out: Path) -> Found:
    """Find audio below folders, by the names of files; files that are given are taken as they are.

    Names that begin with a dot are hidden and passed over, and so is the directory `leave_out`:
    the archive's own.
    """
    found = Found()
    ours = _identity(leave_out)
    for place in places:
        if place.is_dir():
            for entry in _entries(place, ours, found):
                _take(entry, found)
        else:
            _add(place, found)
    return found


def _identity(directory: Path) -> _Identity | None:
    """What tells a directory from all others, however it is called; None: there is none."""
    try:
        status = directory.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _entries(folder: Path, ours: _Identity | None, found: Found) -> Iterator["os.DirEntry[str]"]:
    """What is below a folder, is not hidden and no folder, in the order of folders and names."""
    waiting = [folder]
    while waiting:
        current = waiting.pop()
        try:
            status = current.stat()
            if (status.st_dev, status.st_ino) == ours:
                continue
            with os.scandir(current) as entries:
                shown = sorted(
                    (entry for entry in entries if not entry.name.startswith(".")),
                    key=lambda entry: entry.name,
                )
            is_folder = [entry.is_dir(follow_symlinks=False) for entry in shown]
        except OSError as error:  # closed to us, or removed since it was listed
            found.unreadable.append((current, str(error.strerror)))
            continue
        waiting += reversed(list(map(Path, itertools.compress(shown, is_folder))))
        yield from itertools.compress(shown, map(operator.not_, is_folder))


def _take(entry: "os.DirEntry[str]", found: Found) -> None:
    is_audio = entry.name.rpartition(".")[2].lower() in _AUDIO
    try:
        if not entry.is_file():
            return
    except OSError as error:  # a link to itself, or to where we may not look
        if is_audio:
            found.unreadable.append((Path(entry), str(error.strerror)))
        return
    if is_audio:
        _add(Path(entry), found)
    else:
        found.others += 1


def _add(path: Path, found: Found) -> None:
    try:
        status = path.stat()
    except OSError as error:
        found.unreadable.append((path, str(error.strerror)))
        return
    if stat.S_ISREG(status.st_mode):
        found.files.append(FoundFile(path, status.st_size))
    else:
        found.unreadable.append((path, "not a file"))  # a pipe would be waited for
