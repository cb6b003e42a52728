"""Copying content from one store into another: real copies, each proven by its digest.

Not by copy_file_range, which would let both files share their blocks where the file system can do
that, and a block that goes bad take both with it. The bytes pass through here anyway, since what is
copied has to be seen to be whole.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from audio_store.content_id import ContentId, Digests
from audio_store.errors import ContentDamaged, ContentMissing
from audio_store.staging import StagedFile
from audio_store.store import AudioStore

_BLOCK = 1 << 20
_TOKEN_LENGTH = 32
# So much is brought to the disk at a time: files share the waiting for it.
_MOST_FILES = 64
_MOST_BYTES = 256 << 20


@dataclass
class ContentCopier:
    """Copies content that the target may have already. A context manager: leaving it finishes.

    Methods block, and raise StoreAway or StoreFull for either store.
    """

    source: AudioStore
    target: AudioStore
    on_block: Callable[[int], object] = lambda size: None  # hears of the bytes as they come
    _waiting: list[tuple[StagedFile, Digests]] = field(default_factory=list)
    _size: int = 0

    def is_there(self, content_id: ContentId) -> bool:
        """Whether the target has it already."""
        try:
            self.target.size(content_id)
        except ContentMissing:
            return False
        return True

    def copy(self, content_id: ContentId) -> None:
        """Copy one; it has its name, and survives a power cut, after `finish` at the latest.

        Raises ContentMissing; ContentDamaged for bytes that are not what they are called, or
        cannot be read.
        """
        # One name for each content: what a crash leaves of it is overwritten.
        staged = self.target.stage(str(content_id)[:_TOKEN_LENGTH])
        try:
            staged.truncate()
            self._fill(staged, content_id)
            digests = staged.digests()
            if digests.content_id != content_id:
                raise ContentDamaged(f"content {content_id} has other bytes than were stored")
        except BaseException:
            staged.drop()
            raise
        staged.begin_sync()
        self._waiting.append((staged, digests))
        self._size += digests.size
        if len(self._waiting) >= _MOST_FILES or self._size >= _MOST_BYTES:
            self.finish()

    def finish(self) -> None:
        """Give what was copied its names."""
        try:
            self.target.publish_all(self._waiting)
        finally:
            self.drop()

    def drop(self) -> None:
        """Let go of what has no name yet; the next copy of it begins anew."""
        for staged, _ in self._waiting:
            staged.close()
        self._waiting = []
        self._size = 0

    def _fill(self, staged: StagedFile, content_id: ContentId) -> None:
        for block in self._blocks(content_id):
            staged.append(block)
            self.on_block(len(block))

    def _blocks(self, content_id: ContentId) -> Iterator[bytes]:
        with self.source.open_content(content_id) as content, self.source.reading(content_id):
            while block := content.read(_BLOCK):
                yield block
