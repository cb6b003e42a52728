"""Items and all the rest as texts, from the rows: what `model.records` reads back.

Each text is made by one statement, so it says what was so at one moment; and equal rows make equal
texts, to the letter.
"""

from collections.abc import Iterator, Sequence
from uuid import UUID

from psycopg2.extensions import cursor as Cursor

from archive_server.model.gunid import Gunid

_AT_ONCE = 500

# A gunid as `model.gunid` writes it
_GUNID = """CASE WHEN gunid < '00000000-0000-0001-0000-000000000000'
                 THEN right(replace(gunid::text, '-', ''), 16) ELSE gunid::text END"""

_ITEM = f"""
SELECT clip.clip_id, clip.gunid, (SELECT row_to_json(record)::text FROM (SELECT
    1 AS format, 'item' AS kind, {_GUNID} AS gunid, clip.clip_id AS number,
    file_type, state, file_name,
    (SELECT login FROM users WHERE user_id = owner_id) AS owner,
    created_at, mtime, trashed_at, revision,
    (SELECT xml FROM document WHERE document.document_id = clip.document_id) AS document,
    ARRAY(
        SELECT row_to_json(each) FROM (
            SELECT r.number, encode(r.content_id, 'hex') AS sha256, encode(c.md5, 'hex') AS md5,
                   c.size, c.created_at AS stored_at, r.format, r.duration_us, r.sample_rate,
                   r.channels, r.bit_rate, r.warnings, r.created_at, r.superseded_at
            FROM revision AS r JOIN content AS c USING (content_id)
            WHERE r.clip_id = clip.clip_id ORDER BY r.number
        ) AS each
    ) AS revisions,
    ARRAY(
        SELECT row_to_json(each) FROM (
            SELECT p.number, CASE WHEN p.document_id <> clip.document_id THEN d.xml END AS document,
                   p.created_at, p.superseded_at
            FROM playlist_revision AS p JOIN document AS d USING (document_id)
            WHERE p.clip_id = clip.clip_id ORDER BY p.number
        ) AS each
    ) AS versions,
    ARRAY(
        SELECT row_to_json(each) FROM (
            SELECT u.login AS "user", g.name AS "group", l.action, l.allows
            FROM rule AS l LEFT JOIN users AS u USING (user_id)
            LEFT JOIN user_group AS g USING (group_id)
            WHERE l.clip_id = clip.clip_id
            ORDER BY u.login COLLATE "C", g.name COLLATE "C", l.action
        ) AS each
    ) AS rules,
    ARRAY(
        SELECT o.name FROM class_member AS m JOIN object_class AS o USING (class_id)
        WHERE m.clip_id = clip.clip_id ORDER BY o.name COLLATE "C"
    ) AS classes
) AS record)
FROM clip
"""  # noqa: S608 - texts above

_ARCHIVE = """
SELECT row_to_json(record)::text FROM (SELECT
    1 AS format, 'archive' AS kind,
    (SELECT store_id::text FROM store) AS store_id,
    (SELECT last_value FROM journal_number) AS last_event,
    ARRAY(
        SELECT row_to_json(each) FROM (
            SELECT user_id AS number, login, password_hash, role, created_at FROM users
            ORDER BY user_id
        ) AS each
    ) AS users,
    ARRAY(
        SELECT row_to_json(each) FROM (
            SELECT login AS "user", t.name, t.scope, encode(t.digest, 'hex') AS sha256,
                   t.created_at, t.expires_at
            FROM api_token AS t JOIN users USING (user_id)
            ORDER BY login COLLATE "C", t.name COLLATE "C"
        ) AS each
    ) AS tokens,
    ARRAY(
        SELECT row_to_json(each) FROM (
            SELECT g.group_id AS number, g.name, g.includes,
                   ARRAY(
                       SELECT login FROM membership JOIN users USING (user_id)
                       WHERE membership.group_id = g.group_id ORDER BY login COLLATE "C"
                   ) AS users,
                   ARRAY(
                       SELECT inner_group.name FROM membership
                       JOIN user_group AS inner_group ON inner_group.group_id = member_group
                       WHERE membership.group_id = g.group_id
                       ORDER BY inner_group.name COLLATE "C"
                   ) AS groups
            FROM user_group AS g ORDER BY g.group_id
        ) AS each
    ) AS groups,
    ARRAY(
        SELECT row_to_json(each) FROM (
            SELECT o.class_id AS number, o.name,
                   ARRAY(
                       SELECT login FROM class_member JOIN users ON user_id = home_of
                       WHERE class_member.class_id = o.class_id ORDER BY login COLLATE "C"
                   ) AS homes
            FROM object_class AS o ORDER BY o.class_id
        ) AS each
    ) AS classes,
    ARRAY(
        SELECT row_to_json(each) FROM (
            SELECT u.login AS "user", g.name AS "group", action, allows,
                   h.login AS home, o.name AS class
            FROM rule LEFT JOIN users AS u ON u.user_id = rule.user_id
            LEFT JOIN user_group AS g USING (group_id)
            LEFT JOIN users AS h ON h.user_id = home_of
            LEFT JOIN object_class AS o USING (class_id)
            WHERE clip_id IS NULL
            ORDER BY u.login COLLATE "C", g.name COLLATE "C", h.login COLLATE "C",
                     o.name COLLATE "C", action
        ) AS each
    ) AS rules,
    ARRAY(
        SELECT row_to_json(each) FROM (
            SELECT login AS "user", NULL AS "group", key, value
            FROM user_preference JOIN users USING (user_id)
            UNION ALL
            SELECT NULL, name, key, value FROM group_preference JOIN user_group USING (group_id)
            ORDER BY 1, 2, 3
        ) AS each
    ) AS preferences
) AS record
"""


