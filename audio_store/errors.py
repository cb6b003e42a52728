"""What can go wrong with a store, each in the words of somebody who can act on it."""


class AudioStoreError(Exception):
    """Something was not done; what was there before is still there, unless it says otherwise."""


class StoreAway(AudioStoreError):
    """The disk, the mount or the store itself cannot be seen. Nothing is lost; try again."""


class StoreFull(AudioStoreError):
    """There is no room for these bytes."""


class StagingBusy(AudioStoreError):
    """Somebody else is writing the staged file at this moment."""


class NothingStaged(AudioStoreError):
    """No bytes were received under this token."""


class ContentMissing(AudioStoreError):
    """The store is there, and does not hold this content."""


class ContentDamaged(AudioStoreError):
    """Content has other bytes than its name says."""


class SidecarMissing(AudioStoreError):
    """The store is there, and has no sidecar of this name."""


class SidecarDamaged(AudioStoreError):
    """There is a sidecar of this name, and it cannot be read."""


class BadName(AudioStoreError):
    """The text is not a token, an extension or a content id."""
