"""A data directory of the archive with the made-up library in it, ready for `archive-server serve`.

    python -m benchmarks.library_archive DIR --clips 1000000

What is there already is kept, so a million clips, which take some minutes, are loaded once. All
audio clips share the bytes of one small sample: equal bytes are kept once.
"""

import contextlib
import itertools
import json
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click
from psycopg2.extensions import cursor as Cursor

from archive_server.database import contents, search, users
from archive_server.database.connections import connect
from archive_server.database.copying import copy_rows
from archive_server.database.embedded import EmbeddedPostgres
from archive_server.database.migrations import migrate
from archive_server.model.clips import Content, FileType
from archive_server.sample.catalogue import DIRECTORY
from archive_server.services.first_start import find_or_make_store, make_first_user
from audio_store import AudioStore
from benchmarks.harness.archive import PASSWORD
from benchmarks.library import LAST_CHANGE, Library, LibraryClip

_SAMPLE = DIRECTORY / "test10001.mp3"
_NOTE = "library.json"  # written last: which library the directory holds
_CHUNK = 5_000
# What is loaded here can be loaded again.
_RECKLESS = {
    "fsync": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "8GB",
    "maintenance_work_mem": "1GB",
    "work_mem": "256MB",
}


def prepare(data_dir: Path, clips: int, seed: int = 1) -> None:
    """Make sure that a directory holds an archive with this library. Blocks for long."""
    wanted = {"clips": clips, "seed": seed}
    note = data_dir / _NOTE
    if note.exists():
        found = json.loads(note.read_text(encoding="utf-8"))
        if found == wanted:
            return
        raise click.ClickException(f"{data_dir} holds another library: {found}, not {wanted}")
    data_dir.mkdir(mode=0o711, parents=True, exist_ok=True)
    server = EmbeddedPostgres.start(data_dir, extra_settings=_RECKLESS, purpose="loading a library")
    try:
        with contextlib.closing(connect(server.dsn())) as connection:
            migrate(connection)
            with connection, connection.cursor() as cursor:
                load(cursor, data_dir, Library(seed, clips).clips())
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute("VACUUM (FREEZE, ANALYZE)")
                cursor.execute("CHECKPOINT")
    finally:
        server.stop()
    note.write_text(json.dumps(wanted), encoding="utf-8")


def load(cursor: Cursor, data_dir: Path, clips: Iterable[LibraryClip]) -> None:
    """Put a library into an empty archive, with rows of every kind that stored clips have."""
    store = find_or_make_store(cursor, data_dir / "store")
    make_first_user(cursor, data_dir, PASSWORD)
    content = _published(store, _SAMPLE)
    contents.add(cursor, content, LAST_CHANGE)
    (owner,) = (user.user_id for user in users.list_users(cursor))
    cursor.execute("SET LOCAL session_replication_role = replica")  # foreign keys hold anyway
    # Or every server of it would write a million sidecars, and be measured beside that.
    cursor.execute("UPDATE sidecar_progress SET passed = NULL")
    search.rebuild(cursor, _written(cursor, clips, owner, content))
    for table, column in (("clip", "clip_id"), ("document", "document_id")):
        cursor.execute(
            f"SELECT setval(pg_get_serial_sequence('{table}', '{column}'), max({column}))"  # noqa: S608
            f" FROM {table}"
        )


def _written(
    cursor: Cursor, clips: Iterable[LibraryClip], owner: int, content: Content
) -> Iterator[search.Findable]:
    """Write the rows of clips chunk by chunk, and pass on what they shall be found by."""
    clips = iter(clips)
    while chunk := list(itertools.islice(clips, _CHUNK)):
        stamped = [(clip, clip.document.stamped(clip.mtime)) for clip in chunk]
        copy_rows(
            cursor,
            "document (document_id, xml, created_at)",
            ((clip.number, document.to_xml(), clip.mtime) for clip, document in stamped),
        )
        copy_rows(
            cursor,
            "clip (clip_id, gunid, file_type, owner_id, file_name, document_id, revision, mtime,"
            " created_at)",
            (_clip_row(clip, owner) for clip in chunk),
        )
        copy_rows(
            cursor,
            "revision (clip_id, number, content_id, format, duration_us, sample_rate, channels,"
            " bit_rate, warnings, created_at)",
            (_revision_row(clip, content) for clip in chunk if _has_audio(clip)),
        )
        for clip in chunk:
            yield search.Findable(
                clip.number, clip.gunid, clip.file_type, clip.document, clip.mtime
            )


def _clip_row(clip: LibraryClip, owner: int) -> tuple[Any, ...]:
    revision = 1 if _has_audio(clip) else None
    name = f"{clip.number:08}.mp3" if _has_audio(clip) else ""
    return (
        clip.number, clip.gunid.uuid, clip.file_type.value, owner, name, clip.number, revision,
        clip.mtime, clip.mtime,
    )  # fmt: skip


def _revision_row(clip: LibraryClip, content: Content) -> tuple[Any, ...]:
    return (
        clip.number, 1, content.sha256, "mp3", clip.duration_us, 44_100, 2, 128_000, "{}",
        clip.mtime,
    )  # fmt: skip


def _has_audio(clip: LibraryClip) -> bool:
    return clip.file_type is FileType.AUDIO_CLIP


def _published(store: AudioStore, path: Path) -> Content:
    """Put a file into the store."""
    with store.stage("0" * 32) as staged:
        staged.append(path.read_bytes())
        staged.sync()
        digests = staged.digests()
        store.publish(staged, digests)
    return Content(digests.sha256, digests.md5, digests.size)


@click.command()
@click.argument("data_dir", type=click.Path(file_okay=False, path_type=Path))
@click.option("--clips", default=1_000_000, show_default=True)
@click.option("--seed", default=1, show_default=True)
def main(data_dir: Path, clips: int, seed: int) -> None:
    """Load the made-up library into DATA_DIR, and leave it there."""
    began = time.monotonic()
    prepare(data_dir, clips, seed)
    click.echo(f"{data_dir}: {clips:,} clips after {time.monotonic() - began:,.0f} s")


if __name__ == "__main__":
    main()
