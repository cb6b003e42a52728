"""Reading from the store, and its errors in the archive's words."""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from archive_server.errors import Damaged, Unavailable, UploadBusy
from archive_server.model.clips import Content
from audio_store import ContentMissing, StagingBusy, StoreAway, StoreFull

# Linux; elsewhere everything is read as if it were on the disk.
_NO_WAIT = getattr(os, "RWF_NOWAIT", -1)
_TASTE = [bytearray(1)]  # what is read to learn that it can be
_WARMED_AT_ONCE = 1024 * 1024


@contextmanager
def store_errors() -> Iterator[None]:
    """Translate what the store raises inside the block.

    Content that cannot be found is not deleted (promise 5): it is unavailable until somebody, or
    the next mount, brings it back.
    """
    try:
        yield
    except StagingBusy as error:
        raise UploadBusy("another request is writing or closing this upload") from error
    except StoreFull as error:
        raise Unavailable("the archive's disk is full", retry_after=60) from error
    except StoreAway as error:
        raise Unavailable("the archive's store is away", retry_after=10) from error
    except ContentMissing as error:
        raise Unavailable("the audio cannot be found in the store", retry_after=60) from error


def require_sound(content: Content) -> None:
    """Raise Damaged for what is known to be: nobody shall get it for what was stored."""
    if content.is_damaged:
        raise Damaged


class SharedContent(io.FileIO):
    """A file of the store that several readers have open at once; the last to close it does.

    They read it by offset (`read_part`, sendfile), since they share its position too.
    """

    def __init__(self, descriptor: int) -> None:
        """Take a descriptor over, for one reader."""
        super().__init__(descriptor)
        self._readers = 1

    @classmethod
    def of(cls, content: BinaryIO) -> "SharedContent":
        """Take a file over that has just been opened."""
        with content:
            return cls(os.dup(content.fileno()))

    def share(self) -> None:
        """Count one more reader, who has to close it too."""
        self._readers += 1

    def close(self) -> None:
        """Count one reader less."""
        self._readers -= 1
        if self._readers <= 0:
            super().close()

    def has_size(self, size: int) -> bool:
        """Whether the file is still that long, and has a name. Takes a microsecond."""
        status = os.fstat(self.fileno())
        return status.st_size == size and status.st_nlink > 0


def is_cached(content: BinaryIO, part: range) -> bool:
    """Whether a part can be read, as far as one can tell, without waiting for the disk.

    It asks for the last byte, in 1 µs: the kernel reads ahead in order, so what is before it is
    mostly there as well.
    """
    try:
        return not part or os.preadv(content.fileno(), _TASTE, part.stop - 1, _NO_WAIT) == 1
    except OSError:  # it would block; or whoever reads it in earnest meets the error again
        return False


def warm(content: BinaryIO, part: range) -> None:
    """Bring a part into the page cache; blocks. Raises Unavailable.

    It is read, not advised: nobody is told when advice has been taken.
    """
    for start in range(part.start, part.stop, _WARMED_AT_ONCE):
        read_part(content, range(start, min(start + _WARMED_AT_ONCE, part.stop)))


def read_part(content: BinaryIO, part: range) -> bytes:
    """Read a part of a file, wherever it stands; blocks. Raises Unavailable."""
    found = []
    place = part.start
    while place < part.stop:
        try:
            some = os.pread(content.fileno(), part.stop - place, place)
        except OSError as error:
            raise Unavailable("the audio cannot be read now") from error
        if not some:
            raise Damaged
        found.append(some)
        place += len(some)
    return found[0] if len(found) == 1 else b"".join(found)
