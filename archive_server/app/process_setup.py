"""What a process asks of the system before it serves."""

import ctypes
import resource

# Connections are files, and so is each clip of an archive that is being imported.
_OPEN_FILES = 65536
_M_ARENA_MAX = -8  # mallopt(3)
_ARENAS = 2


def prepare_process() -> None:
    """To be called before there are threads."""
    _allow_open_files()
    _share_memory()


def _allow_open_files() -> None:
    """Ask for as many as we want and may have: shells commonly begin with 1024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(_OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _share_memory() -> None:
    """Have the C library keep what is free for all threads, not for each of them.

    By itself glibc has up to eight heaps for each processor, and what one thread has given back no
    other gets. A worker under mixed load grew so by 0.5 MB a minute for half an hour, to 35 MB that
    were free of 52; with two heaps it has 15 MB less, and stays there.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl and others have none
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, _ARENAS)
