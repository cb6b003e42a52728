"""Runs a command of the archive until a step that fails, or at which it kills itself.

    faulty_archive.py CONTROL STORE COMMAND [ARGUMENT ...]

A step is a change of the directory STORE or of the database: one call of `os`, or one commit,
before and after which are two steps, as before and after the reactor asks or notes something of an
upload. While there is a file CONTROL/at, each step is written to CONTROL/steps before it is done.
In CONTROL/at are a number, from 1, and what becomes of the step that has it:

| fate        | of a call of `os`                | of a commit                                    |
|-------------|----------------------------------|------------------------------------------------|
| SIGKILL     | it is not done; a write, by half | it is not done                                 |
| SHORT       | a write is done by half, and     | it is done                                     |
|             | says so; others are done         |                                                |
| ENOSPC, ... | it fails with this error         | the connection is cut: before, it is not done; |
|             |                                  | after, it is, and nobody hears of it           |
"""

import errno
import functools
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as Cursor

_write = os.write  # the real one
_KILLED = "SIGKILL"
_OF_UPLOADS = ("EXECUTE find_upload", "EXECUTE note_")
_SHORT = "SHORT"


class Steps:
    """Counts, and says what becomes of each."""

    def __init__(self, control: Path) -> None:
        self._control = control
        self._lock = threading.Lock()
        self._at = (0, "")
        self._count = 0
        self._is_over = False

    def fate(self, name: str) -> str:
        """Note a step; say what becomes of it, if not what was asked for."""
        with self._lock:
            try:
                number, fate = (self._control / "at").read_text().split()
            except (FileNotFoundError, ValueError):  # or it is just being written
                return ""
            if self._is_over:
                time.sleep(60)  # another thread dies, and this one with it
            if (int(number), fate) != self._at:
                self._at, self._count = (int(number), fate), 0
            self._count += 1
            line = f"{name}\n".encode()
            with (self._control / "steps").open("ab", buffering=0) as file:
                _write(file.fileno(), line)
            is_meant = self._count == int(number)
            self._is_over = is_meant and fate == _KILLED
            return fate if is_meant else ""

    def step(self, name: str) -> None:
        """Let a call go on, or fail. Raises OSError."""
        fate = self.fate(name)
        if fate == _KILLED:
            die()
        if fate and fate != _SHORT:
            raise failure(fate)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)  # it comes to all threads, but not at once


def failure(name: str) -> OSError:
    code = getattr(errno, name)
    return OSError(code, os.strerror(code))


class Disk:
    """Stands before the functions of `os` that change what is below a directory."""

    def __init__(self, root: Path, steps: Steps) -> None:
        self._root = f"{root}/"
        self._steps = steps

    def insert(self) -> None:
        for name in ("mkdir", "chmod", "unlink", "fchmod", "ftruncate", "fsync"):
            self._guard(name, place=0)
        for name in ("rename", "replace", "link"):
            self._guard(name, place=1)
        self._guard("open", place=0, applies=lambda path, flags, *_: bool(flags & os.O_CREAT))
        os.write = self._guarded_write  # type: ignore[assignment]

    def _guard(self, name: str, place: int, applies: Callable[..., bool] = lambda *_: True) -> None:
        real = getattr(os, name)

        @functools.wraps(real)
        def guarded(*arguments: Any, **others: Any) -> Any:
            if self._is_ours(arguments[place]) and applies(*arguments):
                self._steps.step(name)
            return real(*arguments, **others)

        setattr(os, name, guarded)

    def _guarded_write(self, descriptor: int, block: Any) -> int:
        fate = self._steps.fate("write") if self._is_ours(descriptor) else ""
        if fate in (_KILLED, _SHORT):
            written = _write(descriptor, memoryview(block)[: max(1, len(block) // 2)])
            if fate == _KILLED:
                die()
            return written
        if fate:
            raise failure(fate)
        return _write(descriptor, block)

    def _is_ours(self, where: Any) -> bool:
        path = where
        if isinstance(where, int):
            path = Path(f"/proc/self/fd/{where}").readlink()
        return f"{os.path.abspath(path)}/".startswith(self._root)  # noqa: PTH100 - quick


def guard_commits(steps: Steps) -> None:
    connect = psycopg2.connect

    def guarded(*arguments: Any, **others: Any) -> Connection:
        factory = others.get("connection_factory", Connection)
        return connect(*arguments, **{**others, "connection_factory": guarding(steps, factory)})

    psycopg2.connect = guarded


def guarding(steps: Steps, factory: type[Connection]) -> type[Connection]:
    """Connections of this kind, whose commits are steps."""

    class Guarded(factory):  # type: ignore[misc, valid-type]
        def commit(self) -> None:
            self.step("commit")
            super().commit()
            if self.step("committed"):
                raise psycopg2.OperationalError("the connection was cut before the answer came")

        def cursor(self, *arguments: Any, **others: Any) -> Any:
            if self.async_:  # of the reactor: each statement is a transaction by itself
                others["cursor_factory"] = GuardedCursor
            return super().cursor(*arguments, **others)

        def step(self, name: str) -> bool:
            """Whether it has cut the connection."""
            fate = steps.fate(name)
            if fate == _KILLED:
                die()
            if fate in ("", _SHORT):
                return False
            with socket.socket(fileno=os.dup(self.fileno())) as line:
                line.shutdown(socket.SHUT_RDWR)
            return True

    return Guarded


class GuardedCursor(Cursor):
    """A cursor of the reactor's: what it asks and notes of an upload are steps."""

    def execute(self, query: str, parameters: Any = None) -> None:
        is_step = any(name in query for name in _OF_UPLOADS)
        if is_step:
            self.connection.step("note")
        super().execute(query, parameters)
        if is_step:
            self.connection.step("noted")


def main() -> None:
    control, store = Path(sys.argv[1]), Path(sys.argv[2])
    sys.argv[1:] = sys.argv[3:]
    steps = Steps(control)
    Disk(store, steps).insert()
    guard_commits(steps)
    # The archive is loaded after what it shall find changed.
    from archive_server.cli.main import main as command

    command()


if __name__ == "__main__":
    main()
