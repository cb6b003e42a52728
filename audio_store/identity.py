"""store.json: how a store is made, and known again.

It is written last, so a directory without it is either half made, and then empty, or a store
whose disk is away. Only the first is completed.
"""

import fcntl
import json
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from audio_store.disk import disk_errors, sync_directory, write_all
from audio_store.errors import StoreAway
from audio_store.layout import PRIVATE, SHARDS, TRAVERSABLE, Layout

FORMAT = 1
_LARGEST = 4096  # bytes of store.json


def read(layout: Layout) -> str:
    """Return the id of the store that is there now. Raises StoreAway if there is none."""
    with disk_errors():
        # For every file that is staged: three trips to the system instead of eight.
        descriptor = os.open(layout.identity, os.O_RDONLY | os.O_CLOEXEC)
        try:
            text = os.read(descriptor, _LARGEST)
        finally:
            os.close(descriptor)
    return _parsed(text)


@lru_cache(maxsize=8)  # it is read for every file that is staged
def _parsed(text: bytes) -> str:
    try:
        record = json.loads(text)
        version, store_id = record["format"], str(uuid.UUID(record["store_id"]))
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise StoreAway("the store is away: its store.json is damaged") from error
    if version != FORMAT:
        raise StoreAway(f"the store has format {version}, this program reads format {FORMAT}")
    return store_id


def establish(layout: Layout, store_id: str = "") -> None:
    """Make the store unless it is there; begin again where a crash interrupted the making.

    Without a `store_id` it gets a new one. Raises StoreAway for a directory that is in use
    and has no store.json.
    """
    with disk_errors():
        layout.root.mkdir(TRAVERSABLE, exist_ok=True)
        if layout.identity.exists():
            return
        _require_unused(layout)
        with _only_maker(layout) as descriptor:
            if not layout.identity.exists():
                _make_directories(layout)
                _write_identity(layout, descriptor, store_id or str(uuid.uuid4()))


@contextmanager
def _only_maker(layout: Layout) -> Iterator[int]:
    """Wait until no other process makes this store; yield the file its identity goes into."""
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(layout.new_identity, flags, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
        # Left when another maker was faster; renamed away when we were.
        layout.new_identity.unlink(missing_ok=True)
    finally:
        os.close(descriptor)


def _require_unused(layout: Layout) -> None:
    """Raise StoreAway if anything is there that the making of a store does not leave."""
    ours = (layout.content, layout.staging, layout.access, layout.quarantine)
    expected = {*ours, layout.new_identity, layout.identity, layout.root / "lost+found"}
    shards = {layout.content / name for name in SHARDS}
    found = set(layout.root.iterdir()) - expected
    for directory in filter(Path.exists, ours):
        found |= set(directory.iterdir()) - shards
    for shard in filter(Path.exists, shards):
        found |= set(shard.iterdir())
    # Asked last: what was found may be in a store that another process has made meanwhile.
    if found and not layout.identity.exists():
        raise StoreAway("the store is away: its directory is in use and has no store.json")


def _make_directories(layout: Layout) -> None:
    for directory, mode in (
        (layout.root, TRAVERSABLE),
        (layout.access, TRAVERSABLE),
        (layout.staging, PRIVATE),
        (layout.content, PRIVATE),
        (layout.quarantine, PRIVATE),
    ):
        directory.mkdir(mode, exist_ok=True)
        directory.chmod(mode)  # whatever the umask made of it
    for name in SHARDS:
        (layout.content / name).mkdir(PRIVATE, exist_ok=True)
    for directory in (layout.content, layout.root, layout.root.parent):
        sync_directory(directory)


def _write_identity(layout: Layout, descriptor: int, store_id: str) -> None:
    record = {"format": FORMAT, "store_id": store_id}
    os.ftruncate(descriptor, 0)
    write_all(descriptor, json.dumps(record).encode() + b"\n")
    os.fchmod(descriptor, 0o444)
    os.fsync(descriptor)
    layout.new_identity.rename(layout.identity)
    sync_directory(layout.root)
