"""Making findable what can be seen and is not found."""

from collections.abc import Iterator

from psycopg2.extensions import cursor as Cursor

from archive_server.database.search_bulk import index_many
from archive_server.database.search_staging import Findable
from archive_server.model.clips import FileType
from archive_server.model.gunid import Gunid
from archive_server.model.playlists import search_document


def index_missing(cursor: Cursor) -> None:
    """Index the clips that were stored before there were search tables (0003)."""
    index_many(cursor, _missing(cursor))


def _missing(cursor: Cursor) -> Iterator[Findable]:
    # As they are read: their documents need not all be in memory.
    with cursor.connection.cursor("missing") as reader:
        reader.execute(
            """
            SELECT clip_id, gunid, file_type, xml, mtime
            FROM clip JOIN document USING (document_id)
            WHERE state = 'ready'
            AND NOT EXISTS (SELECT FROM search_clip s WHERE s.clip_id = clip.clip_id)
            ORDER BY clip_id
            """
        )
        for clip_id, gunid, name, xml, mtime in reader:
            file_type = FileType(name)
            document = search_document(file_type, xml)
            yield Findable(clip_id, Gunid(gunid), file_type, document, mtime)
