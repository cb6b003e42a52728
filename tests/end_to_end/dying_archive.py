"""Runs a command of the archive until a step at which it kills itself; `test_crashes` starts it.

    dying_archive.py CONTROL STORE COMMAND [ARGUMENT ...]

A step is a change of the directory STORE or of the database: one call of `os`, or one commit,
before and after which are two steps. While there is a file CONTROL/at, each step is written to
CONTROL/steps before it is done; the one whose number, from 1, is in CONTROL/at is not done, or in
the case of a write done by half: SIGKILL comes first.
"""

import functools
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2.extensions import connection as Connection

_write = os.write  # the real one


class Steps:
    """Counts, and kills."""

    def __init__(self, control: Path) -> None:
        self._control = control
        self._lock = threading.Lock()
        self._count = 0
        self._is_over = False

    def is_last(self, name: str) -> bool:
        """Note a step; say whether to die at it."""
        with self._lock:
            try:
                at = int((self._control / "at").read_text())
            except FileNotFoundError:
                return False
            if self._is_over:
                time.sleep(60)  # another thread dies, and this one with it
            self._count += 1
            line = f"{name}\n".encode()
            with (self._control / "steps").open("ab", buffering=0) as file:
                _write(file.fileno(), line)
            self._is_over = self._count == at
            return self._is_over

    def step(self, name: str) -> None:
        if self.is_last(name):
            die()


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)  # it comes to all threads, but not at once


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
        if self._is_ours(descriptor) and self._steps.is_last("write"):
            _write(descriptor, memoryview(block)[: len(block) // 2])
            die()
        return _write(descriptor, block)

    def _is_ours(self, where: Any) -> bool:
        path = where
        if isinstance(where, int):
            path = Path(f"/proc/self/fd/{where}").readlink()
        return f"{os.path.abspath(path)}/".startswith(self._root)  # noqa: PTH100 - quick


def count_commits(steps: Steps) -> None:
    class Counting(Connection):
        def commit(self) -> None:
            steps.step("commit")
            super().commit()
            steps.step("committed")

    connect = psycopg2.connect

    def counted(*arguments: Any, **others: Any) -> Connection:
        return connect(*arguments, **{**others, "connection_factory": Counting})

    psycopg2.connect = counted


def main() -> None:
    control, store = Path(sys.argv[1]), Path(sys.argv[2])
    sys.argv[1:] = sys.argv[3:]
    steps = Steps(control)
    Disk(store, steps).insert()
    count_commits(steps)
    # The archive is loaded after what it shall find changed.
    from archive_server.cli.main import main as command

    command()


if __name__ == "__main__":
    main()
