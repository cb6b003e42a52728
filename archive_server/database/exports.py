"""Archives of exported playlists, as they are kept: what each is made of."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg2.extensions import cursor as Cursor
from psycopg2.extras import execute_values

from archive_server.model.gunid import Gunid
from archive_server.model.tar_layout import Section, TarMember


@dataclass(frozen=True, slots=True)
class NewMember:
    """A file to be: a text, or the audio that a lease keeps."""

    name: str
    size: int  # bytes
    body: bytes | None
    audio: str | None  # the lease's token


@dataclass(frozen=True, slots=True)
class Member:
    """A file, and which content has its bytes (None: the row itself has)."""

    file: TarMember
    sha256: bytes | None
    is_damaged: bool


def add_lease(
    cursor: Cursor, token: str, gunid: Gunid, file_name: str, *, user_id: int, at: datetime
) -> None:
    """Lease an archive, whose members are to be added."""
    cursor.execute(
        """
        INSERT INTO lease (token, kind, user_id, gunid, file_name, created_at, last_used_at)
        VALUES (%s, 'export', %s, %s, %s, %s, %s)
        """,
        (token, user_id, gunid.uuid, file_name, at, at),
    )


def add_members(cursor: Cursor, token: str, members: Iterable[NewMember]) -> None:
    """Fix what the archive of a lease is made of."""
    execute_values(
        cursor,
        "INSERT INTO export_member (token, place, name, size, body, audio) VALUES %s",
        [
            (token, place, member.name, member.size, member.body, member.audio)
            for place, member in enumerate(members)
        ],
    )


def members(cursor: Cursor, token: str) -> list[Member]:
    """What an archive is made of, in order; texts are left where they are."""
    cursor.execute(
        """
        SELECT name, export_member.size, content_id, damage IS NOT NULL FROM export_member
        LEFT JOIN lease ON lease.token = audio LEFT JOIN content USING (content_id)
        WHERE export_member.token = %s ORDER BY place
        """,
        (token,),
    )
    return [
        Member(TarMember(name, size), sha256, is_damaged)
        for name, size, sha256, is_damaged in cursor.fetchall()
    ]


def texts(cursor: Cursor, token: str, sections: Sequence[Section]) -> list[bytes]:
    """Parts of texts, one for each section; fewer where the lease has ended meanwhile."""
    cursor.execute(
        """
        SELECT substring(body FROM wanted.start + 1 FOR wanted.length)
        FROM unnest(%s::int[], %s::int[], %s::int[]) WITH ORDINALITY
             AS wanted (place, start, length, number)
        JOIN export_member USING (place) WHERE token = %s ORDER BY number
        """,
        (
            [section.place for section in sections],
            [section.part.start for section in sections],
            [len(section.part) for section in sections],
            token,
        ),
    )
    return [body for (body,) in cursor.fetchall()]
