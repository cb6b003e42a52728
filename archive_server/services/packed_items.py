"""What was packed, and where it is in a tar: kept in a file, so that none costs memory; blocks.

An archive of a gigabyte can have two million empty members. Half a million of them took 140 MB as
objects, before anything was made of them; here they take 5 MB.
"""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO
from uuid import UUID

from archive_server.errors import RefusedArchive
from archive_server.model.backups import NOTE, Part, part_meant
from archive_server.model.gunid import Gunid
from archive_server.services.tar_reading import TarFile, each_file

_ONCE = 500  # items that are read from the file at a time

_TABLE = """
    CREATE TABLE member
        (place INTEGER PRIMARY KEY, item BLOB, part INTEGER, name TEXT, start INTEGER, stop INTEGER)
"""
_TWICE = "SELECT name FROM member GROUP BY item, part HAVING count(*) > 1 LIMIT 1"
_CLIPS = f"""
    SELECT item.item, d.name, d.start, d.stop, a.name, a.start, a.stop
    FROM (SELECT item, min(place) AS place FROM member WHERE part <> {Part.PLAYLIST} GROUP BY item)
         AS item
    LEFT JOIN member d ON d.item = item.item AND d.part = {Part.DOCUMENT}
    LEFT JOIN member a ON a.item = item.item AND a.part = {Part.AUDIO}
    ORDER BY item.place
"""  # noqa: S608 - numbers of ours
_PLAYLISTS = f"""
    SELECT item, name, start, stop FROM member WHERE part = {Part.PLAYLIST} ORDER BY place
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Item:
    """A clip, a webstream or a playlist: its files in the archive."""

    gunid: Gunid
    document: TarFile | None
    audio: TarFile | None

    @property
    def name(self) -> str:
        """What it is called where it fails: the name of its document, or else of its audio."""
        return next(file.name for file in (self.document, self.audio) if file is not None)

    @property
    def size(self) -> int:
        """The bytes of its files."""
        return sum(file.size for file in (self.document, self.audio) if file is not None)


@dataclass(frozen=True)
class BackupContents:
    """The items of a backup, each kind in the order of the archive. To be closed."""

    _index: sqlite3.Connection

    @classmethod
    def of(cls, file: BinaryIO, size: int, *, most: int) -> "BackupContents":
        """Look through an archive of `size` bytes and at most `most` members.

        Raises RefusedArchive for what is no backup.
        """
        # In a file without a name, which nobody needs after a crash.
        index = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        try:
            _fill(index, file, size, most)
        except BaseException:
            index.close()
            raise
        return cls(index)

    def clips(self) -> Iterator[list[Item]]:
        """Clips and webstreams, some at a time."""
        return self._items(_CLIPS)

    def playlists(self) -> Iterator[list[Item]]:
        """Playlists, some at a time; their text is the `document`."""
        return self._items(_PLAYLISTS)

    def close(self) -> None:
        """Forget it all."""
        self._index.close()

    def _items(self, statement: str) -> Iterator[list[Item]]:
        rows = self._index.execute(statement)
        while some := rows.fetchmany(_ONCE):
            yield [_item(*row) for row in some]


def _fill(index: sqlite3.Connection, file: BinaryIO, size: int, most: int) -> None:
    index.execute("PRAGMA journal_mode = OFF")  # 6.6 s instead of 3.1 for a million otherwise
    index.execute(_TABLE)
    index.execute("BEGIN")
    seen = _Seen()
    index.executemany(
        "INSERT INTO member (item, part, name, start, stop) VALUES (?, ?, ?, ?, ?)",
        seen.rows(each_file(file, size, most=most)),
    )
    index.execute("CREATE INDEX member_by_item ON member (item, part)")
    index.execute("COMMIT")
    if not seen.is_backup:
        raise RefusedArchive("this is no backup: nothing of one is in it", "no-backup")
    if (twice := index.execute(_TWICE).fetchone()) is not None:
        raise RefusedArchive(f"{twice[0]!r} is there twice", "duplicate-member")


@dataclass(slots=True)
class _Seen:
    """Whether anything was of a backup."""

    is_backup: bool = False

    def rows(self, files: Iterator[TarFile]) -> Iterator[tuple[bytes, int, str, int, int]]:
        for file in files:
            self.is_backup = self.is_backup or file.name == NOTE
            if (meant := part_meant(file.name)) is not None:
                self.is_backup = True
                gunid, part = meant
                yield gunid.uuid.bytes, part, file.name, file.part.start, file.part.stop


def _item(
    gunid: bytes,
    document: str | None,
    document_start: int,
    document_stop: int,
    audio: str | None = None,
    audio_start: int = 0,
    audio_stop: int = 0,
) -> Item:
    return Item(
        Gunid(UUID(bytes=gunid)),
        _file(document, document_start, document_stop),
        _file(audio, audio_start, audio_stop),
    )


def _file(name: str | None, start: int, stop: int) -> TarFile | None:
    return None if name is None else TarFile(name, range(start, stop))
