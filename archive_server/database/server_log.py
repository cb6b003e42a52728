"""What the embedded PostgreSQL has to say: a file that cannot grow without end."""

import os
from dataclasses import dataclass
from pathlib import Path

_LARGEST = 10 * 2**20  # bytes; looked at when the server starts


@dataclass(slots=True)
class ServerLog:
    """The log, and where in it the present start begins."""

    path: Path
    begin: int = 0

    def open(self) -> int:
        """Open it for a new server; one that has grown large is put aside, as *.log.1."""
        if self.path.exists() and self.path.stat().st_size > _LARGEST:
            self.path.rename(self.path.with_suffix(".log.1"))
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        descriptor = os.open(self.path, flags, 0o600)
        self.begin = os.fstat(descriptor).st_size
        return descriptor

    def last_lines(self, count: int = 10) -> str:
        """What the present server said last."""
        with self.path.open("rb") as log:
            log.seek(self.begin)
            lines = log.read().decode(errors="replace").splitlines()
        return "\n".join(lines[-count:])
