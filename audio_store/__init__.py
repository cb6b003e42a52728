"""The bytes of an archive: received, published under their digest, handed out, removed.

Needs a directory on a file system with hard links, flock(2) and atomic rename; knows nothing of
clips, users or databases. What lies on the disk is described in docs/store-format.md.
"""

from audio_store.content_id import ContentId, Digests
from audio_store.copying import ContentCopier
from audio_store.errors import (
    AudioStoreError,
    BadName,
    ContentDamaged,
    ContentMissing,
    NothingStaged,
    SidecarDamaged,
    SidecarMissing,
    StagingBusy,
    StoreAway,
    StoreFull,
)
from audio_store.quarantine import Quarantine
from audio_store.sidecars import Sidecars
from audio_store.staging import StagedFile, sync_all
from audio_store.store import AudioStore
from audio_store.verifying import Sight, Verdict, look_at, verify

__all__ = [
    "AudioStore",
    "AudioStoreError",
    "BadName",
    "ContentCopier",
    "ContentDamaged",
    "ContentId",
    "ContentMissing",
    "Digests",
    "NothingStaged",
    "Quarantine",
    "SidecarDamaged",
    "SidecarMissing",
    "Sidecars",
    "Sight",
    "StagedFile",
    "StagingBusy",
    "StoreAway",
    "StoreFull",
    "Verdict",
    "look_at",
    "sync_all",
    "verify",
]
