"""Leasing and reading in the database: each function is one transaction."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from archive_server.database import clips, documents, leases
from archive_server.errors import Damaged, NotFound, WrongToken
from archive_server.model.clips import Clip, Revision
from archive_server.model.gunid import Gunid
from archive_server.model.leases import AudioLease, Lease, LeaseKind
from archive_server.model.rights import Action
from archive_server.model.users import Caller
from archive_server.services.accesses import Accesses
from archive_server.services.rights import require_on_clip
from archive_server.services.storing import require_sound
from audio_store import ContentId


def lease_audio(
    cursor: Any,
    caller: Caller,
    token: str,
    kind: LeaseKind,
    gunid: Gunid,
    at: datetime,
    accesses: Accesses,
) -> tuple[Clip, Revision]:
    """Lease a clip's current revision. Raises Forbidden, NotFound."""
    clip = clips.get_ready_for_reading(cursor, gunid)
    require_on_clip(cursor, caller, Action.READ, clip)
    if clip.revision is None:
        raise NotFound(f"{gunid} has no audio")
    require_sound(clip.revision.content)
    leases.add_audio(cursor, token, kind, clip, clip.revision, user_id=caller.user_id, at=at)
    accesses.note(cursor, caller, clip, at)
    return clip, clip.revision


def lease_file(
    cursor: Any,
    caller: Caller,
    token: str,
    gunid: Gunid,
    at: datetime,
    accesses: Accesses,
    link: Callable[[ContentId, str, str], Path],
) -> Path:
    """Lease it as a file; `link` gives the file its name. Raises Forbidden, NotFound."""
    _, revision = lease_audio(cursor, caller, token, LeaseKind.FILE, gunid, at, accesses)
    # Inside the transaction, which keeps the content from going; the link before the row is
    # committed, so that no lease is without its file.
    return link(ContentId(revision.content.sha256), token, revision.facts.format.value)


def lease_document(
    cursor: Any, caller: Caller, token: str, gunid: Gunid, at: datetime
) -> tuple[Clip, str]:
    """Lease a clip's current document. Raises Forbidden, NotFound."""
    clip = clips.get_ready_for_reading(cursor, gunid)
    require_on_clip(cursor, caller, Action.READ, clip)
    leases.add_document(cursor, token, clip, user_id=caller.user_id, at=at)
    return clip, documents.xml(cursor, clip.document_id)


def use(cursor: Any, token: str, used_after: datetime, at: datetime) -> Lease:
    """Find a lease, and count that as a use. Raises UnknownToken."""
    lease = leases.get(cursor, token, used_after=used_after)
    if isinstance(lease, AudioLease) and lease.is_damaged:
        raise Damaged
    leases.touch(cursor, [token], at)
    return lease


def close(cursor: Any, token: str, kind: LeaseKind, used_after: datetime) -> list[Lease]:
    """End a lease, and those that were made with it. Raises UnknownToken, WrongToken."""
    lease = leases.get(cursor, token, used_after=used_after)
    if lease.kind is not kind:
        raise WrongToken(f"this token is for something else ({lease.kind})")
    if kind is LeaseKind.EDIT:
        clips.lock_gunid(cursor, lease.gunid)  # as whoever saves the playlist, or removes it
    return leases.end(cursor, token)


def _readable(cursor: Any, caller: Caller, gunid: Gunid) -> Clip:
    clip = clips.get_ready(cursor, gunid)
    require_on_clip(cursor, caller, Action.READ, clip)
    return clip


def current(
    cursor: Any, caller: Caller, gunid: Gunid, at: datetime, accesses: Accesses
) -> tuple[Clip, Revision]:
    """A clip's current revision, for reading. Raises Forbidden, NotFound."""
    clip = _readable(cursor, caller, gunid)
    if clip.revision is None:
        raise NotFound(f"{gunid} has no audio")
    require_sound(clip.revision.content)
    accesses.note(cursor, caller, clip, at)
    return clip, clip.revision


def revision(
    cursor: Any, caller: Caller, gunid: Gunid, number: int, at: datetime, accesses: Accesses
) -> tuple[Clip, Revision]:
    """One revision of a clip, for reading. Raises Forbidden, NotFound."""
    clip = _readable(cursor, caller, gunid)
    revision = clips.find_revision(cursor, clip.clip_id, number)
    if revision is None:
        raise NotFound(f"clip {gunid} has no revision {number}")
    require_sound(revision.content)
    accesses.note(cursor, caller, clip, at, number)
    return clip, revision
