"""How much a user may have: uploads and jobs at a time, and bytes. Functions of a transaction.

Counted under a lock of that user's, in the transaction that adds: two who add at once cannot both
take what is left. Administrators are not bounded, nor are commands.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from archive_server.database import uploads, usage
from archive_server.errors import QuotaExceeded, TooManyJobs, TooManyUploads
from archive_server.model.uploads import Upload
from archive_server.model.users import Role


@dataclass(frozen=True, slots=True)
class Quota:
    """How much each user may have; 0: any number."""

    uploads: int = 0  # open at a time
    bytes: int = 0  # of all that they own
    jobs: int = 0  # that wait or are being done


UNBOUNDED = Quota()


def add_upload(cursor: Any, quota: Quota, upload: Upload, used_after: datetime) -> None:
    """Begin an upload. Those that nobody has used since do not count.

    Raises TooManyUploads; QuotaExceeded for a user who has all they may.
    """
    if _is_bounded(cursor, quota, upload.user_id):
        count = usage.open_uploads(cursor, upload.user_id, used_after)
        if quota.uploads and count >= quota.uploads:
            raise TooManyUploads(
                f"a user may have {quota.uploads} uploads at a time; close some, or let them expire"
            )
        if quota.bytes and usage.stored_bytes(cursor, upload.user_id) >= quota.bytes:
            raise _exceeded(quota)
    uploads.add(cursor, upload)


def require_few_jobs(cursor: Any, quota: Quota, user_id: int) -> None:
    """Raise TooManyJobs for a user who has asked for as many as may wait.

    Who may only read could else fill the disk with backups, and let nobody else's be made.
    """
    if not quota.jobs or not _is_bounded(cursor, quota, user_id):
        return
    if usage.unfinished_jobs(cursor, user_id) >= quota.jobs:
        raise TooManyJobs(f"a user may have {quota.jobs} jobs at a time; wait, or close some")


def require_room(cursor: Any, quota: Quota, owner_id: int | None, size: int) -> None:
    """Raise QuotaExceeded unless so many bytes may be added to what somebody owns."""
    if owner_id is None or not quota.bytes or not _is_bounded(cursor, quota, owner_id):
        return
    if usage.stored_bytes(cursor, owner_id) + size > quota.bytes:
        raise _exceeded(quota)


def room_for(cursor: Any, quota: Quota, upload: Upload) -> int | None:
    """How many bytes an upload may bring, beside its owner's others; None: any number."""
    if not quota.bytes or not _is_bounded(cursor, quota, upload.user_id):
        return None
    taken = usage.stored_bytes(cursor, upload.user_id)
    taken += usage.announced_bytes(cursor, upload.user_id, besides=upload.token)
    return max(0, quota.bytes - taken)


def require_within(room: int | None, size: int | None) -> None:
    """Raise QuotaExceeded for more bytes than there is room for."""
    if room is not None and size is not None and size > room:
        raise QuotaExceeded(f"the quota leaves room for {room} bytes only")


def _is_bounded(cursor: Any, quota: Quota, user_id: int) -> bool:
    return quota != UNBOUNDED and usage.lock(cursor, user_id) is not Role.ADMIN


def _exceeded(quota: Quota) -> QuotaExceeded:
    return QuotaExceeded(
        f"a user may own {quota.bytes} bytes, with what is in the trash and older revisions"
    )