def items(cursor: Cursor, gunids: Sequence[Gunid]) -> dict[Gunid, str]:
    """The records of these items, as far as they are there."""
    cursor.execute(f"{_ITEM} WHERE gunid = ANY (%s::uuid[])", ([each.uuid for each in gunids],))
    return {Gunid(gunid): text for _, gunid, text in cursor.fetchall()}


def all_items(cursor: Cursor) -> Iterator[tuple[Gunid, str]]:
    """The records of all items, by their numbers; few are in memory at a time.

    Until it has ended the transaction must not end.
    """
    with cursor.connection.cursor(name="all_items", withhold=True) as streaming:
        streaming.itersize = _AT_ONCE
        streaming.execute(f"{_ITEM} ORDER BY clip.clip_id")
        for _, gunid, text in streaming:
            yield Gunid(gunid), text


def gunids_after(cursor: Cursor, number: int, limit: int) -> list[tuple[int, Gunid]]:
    """Some items in the order of their numbers, from behind the one given."""
    cursor.execute(
        "SELECT clip_id, gunid FROM clip WHERE clip_id > %s ORDER BY clip_id LIMIT %s",
        (number, limit),
    )
    rows: list[tuple[int, UUID]] = cursor.fetchall()
    return [(clip_id, Gunid(gunid)) for clip_id, gunid in rows]


def archive(cursor: Cursor) -> str:
    """The record of everything but items."""
    cursor.execute(_ARCHIVE)
    (text,) = cursor.fetchone() or ("",)
    return str(text)


def all_contents(cursor: Cursor) -> Iterator[tuple[str, int]]:
    """The SHA-256 and size of each content of an item, in order; few are in memory at a time."""
    with cursor.connection.cursor(name="all_contents", withhold=True) as streaming:
        streaming.itersize = 20 * _AT_ONCE
        streaming.execute(
            """
            SELECT encode(content_id, 'hex'), size FROM content
            WHERE EXISTS (SELECT FROM revision WHERE revision.content_id = content.content_id)
            ORDER BY content_id
            """
        )
        yield from streaming


def see_one_moment(cursor: Cursor) -> None:
    """Let this transaction, which has just begun and only reads, see nothing that comes later."""
    cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")


def known(cursor: Cursor, gunids: Sequence[Gunid]) -> set[Gunid]:
    """Those of these items that are there, or have just gone and are not written down yet."""
    cursor.execute(
        """
        SELECT gunid FROM clip WHERE gunid = ANY (%(gunids)s::uuid[])
        UNION
        SELECT gunid FROM journal WHERE gunid = ANY (%(gunids)s::uuid[])
        AND number > (SELECT journal FROM sidecar_progress)
        """,
        {"gunids": [each.uuid for each in gunids]},
    )
    return {Gunid(gunid) for (gunid,) in cursor.fetchall()}
