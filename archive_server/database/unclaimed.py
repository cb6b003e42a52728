"""Contents that no row names, and that stay all the same."""

from collections.abc import Sequence

from psycopg2.extensions import cursor as Cursor


def known(cursor: Cursor, sha256s: Sequence[bytes]) -> set[bytes]:
    """Those of these that stay."""
    cursor.execute(
        "SELECT content_id FROM unclaimed_content WHERE content_id = ANY(%s)", (list(sha256s),)
    )
    return {bytes(sha256) for (sha256,) in cursor.fetchall()}


def add_all(cursor: Cursor, sha256s: Sequence[bytes]) -> None:
    """Note that these are in the store, and that nobody knows whose they are."""
    cursor.execute(
        "INSERT INTO unclaimed_content SELECT unnest(%s::bytea[]) ON CONFLICT DO NOTHING",
        (list(sha256s),),
    )
