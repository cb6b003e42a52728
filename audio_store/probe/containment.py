"""What a worker does to itself before it touches foreign bytes: limits, a bond to its parent."""

import ctypes
import resource
import signal
import sys

_PR_SET_PDEATHSIG = 1
# A worker that writes no files: what libraries print goes to one, and ends here.
_LARGEST_LOG = 2**16


def confine(memory_bytes: int, largest_file: int = _LARGEST_LOG) -> None:
    """Limit what this process may take, for good; what it may reach, `sandbox.seal` limits."""
    die_with_parent()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))
    if memory_bytes:
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))


def die_with_parent() -> None:
    """Have the kernel kill this process when the thread that started it ends (Linux)."""
    if not sys.platform.startswith("linux"):
        return
    # If it has ended already, standard input is at its end, and so is the worker.
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def limit_cpu(seconds: float) -> None:
    """Allow this process so much CPU time from now on; beyond it, SIGXCPU kills it."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    used = usage.ru_utime + usage.ru_stime
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used + seconds) + 1, hard))
