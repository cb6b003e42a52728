"""A tar archive that is never built: where each byte of it comes from; pure.

The format is ustar (POSIX.1-1988). What does not fit into its fields, a member of 8 GiB say, gets
an extended header before its own (POSIX.1-2001, "pax"). Equal members make equal bytes.
"""

import tarfile
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import accumulate

BLOCK = 512
_RECORD = 20 * BLOCK  # archives are padded to it, for readers that know tapes
_LONGEST_NAME = 100  # bytes, in ustar without its prefix
_LARGEST = 8**11 - 1  # bytes, in eleven octal digits


@dataclass(frozen=True, slots=True)
class TarMember:
    """A file of an archive."""

    name: str
    size: int  # bytes


@dataclass(frozen=True, slots=True)
class Section:
    """Some bytes of a member, which is known by its place among them."""

    place: int
    part: range


@dataclass(frozen=True)
class TarLayout:
    """Where everything is. `modified` is the time all members bear."""

    members: tuple[TarMember, ...]
    modified: datetime
    starts: tuple[int, ...]  # of each member's header, and of the end mark
    size: int  # bytes, of the archive

    @classmethod
    def of(cls, members: Sequence[TarMember], modified: datetime) -> "TarLayout":
        """Lay out these members, in this order."""
        sizes = (_header_size(member) + _padded(member.size, BLOCK) for member in members)
        starts = tuple(accumulate(sizes, initial=0))
        size = _padded(starts[-1] + 2 * BLOCK, _RECORD)
        return cls(tuple(members), modified, starts, size)

    def sections(self, part: range) -> Iterator[bytes | Section]:
        """What this part of the archive is made of: bytes of its own, and parts of members."""
        first = bisect_right(self.starts, part.start) - 1
        for place in range(first, len(self.members)):
            if self.starts[place] >= part.stop:
                return
            yield from self._of_member(place, part)
        yield from _zeros(_common(part, range(self.starts[-1], self.size)))

    def _of_member(self, place: int, part: range) -> Iterator[bytes | Section]:
        member = self.members[place]
        start = self.starts[place]
        content = start + _header_size(member)
        wanted = _common(part, range(start, content))
        if wanted:
            head = header(member, int(self.modified.timestamp()))
            yield head[wanted.start - start : wanted.stop - start]
        wanted = _common(part, range(content, content + member.size))
        if wanted:
            yield Section(place, range(wanted.start - content, wanted.stop - content))
        yield from _zeros(_common(part, range(content + member.size, self.starts[place + 1])))


def _header_size(member: TarMember) -> int:
    if len(member.name) <= _LONGEST_NAME and member.name.isascii() and member.size <= _LARGEST:
        return BLOCK
    return len(header(member, 0))


@lru_cache(maxsize=64)  # those of a large member are asked for with each block of it
def header(member: TarMember, modified: int) -> bytes:
    """What comes before the bytes of a member; `modified` is in seconds since 1970."""
    entry = tarfile.TarInfo(member.name)
    entry.size = member.size
    entry.mtime = modified
    return entry.tobuf(tarfile.PAX_FORMAT, "utf-8", "strict")


def _padded(size: int, unit: int) -> int:
    return -(-size // unit) * unit


def _common(one: range, other: range) -> range:
    return range(max(one.start, other.start), min(one.stop, other.stop))


def _zeros(part: range) -> Iterator[bytes]:
    if part:
        yield bytes(len(part))
