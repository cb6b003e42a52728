"""Counts the samples of Vorbis packets without decoding them (Vorbis I, 1.3.2, 4.2.4 and 4.3).

The first byte of a packet tells its mode, the mode the length of its block, and two blocks that
follow each other yield a quarter of their lengths together. Every decoder counts like that. So
where this count is what each page says, two decoders cannot differ, and a second one need not be
asked: that takes 0.1 ms for a second of audio instead of 2.7.

The modes stand at the end of the setup header, after much that only a decoder can make sense of.
They are read from the end. Should they be misread, the count is not what the pages say.

    mode count - 1 (6 bits)  { block flag (1)  window (16)  transform (16)  mapping (8) }  1 (1)
"""

from itertools import accumulate, pairwise

_HEADERS = 3  # packets before the audio
_MODE_BITS = 41
# Of 64: more would not leave all that makes a packet decodable in its first byte.
_MOST_MODES = 32
_TAIL = 256  # bytes; they hold so many modes
_UNDECODABLE = 2


class PacketCount:
    """Follows the pages of one stream for as long as they say what their packets come to."""

    def __init__(self, block_sizes: int) -> None:
        """`block_sizes` is the byte of that name in the identification header."""
        self.agrees = True
        short, long = 1 << (block_sizes & 15), 1 << (block_sizes >> 4)
        mixed = (short + long) // 4
        self._yields = {(0, 0): short // 2, (0, 1): mixed, (1, 0): mixed, (1, 1): long // 2}
        self._headers = 0
        self._setup = b""  # the end of the header that is being read
        self._kinds = b""  # by the first byte of a packet: short (0), long (1) or undecodable
        self._before: list[int] = []  # the kind of the last packet, once there is one
        self._open: list[int] = []  # of the one that goes on on the next page
        self._samples = 0

    def take(self, lacing: bytes, body: bytes, granule: int, *, goes_on: bool, ends: bool) -> None:
        """Take in the next page: does it go on with a packet, does it end the stream?"""
        if self._headers < _HEADERS:
            self._take_header(lacing, body)
        elif self.agrees:
            self.agrees = goes_on == bool(self._open) and self._accounts(
                lacing, body, granule, ends=ends
            )

    def _take_header(self, lacing: bytes, body: bytes) -> None:
        ends = _ends(lacing)
        self._headers += len(ends)
        if self._headers >= _HEADERS:
            # Audio begins on a page of its own.
            self.agrees = self._headers == _HEADERS and ends[-1] == len(body)
            before = body[ends[-2] :] if len(ends) > 1 else self._setup + body
            self._kinds = _kinds(before[-_TAIL:])
        elif ends:
            self._setup = body[ends[-1] :][-_TAIL:]
        else:
            self._setup = (self._setup + body)[-_TAIL:]

    def _accounts(self, lacing: bytes, body: bytes, granule: int, *, ends: bool) -> bool:
        packet_ends = _ends(lacing)
        starts = [0, *packet_ends] if lacing else []
        if lacing[-1:] != b"\xff":
            starts = starts[:-1]
        starts = starts[len(self._open) :]
        if 0 in lacing and any(start == end for start, end in pairwise([*starts, len(body)])):
            return False  # an empty packet
        kinds = self._open + [self._kinds[body[start]] for start in starts]
        whole, self._open = kinds[: len(packet_ends)], kinds[len(packet_ends) :]
        if _UNDECODABLE in whole:
            return False
        yields = [self._yields[pair] for pair in pairwise(self._before + whole)]
        self._before = whole[-1:] or self._before
        self._samples += sum(yields)
        if not whole:
            return granule in (-1, self._samples)
        # The end may cut into what the last packet yields.
        return 0 <= self._samples - granule <= (yields[-1] if ends and yields else 0)


def _ends(lacing: bytes) -> list[int]:
    """Where packets end in the body of a page."""
    return [end for end, size in zip(accumulate(lacing), lacing, strict=True) if size < 255]


def _kinds(setup: bytes) -> bytes:
    """What the first byte of a packet makes of it, by the end of the setup header."""
    flags = _block_flags(int.from_bytes(setup, "little"))
    mask = (1 << (len(flags) - 1).bit_length()) - 1 if flags else 0
    return bytes(
        _UNDECODABLE if byte & 1 or (mode := byte >> 1 & mask) >= len(flags) else flags[mode]
        for byte in range(256)
    )


def _block_flags(setup: int) -> list[int]:
    """The block flag of each mode; none if they cannot be told."""
    end = setup.bit_length() - 1  # of the modes: the bit that follows them is set
    flags: list[int] = []
    found: list[int] = []
    while end >= _MODE_BITS + 6 and len(flags) < _MOST_MODES:
        end -= _MODE_BITS
        mode = setup >> end & ((1 << _MODE_BITS) - 1)
        if mode >> 1 & 0xFFFFFFFF or mode >> 33 >= 64:
            break
        flags.insert(0, mode & 1)
        # A count that seems right may be a part of a mode: the longest list is believed.
        if setup >> (end - 6) & 63 == len(flags) - 1:
            found = list(flags)
    return found
