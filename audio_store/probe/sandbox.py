"""What a worker may still reach once it touches foreign bytes: what it was handed, and no more.

| taken away                                             | by       | since    |
|--------------------------------------------------------|----------|----------|
| files: only Python's own can be read                   | Landlock | Linux 5.13 |
| TCP                                                    | Landlock | Linux 6.7  |
| sockets, programs, processes, signals to others        | seccomp  | Linux 3.5  |
| what root may do                                       | capabilities |        |

A kernel without the one has the other; `lacks` says what is missing.
"""

import sysconfig
from collections.abc import Iterable
from pathlib import Path

from audio_store.probe import landlock, seccomp

# Modules and libraries may be loaded late: a codec for a tag, say.
_OF_PYTHON = ("stdlib", "platstdlib", "purelib", "platlib")
_OF_THE_SYSTEM = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib")
_HARMLESS = ("/dev/null", "/dev/urandom", "/dev/zero")
_OURS = str(Path(__file__).resolve().parents[1])


def seal(readable: Iterable[str] = (), writable: Iterable[str] = ()) -> None:
    """Give up everything but these files and directories, for good. Raises OSError.

    Only for a process of one thread.
    """
    seccomp.renounce_privileges()
    of_python = (sysconfig.get_paths()[name] for name in _OF_PYTHON)
    landlock.restrict_files(
        (*of_python, *_OF_THE_SYSTEM, *_HARMLESS, _OURS, *readable), tuple(writable)
    )
    seccomp.forbid_calls()


def lacks() -> list[str]:
    """What this machine has not of it."""
    found = []
    if not landlock.version():
        found.append("Landlock")
    if not seccomp.is_known():
        found.append("seccomp")
    return found
