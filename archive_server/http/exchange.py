"""What the processes of an archive tell each other of their measurements.

A scrape reaches one of them, and must hear of all. So each writes its own to a file of its own,
every second, and the one that is asked reads them all.
"""

import contextlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

from archive_server.http.measurements import Snapshot


@dataclass(frozen=True)
class Exchange:
    """A directory of snapshots. Every method blocks."""

    directory: Path

    def write(self, snapshot: Snapshot) -> None:
        """Tell the others of ours."""
        self.directory.mkdir(mode=0o700, exist_ok=True)
        own = self.directory / f"{os.getpid()}.json"
        new = own.with_suffix(".new")
        new.write_text(json.dumps(snapshot))
        new.replace(own)

    def read(self) -> dict[str, Snapshot]:
        """What those have told who are alive, by the id of the process; the dead are forgotten."""
        found = {}
        for file in self.directory.glob("*.json"):
            with contextlib.suppress(OSError, ValueError):
                if _is_alive(int(file.stem)):
                    found[file.stem] = json.loads(file.read_text())
                else:
                    file.unlink()
        return found

    def leave(self) -> None:
        """Take ours away."""
        with contextlib.suppress(OSError):
            (self.directory / f"{os.getpid()}.json").unlink()


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except ProcessLookupError:
        return False
    return True
