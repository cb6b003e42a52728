"""What this process uses of the machine, as /proc tells."""

import os
import resource
import time
from collections.abc import Callable, Mapping
from pathlib import Path


def usage_since(began_at: float | None = None) -> Callable[[], Mapping[str, float]]:
    """What tells the usage of a process that began then, in seconds since 1970; None: now."""
    start = time.time() if began_at is None else began_at

    def usage() -> Mapping[str, float]:
        spent = os.times()
        found = {"start_time_seconds": start, "cpu_seconds": spent.user + spent.system}
        try:
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            found["resident_memory_bytes"] = pages * resource.getpagesize()
            found["open_files"] = sum(1 for _ in Path("/proc/self/fd").iterdir())
        except OSError:  # no /proc, or no descriptor left to read it with
            pass
        return found

    return usage
