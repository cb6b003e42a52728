"""Become an unprivileged user, arrange to end with the parent, and turn into another program.

Run as a script, by its path, with `python -I -S`: it imports next to nothing, so that a start
takes a hundredth of a second. It exists because the alternative, `preexec_fn`, runs Python between
fork and exec, which may deadlock once there are threads.

    launch.py PARENT_PID UID GID CAPABILITY PROGRAM [ARGUMENT ...]

UID and GID of -1: stay who we are. CAPABILITY is the number of the one capability to keep (see
`accounts`), or -1.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1
_PR_SET_SECUREBITS = 28
_SECBIT_NO_SETUID_FIXUP = 1 << 2
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_CAPABILITY_VERSION_3 = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)


def main(arguments: list[str]) -> None:
    """Do what the module says. Returns only by an exception."""
    parent, uid, gid, capability = map(int, arguments[:4])
    program = arguments[4:]
    if uid >= 0:
        _become(uid, gid, capability)
    # After the change of user: the kernel forgets the setting at every change of credentials.
    _prctl(_PR_SET_PDEATHSIG, int(signal.SIGINT))
    if os.getppid() != parent:
        sys.exit("the parent has gone already")
    # The parent may have blocked or ignored signals; an ignored SIGINT would survive exec.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    os.umask(0o077)
    os.execv(program[0], program)  # noqa: S606 - to start programs is what this is for


def _become(uid: int, gid: int, capability: int) -> None:
    """Change user for good, keeping at most one capability, across exec too."""
    if capability >= 0:
        # Else the kernel drops the capability with the user, and leaves it out of account in
        # access(2), by which PostgreSQL makes sure of its own programs.
        _prctl(_PR_SET_SECUREBITS, _SECBIT_NO_SETUID_FIXUP)
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    if capability >= 0:
        _keep_only(capability)
        _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, capability)


def _keep_only(capability: int) -> None:
    """Set effective, permitted and inheritable capabilities to this one."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    mask = 1 << capability
    sets = (ctypes.c_uint32 * 6)(mask, mask, mask, 0, 0, 0)
    if _libc.capset(header, sets) != 0:
        raise OSError(ctypes.get_errno(), "capset")


def _prctl(option: int, *values: int) -> None:
    padded = [ctypes.c_ulong(value) for value in (*values, 0, 0, 0, 0)[:4]]
    if _libc.prctl(option, *padded) != 0:
        raise OSError(ctypes.get_errno(), f"prctl {option}")


if __name__ == "__main__":
    main(sys.argv[1:])
