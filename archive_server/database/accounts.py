"""Whose identity the embedded PostgreSQL gets: PostgreSQL refuses to run as root."""

import os
import pwd
import stat
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from archive_server.database.embedded_errors import EmbeddedError

_LAUNCHER = Path(__file__).with_name("launch.py")

# Numbers of linux/capability.h. The first lets a process read and traverse everything; where a
# container withholds it, the second, which containers grant, does so too.
_CAP_DAC_READ_SEARCH = 2
_CAP_DAC_OVERRIDE = 1
_CAP_SETPCAP = 8  # lets `launch` keep one of them


@dataclass(frozen=True, slots=True)
class Account:
    """A user to start programs as; `uid` None is the one we are."""

    uid: int | None = None
    gid: int | None = None
    capability: int | None = None  # the one to keep

    def command(self, program: str, *arguments: str) -> list[str]:
        """The command that runs a program as this user, to be ended with our process.

        To be started by a thread that lives as long as the process: the kernel takes the end of
        the starting *thread* for the end of the parent.
        """
        numbers = (self.uid, self.gid, self.capability)
        words = [str(-1 if number is None else number) for number in numbers]
        return [
            *(sys.executable, "-I", "-S", str(_LAUNCHER), str(os.getpid()), *words),
            *(program, *arguments),
        ]

    def can_reach(self, path: Path) -> bool:
        """Whether this user, without its capability, may search every directory above a path."""
        return self.uid is None or _can_reach(self.uid, self.gid, path)

    def own(self, path: Path) -> None:
        """Make a file or directory this user's."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)


def account_for(run_as: str, paths: Iterable[Path]) -> Account:
    """The account for a server that has to reach these paths.

    Whoever is not root stays who they are. Root becomes `run_as`, or else `postgres`, or else
    `nobody`. Where that user cannot get to a path, because one of us is below /root for example,
    it keeps the capability to search directories: opening the directories to everybody would be
    worse. Raises EmbeddedError for an unknown user, and where the kernel grants no such capability.
    """
    if os.geteuid() != 0:
        return Account()
    entry = _entry(run_as)
    closed = [path for path in paths if not _can_reach(entry.pw_uid, entry.pw_gid, path)]
    if not closed:
        return Account(entry.pw_uid, entry.pw_gid)
    for capability in (_CAP_DAC_READ_SEARCH, _CAP_DAC_OVERRIDE):
        if _is_permitted(capability) and _is_permitted(_CAP_SETPCAP):
            return Account(entry.pw_uid, entry.pw_gid, capability)
    raise EmbeddedError(
        f"user {entry.pw_name}, as whom PostgreSQL has to run, cannot get to {closed[0]}:"
        " put the archive and its virtual environment elsewhere, /srv say,"
        " or name another user in [database] run_as"
    )


def _entry(run_as: str) -> pwd.struct_passwd:
    """The user named, or the first of the usual ones there is."""
    for name in [run_as] if run_as else ["postgres", "nobody"]:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid == 0:
            raise EmbeddedError("[database] run_as: PostgreSQL refuses to run as root")
        return entry
    raise EmbeddedError(
        f"[database] run_as: there is no user {run_as}"
        if run_as
        else "PostgreSQL refuses to run as root, and there is neither a user postgres nor nobody:"
        " name one in [database] run_as"
    )


def _can_reach(uid: int, gid: int | None, path: Path) -> bool:
    """Whether a user, without further groups, may search every directory above a path."""
    for directory in path.resolve().parents:
        status = directory.stat()
        if status.st_uid == uid:
            searchable = status.st_mode & stat.S_IXUSR
        elif status.st_gid == gid:
            searchable = status.st_mode & stat.S_IXGRP
        else:
            searchable = status.st_mode & stat.S_IXOTH
        if not searchable:
            return False
    return True


def _is_permitted(capability: int) -> bool:
    """Whether this process has a capability to pass on."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("CapPrm:"):
            return bool(int(line.split()[1], 16) >> capability & 1)
    return False
