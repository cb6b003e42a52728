"""Audio kept by content: bytes that are received, published under their SHA-256, and removed."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from audio_store import identity
from audio_store.content_id import ContentId, Digests, read_digests
from audio_store.disk import MANY, disk_errors, file_errors, sync_directories, sync_directory
from audio_store.errors import BadName, ContentDamaged, ContentMissing, NothingStaged, StoreAway
from audio_store.layout import PRIVATE, SHARDS, Layout, is_token, split_link
from audio_store.staging import StagedFile, open_staged, sync_all


@dataclass(frozen=True, slots=True)
class AudioStore:
    """A store on a local disk.

    All methods block. Any number of threads and processes may use the same store; only writers
    of the same token exclude each other. Every method may raise StoreAway, and those that write
    StoreFull.

    Between `publish` and `remove` of equal content the caller sees to the order: a publisher
    that finds the content there keeps it, and a remover does not ask.
    """

    layout: Layout
    store_id: str

    @classmethod
    def create(cls, root: Path, store_id: str = "") -> "AudioStore":
        """Make a store (`store_id`: one that was lost), or open the one that is there.

        For a first start only: an empty directory may be a mount point whose disk is away.
        """
        layout = Layout(root.absolute())
        identity.establish(layout, store_id)
        return cls(layout, identity.read(layout))

    @classmethod
    def open(cls, root: Path) -> "AudioStore":
        """Open a store. Raises StoreAway if none is there."""
        layout = Layout(root.absolute())
        return cls(layout, identity.read(layout))

    @classmethod
    def expected(cls, root: Path, store_id: str) -> "AudioStore":
        """The store of this identity, whether or not it is there now."""
        return cls(Layout(root.absolute()), store_id)

    @property
    def root(self) -> Path:
        return self.layout.root

    def require_present(self) -> None:
        """Raise StoreAway unless the store that was opened is there now. Reads one small file."""
        if identity.read(self.layout) != self.store_id:
            raise StoreAway("the store is away: another one is in its place")

    # -- receiving --------------------------------------------------------------------------

    def stage(self, token: str, *, create: bool = True) -> StagedFile:
        """Open the staged file of a token, as its only writer.

        Raises StagingBusy while there is another, NothingStaged if nothing is there and it is
        not to be created, BadName.
        """
        path = self.layout.staged_file(token)
        self.require_present()
        try:
            return open_staged(path, create=create)
        except NothingStaged:
            self.require_present()
            raise

    def staged_size(self, token: str) -> int:
        """The bytes received under a token, 0 if none; whoever is writing. Raises BadName."""
        return self._find_size(self.layout.staged_file(token)) or 0

    def discard(self, token: str) -> None:
        """Drop what was received, if anything. Raises StagingBusy while somebody writes."""
        try:
            staged = self.stage(token, create=False)
        except NothingStaged:
            return
        with staged:
            staged.drop()

    def publish(self, staged: StagedFile, digests: Digests) -> ContentId:
        """Give staged bytes their name. When this returns, they survive a power cut.

        Equal content that is there already is kept, and the staged file dropped; the digests
        are believed, since reading gigabytes again would prove only that the disk can read.
        Afterwards `staged` is closed. When it fails the staged file is still there, unless the
        disk failed between taking the name and making it durable.
        """
        self.publish_all([(staged, digests)])
        return digests.content_id

    def publish_all(self, files: Sequence[tuple[StagedFile, Digests]]) -> None:
        """The same for many files: they share the waiting for the disk.

        Afterwards all are closed. When it fails, some may have got their names and some not.
        """
        for staged, digests in files:
            if digests.size != staged.size or staged.known_digests() not in (None, digests):
                raise ValueError("these are not the digests of the staged bytes")
        finals = [self.path(digests.content_id) for _, digests in files]
        with self._for_writing():
            kept = self._give_names(files, finals)
            # Both directories, always: whoever made the lower one, or took a name before us, may
            # not have come to sync it yet.
            lower = [final.parent for final in finals]
            sync_directories([*lower, *(directory.parent for directory in lower)])
            for staged in kept:
                staged.drop()

    def settle(self, content_id: ContentId) -> int:
        """Have content that got its name survive a power cut, too; return its bytes.

        For where `publish` failed between the two. Raises ContentMissing.
        """
        size = self.size(content_id)
        directory = self.path(content_id).parent
        with self._for_writing():
            sync_directories([directory, directory.parent])
        return size

    def _give_names(
        self, files: Sequence[tuple[StagedFile, Digests]], finals: Sequence[Path]
    ) -> list[StagedFile]:
        """Move what is new to where it belongs; return what is there already."""
        kept, new = [], {}
        for (staged, digests), final in zip(files, finals, strict=True):
            # Of another size is what a broken disk or a careless hand left: it is replaced.
            if final in new or self._find_size(final) == digests.size:
                kept.append(staged)
            else:
                new[final] = staged
        for directory in dict.fromkeys(final.parent for final in new):
            directory.mkdir(PRIVATE, exist_ok=True)
        # First all, then the waiting: by syncing one the file system brings the changes of all
        # others to the disk too.
        for staged in new.values():
            staged.seal()
        if len(new) >= MANY:
            sync_all(list(new.values()))
        for final, staged in new.items():
            staged.move(final)
        return kept

    # -- handing out ------------------------------------------------------------------------

    def path(self, content_id: ContentId) -> Path:
        """Where the content is, if it is there."""
        return self.layout.content_file(content_id)

    def open_content(self, content_id: ContentId) -> BinaryIO:
        """Open for reading; it stays readable when it is removed. Raises ContentMissing."""
        with disk_errors():
            try:
                return self.path(content_id).open("rb")
            except FileNotFoundError as error:
                raise self._missing(content_id) from error

    def size(self, content_id: ContentId) -> int:
        """The content's bytes. Raises ContentMissing."""
        size = self._find_size(self.path(content_id))
        if size is None:
            raise self._missing(content_id)
        return size

    def digest(
        self, content_id: ContentId, on_block: Callable[[int], None] | None = None
    ) -> Digests:
        """Read all of it and say what it is; `on_block` hears the bytes of each block read.

        Content that is whole has `digest(content_id).content_id == content_id`. Raises
        ContentMissing, ContentDamaged where the disk cannot read this file.
        """
        with self.open_content(content_id) as file, self.reading(content_id):
            return read_digests(file, on_block).so_far()

    @contextmanager
    def reading(self, content_id: ContentId) -> Iterator[None]:
        """Raise ContentDamaged for a disk that cannot read a file, though the store is there."""
        try:
            with file_errors(lambda why: ContentDamaged(f"content {content_id}: {why}")):
                yield
        except ContentDamaged:
            self.require_present()
            raise

    def link(self, content_id: ContentId, token: str, extension: str) -> Path:
        """Give content a second name, for programs on this machine; return it.

        It is read-only, and keeps the bytes when the content is removed. Doing it again is
        harmless. Raises ContentMissing, BadName.
        """
        target = self.layout.link(token, extension)
        content = self.path(content_id)
        with self._for_writing():
            self.size(content_id)
            try:
                target.hardlink_to(content)
            except FileExistsError:
                if not target.samefile(content):
                    target.unlink()
                    target.hardlink_to(content)
            sync_directory(target.parent)
        return target

    # -- removing ---------------------------------------------------------------------------

    # What is removed may come back in a power cut, as something nobody refers to. That is
    # harmless and looked for anyway, so nothing waits for the disk here.

    def remove(self, content_id: ContentId) -> None:
        """Remove content, if it is there; links and open files keep the bytes."""
        self._unlink(self.path(content_id))

    def unlink(self, token: str, extension: str) -> None:
        """Remove what `link` made, if it is there. Raises BadName."""
        self._unlink(self.layout.link(token, extension))

    def _unlink(self, path: Path) -> None:
        with self._for_writing():
            try:
                path.unlink()
            except FileNotFoundError:
                self.require_present()

    # -- looking around ---------------------------------------------------------------------

    def contents(self) -> Iterator[ContentId]:
        """All content, in order. Ends normally only if everything could be seen."""
        self.require_present()
        for first in SHARDS:
            for second in filter(SHARDS.__contains__, self._names(self.layout.content / first)):
                yield from self._in_directory(self.layout.content / first / second)

    def _in_directory(self, directory: Path) -> Iterator[ContentId]:
        for name in self._names(directory):
            # A file of another name, or in the wrong place, is not ours to list.
            with suppress(BadName):
                content_id = ContentId.parse(name)
                if self.path(content_id).parent == directory:
                    yield content_id

    def named_at(self, content_id: ContentId) -> float:
        """When the content got a name last (seconds since 1970); 0: there is none."""
        return self._find_time(self.path(content_id)) or 0

    def linked_at(self, token: str, extension: str) -> float:
        """When content got this or a later link (seconds since 1970); 0: there is none."""
        return self._find_time(self.layout.link(token, extension)) or 0

    def staged_tokens(self) -> Iterator[tuple[str, float]]:
        """Each token with bytes received, and when the last came (seconds since 1970)."""
        self.require_present()
        for token in filter(is_token, self._names(self.layout.staging)):
            status = self._find(self.layout.staged_file(token))
            if status is not None:  # not published or dropped since
                yield token, status.st_mtime

    def links(self) -> Iterator[tuple[str, str]]:
        """The token and the extension of everything that was linked."""
        self.require_present()
        yield from filter(None, map(split_link, self._names(self.layout.access)))

    def free_bytes(self) -> int:
        """How many more bytes this program may write."""
        self.require_present()
        with disk_errors():
            disk = os.statvfs(self.root)
        return disk.f_bavail * disk.f_frsize

    def _names(self, directory: Path) -> list[str]:
        with disk_errors(), os.scandir(directory) as entries:
            return sorted(entry.name for entry in entries)

    # -- absence is not deletion ------------------------------------------------------------

    @contextmanager
    def _for_writing(self) -> Iterator[None]:
        """Change nothing on a disk that is not ours."""
        self.require_present()
        with disk_errors():
            yield

    def _find_size(self, path: Path) -> int | None:
        """The size of a file; None if the store is there and the file is not."""
        status = self._find(path)
        return None if status is None else status.st_size

    def _find(self, path: Path) -> os.stat_result | None:
        with disk_errors():
            try:
                return path.stat()
            except FileNotFoundError:
                self.require_present()
                return None

    def _find_time(self, path: Path) -> float | None:
        """When a file was given a name, or lost one; None if the store is there and it is not."""
        with disk_errors():
            try:
                return path.stat().st_ctime
            except FileNotFoundError:
                self.require_present()
                return None

    def _missing(self, content_id: ContentId) -> ContentMissing:
        """The error for content that is not there. Raises StoreAway if all of it is not."""
        self.require_present()
        with disk_errors():
            shard_is_there = self.layout.shard(content_id).is_dir()
        if not shard_is_there:
            raise StoreAway("the store is away: a directory of its content is missing")
        return ContentMissing(f"content {content_id} is not in the store")
