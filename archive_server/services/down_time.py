"""The time in which the archive was down: nobody could use anything, and that is not disuse."""

from datetime import datetime
from typing import Any

from archive_server.database import leases, uploads


def forgive(cursor: Any, at: datetime) -> None:
    """Grant uploads and leases their whole time again; before anybody is served (promise 6)."""
    uploads.touch_all(cursor, at)
    leases.touch_all(cursor, at)
