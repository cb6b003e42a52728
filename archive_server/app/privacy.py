"""Whether other people on this machine are kept out of the data directory."""

import stat
from collections.abc import Iterator
from pathlib import Path

# What they may do there: pass through, to files whose names they know (`file://` URLs).
_OPEN = frozenset({"", "store", "store/access", "work"})
_CLOSED = ("store/content", "store/staging", "postgres", "metrics")


def exposed(data_dir: Path) -> Iterator[tuple[str, int]]:
    """The directories that others can list, change or pass through, and may not; their modes."""
    for name in (*sorted(_OPEN), *_CLOSED):
        path = data_dir / name
        if path.is_dir():
            mode = stat.S_IMODE(path.stat().st_mode)
            if mode & (0o066 if name in _OPEN else 0o077):
                yield str(path), mode
