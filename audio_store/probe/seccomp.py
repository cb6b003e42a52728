"""Forbids this process the system calls that no decoder needs, for good.

Sources: seccomp(2), capabilities(7), linux/filter.h; the numbers of the calls are those of the
kernel's tables. It is a list of what is forbidden, not of what is allowed: libraries may call what
they like to compute, and find themselves without sockets, programs and other processes.
"""

import ctypes
import errno
import os
import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass

_SET_NO_NEW_PRIVS, _SET_SECCOMP, _DROP_BOUNDING = 38, 22, 24  # of prctl
_MODE_FILTER = 2
_CAPABILITIES_VERSION = 0x20080522
_ASK_FOR_ACTION = 2  # of seccomp

# What a filter is made of: loads a word of the call's description, compares, answers.
_LOAD, _EQUAL, _AT_LEAST, _HAS_BITS, _ANSWER = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16  # where in the description
_ALLOW, _ERROR, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_OTHER_TABLE = 0x40000000  # of numbers: x32
_THREAD = 0x00010000  # a flag of clone

_FORBIDDEN = (
    # speaking to anybody else
    *("socket", "socketpair", "connect", "bind", "listen", "accept", "accept4", "io_uring_setup"),
    # other programs
    *("execve", "execveat", "fork", "vfork"),
    # other processes
    *("kill", "tkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "pidfd_open", "pidfd_send_signal"),
    *("pidfd_getfd", "ptrace", "process_vm_readv", "process_vm_writev"),
    # what kernels have had holes in
    *("bpf", "userfaultfd", "perf_event_open", "add_key", "request_key", "keyctl"),
    *("unshare", "setns", "mount", "open_by_handle_at"),
)
_CLONE, _CLONE3, _SIGNAL_THREAD, _LIMIT, _SECCOMP = (
    "clone",
    "clone3",
    "tgkill",
    "prlimit64",
    "seccomp",
)

_X86_64 = {
    "socket": 41,
    "connect": 42,
    "accept": 43,
    "bind": 49,
    "listen": 50,
    "socketpair": 53,
    "clone": 56,
    "fork": 57,
    "vfork": 58,
    "execve": 59,
    "kill": 62,
    "ptrace": 101,
    "rt_sigqueueinfo": 129,
    "mount": 165,
    "tkill": 200,
    "tgkill": 234,
    "add_key": 248,
    "request_key": 249,
    "keyctl": 250,
    "unshare": 272,
    "accept4": 288,
    "rt_tgsigqueueinfo": 297,
    "perf_event_open": 298,
    "prlimit64": 302,
    "open_by_handle_at": 304,
    "setns": 308,
    "process_vm_readv": 310,
    "process_vm_writev": 311,
    "seccomp": 317,
    "bpf": 321,
    "execveat": 322,
    "userfaultfd": 323,
}
_AARCH64 = {
    "mount": 40,
    "unshare": 97,
    "ptrace": 117,
    "kill": 129,
    "tkill": 130,
    "tgkill": 131,
    "rt_sigqueueinfo": 138,
    "socket": 198,
    "socketpair": 199,
    "bind": 200,
    "listen": 201,
    "accept": 202,
    "connect": 203,
    "add_key": 217,
    "request_key": 218,
    "keyctl": 219,
    "clone": 220,
    "execve": 221,
    "rt_tgsigqueueinfo": 240,
    "perf_event_open": 241,
    "accept4": 242,
    "prlimit64": 261,
    "open_by_handle_at": 265,
    "setns": 268,
    "process_vm_readv": 270,
    "process_vm_writev": 271,
    "seccomp": 277,
    "bpf": 280,
    "execveat": 281,
    "userfaultfd": 282,
}
_EVERYWHERE = {
    "pidfd_send_signal": 424,
    "io_uring_setup": 425,
    "pidfd_open": 434,
    "clone3": 435,
    "pidfd_getfd": 438,
}


@dataclass(frozen=True, slots=True)
class _Table:
    """The calls of an architecture."""

    architecture: int  # as a filter sees it
    numbers: dict[str, int]


_TABLES = {
    "x86_64": _Table(0xC000003E, _X86_64 | _EVERYWHERE),
    "aarch64": _Table(0xC00000B7, _AARCH64 | _EVERYWHERE),
}


class _Instruction(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_uint16),
        ("if_true", ctypes.c_uint8),
        ("if_false", ctypes.c_uint8),
        ("value", ctypes.c_uint32),
    )


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("instructions", ctypes.POINTER(_Instruction)))


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


