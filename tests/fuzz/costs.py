"""What one input may cost."""

import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager

# CPU seconds. Instrumented code is some five times slower; what hangs or is quadratic, a thousand.
_FIXED_S = 2.0
_S_PER_MEGABYTE = 10.0


class TooSlow(AssertionError):
    """An input cost more time than its length can explain."""


class TooBig(AssertionError):
    """An input cost more memory than its length can explain."""


@contextmanager
def in_time(size: int) -> Iterator[None]:
    """Raise TooSlow where work on `size` bytes takes unreasonably long."""
    began_at = time.process_time()
    yield
    took = time.process_time() - began_at
    if took > _FIXED_S + _S_PER_MEGABYTE * size / 2**20:
        raise TooSlow(f"{took:.1f} s for {size} bytes")


@contextmanager
def in_memory(most: int) -> Iterator[None]:
    """Raise TooBig where Python objects take more than `most` bytes. Makes work slow."""
    tracemalloc.start()
    try:
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    if peak > most:
        raise TooBig(f"{peak} bytes of memory")
