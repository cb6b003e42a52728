"""CRC-16/ARC over much audio, in numpy: the checksum that LAME and FFmpeg leave in MP3s.

A CRC is linear, so a block is cut into lanes whose CRCs run side by side, two bytes a step, and
are then joined: shifting a CRC over a whole lane is one look into a table. Zeros before the first
byte change nothing, so they fill up a lane that is not full.

Each step costs the same for few lanes as for many, so short audio has short lanes: 0.3 ms for a
jingle of 30 KB instead of 2.
"""

from collections.abc import Iterator
from functools import cache
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from audio_store.probe.shape import read_at

_SHORT_STEPS, _LONG_STEPS = 32, 512  # of two bytes each, in a lane
_SHORT = 2**18  # bytes of audio that have short lanes
_LANES = 1024  # at a time
_Words = npt.NDArray[np.uint16]


def crc16_of(file: BinaryIO, start: int, end: int) -> int:
    """The CRC of the bytes [start, end)."""
    steps = _SHORT_STEPS if end - start <= _SHORT else _LONG_STEPS
    lane = 2 * steps
    shift = _shift_table(steps)
    crc = 0
    for block in _blocks(file, start, end, lane):
        for crc_of_lane in _lanes(block, steps):
            crc = shift[crc] ^ crc_of_lane
    return crc


def _blocks(file: BinaryIO, start: int, end: int, lane: int) -> Iterator[bytes]:
    """The bytes in whole lanes, the first one filled up in front."""
    odd = (end - start) % lane
    if odd:
        yield bytes(lane - odd) + read_at(file, start, odd)
    for position in range(start + odd, end, _LANES * lane):
        yield read_at(file, position, min(_LANES * lane, end - position))


def _lanes(block: bytes, steps: int) -> list[int]:
    step = _step_table()
    whole = len(block) // (2 * steps) * 2 * steps  # less only if the file became shorter
    words = np.frombuffer(block[:whole], dtype="<u2").reshape(-1, steps)
    crcs = np.zeros(len(words), dtype=np.uint16)
    for column in np.ascontiguousarray(words.T):
        crcs = step[crcs ^ column]
    joined: list[int] = crcs.tolist()
    return joined


@cache
def _step_table() -> _Words:
    """What becomes of each CRC when two zero bytes are taken in."""
    table: _Words = np.arange(2**16, dtype=np.uint16)
    for _ in range(16):
        odd = (table & 1).astype(np.bool_)
        np.right_shift(table, 1, out=table)
        table[odd] ^= 0xA001
    return table


@cache
def _shift_table(steps: int) -> list[int]:
    """What becomes of each CRC when a lane of zeros is taken in."""
    table = _step_table()
    for _ in range(steps.bit_length() - 1):
        table = table[table]  # twice as many steps; their number is a power of two
    shifted: list[int] = table.tolist()
    return shifted