def is_known() -> bool:
    """Whether this kernel has filters, on an architecture whose calls we know."""
    table = _table()
    if table is None:
        return False
    wanted = ctypes.c_uint32(_ERROR)
    number = table.numbers[_SECCOMP]
    return bool(_library().syscall(number, _ASK_FOR_ACTION, 0, ctypes.byref(wanted)) == 0)


def renounce_privileges() -> None:
    """Give up what root may do, and let no program give it back. Raises OSError."""
    library = _library()
    _check(library.prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    if os.geteuid() != 0:
        return
    capability = 0
    while library.prctl(_DROP_BOUNDING, capability, 0, 0, 0) == 0:  # until there is none more
        capability += 1
    header = _Header(_CAPABILITIES_VERSION, 0)
    # Where somebody's filter forbids even this, the rest is still worth having.
    library.capset(ctypes.byref(header), ctypes.byref((ctypes.c_uint32 * 6)()))


def forbid_calls() -> None:
    """Forbid them: they fail with EPERM. Raises OSError. Does nothing where it is not known.

    Only for a process of one thread, after `renounce_privileges`.
    """
    if not is_known():
        return
    table = _table()
    assert table is not None, "it is known"
    instructions = [_Instruction(*each) for each in _filter(table, os.getpid())]
    made = (_Instruction * len(instructions))(*instructions)
    program = _Program(len(instructions), made)
    _check(_library().prctl(_SET_SECCOMP, _MODE_FILTER, ctypes.byref(program), 0, 0))


def _filter(table: _Table, pid: int) -> Iterator[tuple[int, int, int, int]]:
    """The instructions: code, how many to skip if it is true, and if it is false, value."""
    numbers = table.numbers
    forbid = (_ANSWER, 0, 0, _ERROR | errno.EPERM)
    allow = (_ANSWER, 0, 0, _ALLOW)
    first = (_LOAD, 0, 0, _FIRST_ARGUMENT)
    yield _LOAD, 0, 0, _ARCHITECTURE
    yield _EQUAL, 1, 0, table.architecture
    yield _ANSWER, 0, 0, _KILL
    yield _LOAD, 0, 0, _NUMBER
    yield _AT_LEAST, 0, 1, _OTHER_TABLE
    yield forbid
    for name in _FORBIDDEN:
        if name in numbers:
            yield _EQUAL, 0, 1, numbers[name]
            yield forbid
    # Its flags cannot be seen. Who hears that there is no such call takes clone.
    yield _EQUAL, 0, 1, numbers[_CLONE3]
    yield _ANSWER, 0, 0, _ERROR | errno.ENOSYS
    # Threads, but no processes.
    yield _EQUAL, 0, 4, numbers[_CLONE]
    yield first
    yield _HAS_BITS, 0, 1, _THREAD
    yield allow
    yield forbid
    # Signals to oneself (abort), but to nobody else.
    yield _EQUAL, 0, 4, numbers[_SIGNAL_THREAD]
    yield first
    yield _EQUAL, 0, 1, pid
    yield allow
    yield forbid
    # Limits of one's own: setrlimit is made of it.
    yield _EQUAL, 0, 4, numbers[_LIMIT]
    yield first
    yield _EQUAL, 0, 1, 0
    yield allow
    yield forbid
    yield allow


def _table() -> _Table | None:
    return _TABLES.get(platform.machine()) if sys.platform.startswith("linux") else None


def _library() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _check(result: int) -> None:
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
