"""Playlists, as they are kept: versions, who changes one, and which holds which."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from psycopg2.extensions import cursor as Cursor

from archive_server.database import clips, documents, leases
from archive_server.errors import BadDocument, NotFound
from archive_server.model.clips import Clip, ClipState, FileType
from archive_server.model.gunid import Gunid
from archive_server.model.playlists import Playlist

DEEPEST = 16  # playlists within playlists

# Held by whoever changes which playlist holds which: of two who do, each must see what the other
# has done, or together they could make a circle. Taken before the lock of any gunid.
_NESTING_LOCK = 0x91A7


@dataclass(frozen=True, slots=True)
class Edit:
    """That somebody changes a playlist."""

    token: str
    gunid: Gunid
    user_id: int | None  # None: the user is gone
    login: str | None
    since: datetime


@dataclass(frozen=True, slots=True)
class Referred:
    """What a playlist says of an item, where the archive knows it."""

    file_type: FileType
    title: str
    length: str  # dcterms:extent as the document writes it


def current(cursor: Cursor, gunid: Gunid) -> tuple[Clip, Playlist]:
    """A playlist that can be seen, as it was last saved. Raises NotFound."""
    clip = get_ready(cursor, gunid)
    return clip, Playlist.parse(documents.xml(cursor, clip.document_id))


def get_ready(cursor: Cursor, gunid: Gunid) -> Clip:
    """A playlist that can be seen. Raises NotFound, also for what is no playlist."""
    clip = clips.find(cursor, gunid)
    if clip is None or clip.state is not ClipState.READY:
        raise NotFound(f"there is no playlist {gunid}")
    if clip.file_type is not FileType.PLAYLIST:
        raise NotFound(f"{gunid} is {clip.file_type.noun}, not a playlist")
    return clip


# -- versions ---------------------------------------------------------------------------------


def add_revision(cursor: Cursor, clip_id: int, document_id: int, at: datetime) -> None:
    """Note a version that is the current one from now on."""
    cursor.execute(
        """
        UPDATE playlist_revision SET superseded_at = %s
        WHERE clip_id = %s AND superseded_at IS NULL
        """,
        (at, clip_id),
    )
    cursor.execute(
        """
        INSERT INTO playlist_revision (clip_id, number, document_id, created_at)
        SELECT %(clip_id)s, coalesce(max(number), 0) + 1, %(document_id)s, %(at)s
        FROM playlist_revision WHERE clip_id = %(clip_id)s
        """,
        {"clip_id": clip_id, "document_id": document_id, "at": at},
    )


def remove_superseded(cursor: Cursor, superseded_before: datetime) -> int:
    """Drop versions that were replaced before, and their documents; return how many."""
    cursor.execute(
        "DELETE FROM playlist_revision WHERE superseded_at <= %s RETURNING document_id",
        (superseded_before,),
    )
    dropped = sorted(document_id for (document_id,) in cursor.fetchall())
    for document_id in dropped:
        documents.remove_unless_used(cursor, document_id)
    return len(dropped)


# -- who changes one --------------------------------------------------------------------------

_EDIT = """SELECT token, gunid, user_id, login, lease.created_at
           FROM lease LEFT JOIN users USING (user_id) WHERE kind = 'edit'"""


def find_edit(cursor: Cursor, gunid: Gunid) -> Edit | None:
    """Who changes this playlist, or None."""
    cursor.execute(f"{_EDIT} AND gunid = %s", (gunid,))
    row = cursor.fetchone()
    return None if row is None else Edit(row[0], Gunid(row[1]), *row[2:])


def list_edits(cursor: Cursor) -> list[Edit]:
    """Who changes which playlist, the longest first."""
    cursor.execute(f"{_EDIT} ORDER BY lease.created_at, token")
    return [Edit(row[0], Gunid(row[1]), *row[2:]) for row in cursor.fetchall()]


def end_edit(cursor: Cursor, gunid: Gunid) -> None:
    """Take back the right to change this playlist, if somebody has it."""
    edit = find_edit(cursor, gunid)
    if edit is not None:
        leases.end(cursor, edit.token)


# -- which holds which ------------------------------------------------------------------------


def lock_nesting(cursor: Cursor) -> None:
    """Keep others from changing which playlist holds which, until the transaction ends."""
    cursor.execute("SELECT pg_advisory_xact_lock(%s)", (_NESTING_LOCK,))


def set_held(cursor: Cursor, clip_id: int, held: Collection[Gunid]) -> None:
    """Note which playlists a playlist holds."""
    cursor.execute("DELETE FROM playlist_link WHERE clip_id = %s", (clip_id,))
    cursor.execute(
        "INSERT INTO playlist_link (clip_id, held) SELECT %s, unnest(%s::uuid[])",
        (clip_id, [each.uuid for each in held]),
    )


def check_nesting(cursor: Cursor, gunid: Gunid, held: Collection[Gunid]) -> None:
    """Raise BadDocument if the playlist would hold itself, or be nested too deep.

    The caller has the lock of `lock_nesting`. What is in the trash counts: it may come back.
    """
    is_circle, below = _below(cursor, gunid, held)
    if is_circle:
        raise BadDocument(f"playlist {gunid} would hold itself")
    if _above(cursor, gunid) + 1 + below > DEEPEST:
        raise BadDocument(f"playlists would be nested deeper than {DEEPEST}")


def _below(cursor: Cursor, gunid: Gunid, held: Collection[Gunid]) -> tuple[bool, int]:
    """Whether the playlist is among those it will hold, and how deep these are nested."""
    cursor.execute(
        """
        WITH RECURSIVE below (gunid, depth) AS (
            SELECT unnest(%(held)s::uuid[]), 1
            UNION
            SELECT link.held, depth + 1 FROM below JOIN clip ON clip.gunid = below.gunid
            JOIN playlist_link link ON link.clip_id = clip.clip_id
            WHERE depth <= %(deepest)s AND below.gunid <> %(gunid)s
        )
        SELECT coalesce(bool_or(gunid = %(gunid)s), false), coalesce(max(depth), 0) FROM below
        """,
        {"held": [each.uuid for each in held], "gunid": gunid, "deepest": DEEPEST},
    )
    is_circle, depth = cursor.fetchone() or (False, 0)
    return is_circle, depth


def _above(cursor: Cursor, gunid: Gunid) -> int:
    """How deep in others the playlist is nested."""
    cursor.execute(
        """
        WITH RECURSIVE above (gunid, depth) AS (
            SELECT clip.gunid, 1 FROM playlist_link link JOIN clip USING (clip_id)
            WHERE link.held = %(gunid)s
            UNION
            SELECT clip.gunid, depth + 1 FROM above JOIN playlist_link link
            ON link.held = above.gunid JOIN clip USING (clip_id)
            WHERE depth <= %(deepest)s AND above.gunid <> %(gunid)s
        )
        SELECT coalesce(max(depth), 0) FROM above
        """,
        {"gunid": gunid, "deepest": DEEPEST},
    )
    (depth,) = cursor.fetchone() or (0,)
    return int(depth)


def referred(cursor: Cursor, gunids: Collection[Gunid]) -> dict[Gunid, Referred]:
    """What the archive knows of these, as far as they can be seen."""
    cursor.execute(
        """
        SELECT clip.gunid, file_type, title, length FROM clip
        JOIN search_shown USING (clip_id) WHERE clip.gunid = ANY (%s::uuid[])
        """,
        ([each.uuid for each in gunids],),
    )
    return {
        Gunid(gunid): Referred(FileType(file_type), title, length)
        for gunid, file_type, title, length in cursor.fetchall()
    }
