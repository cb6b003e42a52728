"""CRC-16/ARC over much audio, in numpy: the checksum that LAME and FFmpeg leave in MP3s.

A CRC is linear, so a block is cut into lanes whose CRCs run side by side, two bytes a step, and
are then joined: shifting a CRC over a whole lane is one look into a table.
"""

from functools import cache
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from audio_store.probe.info_frame import crc16
from audio_store.probe.shape import read_at

_STEPS = 512  # of two bytes each, in a lane
_LANE = 2 * _STEPS
_LANES = 1024
_Words = npt.NDArray[np.uint16]


def crc16_of(file: BinaryIO, start: int, end: int) -> int:
    """The CRC of the bytes [start, end)."""
    step, shift = _step_table(), _shift_table()
    crc = 0
    position = start
    while end - position >= _LANE:
        block = read_at(file, position, min(_LANES * _LANE, (end - position) // _LANE * _LANE))
        for lane in _lanes(block, step):
            crc = shift[crc] ^ lane
        position += len(block)
        if len(block) < _LANE:
            break  # the file became shorter
    return _short(read_at(file, position, end - position), crc)


def _lanes(block: bytes, step: _Words) -> list[int]:
    words = np.frombuffer(block[: len(block) // _LANE * _LANE], dtype="<u2").reshape(-1, _STEPS)
    crcs = np.zeros(len(words), dtype=np.uint16)
    for column in np.ascontiguousarray(words.T):
        crcs = step[crcs ^ column]
    joined: list[int] = crcs.tolist()
    return joined


def _short(block: bytes, crc: int) -> int:
    # The CRC so far takes the place of the first two bytes' difference.
    if len(block) < 2:
        for byte in block:
            crc = crc >> 8 ^ crc16(bytes([(crc ^ byte) & 0xFF]))
        return crc
    return crc16(bytes([block[0] ^ (crc & 0xFF), block[1] ^ (crc >> 8)]) + block[2:])


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
def _shift_table() -> list[int]:
    """What becomes of each CRC when a lane of zeros is taken in."""
    table = _step_table()
    for _ in range(_STEPS.bit_length() - 1):
        table = table[table]  # twice as many steps; their number is a power of two
    shifted: list[int] = table.tolist()
    return shifted
