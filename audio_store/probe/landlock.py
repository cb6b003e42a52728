"""Takes away this process's rights to files and to the network, for good.

Sources: landlock(7); numbers from linux/landlock.h, the same on every architecture. What is open
already stays open; what is not named can neither be read, written, made, removed nor run.
"""

import contextlib
import ctypes
import os
import stat
import sys
from collections.abc import Iterable

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # system calls
_ASK_VERSION = 1
_PATH_BENEATH = 1

_WRITE_FILE, _READ_FILE, _READ_DIR, _MAKE_REGULAR = 1 << 1, 1 << 2, 1 << 3, 1 << 8
_ON_FILES = _WRITE_FILE | _READ_FILE
# From which version on the kernel knows them: it refuses what it does not.
_RIGHTS = ((1, (1 << 13) - 1), (2, 1 << 13), (3, 1 << 14), (5, 1 << 15))
_LATER = ((4, 0b11), (6, 0b11))  # TCP: bind, connect; of others: abstract sockets, signals


class _Ruleset(ctypes.Structure):
    _fields_ = (
        ("files", ctypes.c_uint64),
        ("network", ctypes.c_uint64),
        ("scopes", ctypes.c_uint64),
    )


class _Rule(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("descriptor", ctypes.c_int32))


def version() -> int:
    """What this kernel has of it; 0: nothing."""
    if not sys.platform.startswith("linux"):
        return 0
    return max(0, _call(_CREATE_RULESET, None, 0, _ASK_VERSION))


def restrict_files(readable: Iterable[str], writable: Iterable[str] = ()) -> None:
    """Leave only these: files, or directories with all below them; those that are not there not.

    In writable directories files can be made. Only for a process of one thread, which may gain no
    privileges (`seccomp.renounce_privileges`). Raises OSError. Where the kernel has no Landlock
    this does nothing.
    """
    known = version()
    if not known:
        return
    files = sum(rights for since, rights in _RIGHTS if known >= since)
    ruleset = _Ruleset(files, *(bits if known >= since else 0 for since, bits in _LATER))
    descriptor = _checked(_call(_CREATE_RULESET, ctypes.byref(ruleset), ctypes.sizeof(ruleset), 0))
    try:
        for path in readable:
            _allow(descriptor, path, _READ_FILE | _READ_DIR)
        for path in writable:
            _allow(descriptor, path, _WRITE_FILE | _READ_FILE | _READ_DIR | _MAKE_REGULAR)
        _checked(_call(_RESTRICT_SELF, descriptor, 0))
    finally:
        os.close(descriptor)


def _allow(ruleset: int, path: str, rights: int) -> None:
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        parent = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            if not stat.S_ISDIR(os.fstat(parent).st_mode):
                rights &= _ON_FILES
            rule = _Rule(rights, parent)
            _checked(_call(_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(rule), 0))
        finally:
            os.close(parent)


def _checked(result: int) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"Landlock: {os.strerror(code)}")
    return result


def _call(number: int, *arguments: object) -> int:
    function = ctypes.CDLL(None, use_errno=True).syscall
    function.restype = ctypes.c_long
    plain = [ctypes.c_long(each) if isinstance(each, int) else each for each in arguments]
    result: int = function(ctypes.c_long(number), *plain)
    return result
