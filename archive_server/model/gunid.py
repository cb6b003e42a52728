"""Globally unique ids of clips: 128-bit numbers with two spellings.

Numbers below 2^64 are classic LiveSupport ids, written as 16 hex digits; all others are UUIDs
(RFC 9562), written in 36 characters.
"""

import re
import secrets
import time
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from archive_server.errors import BadRequest

_CLASSIC = re.compile(r"[0-9a-fA-F]{16}")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class IdStyle(StrEnum):
    """What new ids look like."""

    UUID7 = "uuid7"
    LIVESUPPORT = "livesupport"


@dataclass(frozen=True, slots=True, order=True)
class Gunid:
    """A globally unique id; `str()` is its canonical spelling."""

    uuid: UUID

    def __str__(self) -> str:
        """Sixteen lower-case hex digits for a classic id, the usual UUID form for others."""
        return f"{self.uuid.int:016x}" if self.uuid.int < 2**64 else str(self.uuid)

    @classmethod
    def parse(cls, text: str) -> "Gunid":
        """Read either spelling, in either case. Raises BadRequest for anything else."""
        if _CLASSIC.fullmatch(text):
            return cls(UUID(int=int(text, 16)))
        if _UUID.fullmatch(text):
            return cls(UUID(text))
        raise BadRequest("gunid: 16 hex digits or a UUID expected")

    @classmethod
    def new(cls, style: IdStyle) -> "Gunid":
        """Make an id nobody has had before."""
        if style is IdStyle.LIVESUPPORT:
            # 63 bits: old C++ clients read ids as signed 64-bit integers.
            return cls(UUID(int=secrets.randbits(63) or 1))
        return cls(_uuid7())


def _uuid7() -> UUID:
    """A UUID of version 7 (RFC 9562, 5.7): milliseconds since 1970, then 74 random bits."""
    milliseconds = time.time_ns() // 1_000_000
    number = (milliseconds & (2**48 - 1)) << 80 | secrets.randbits(80)
    number = number & ~(0xF << 76) | 0x7 << 76
    number = number & ~(0x3 << 62) | 0x2 << 62
    return UUID(int=number)
