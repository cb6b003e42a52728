"""Where damaged content is put: out of the way, and not lost, since it may be all there is left.

    quarantine/<sha256>.<number>    what lay under that name, the oldest with the number 1

What one finds there may be a directory, or a link: whatever was where the file should have been.
For content that is set aside, taken back or published the caller holds a lock, as for `publish` and
`remove`.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from audio_store.content_id import ContentId
from audio_store.disk import disk_errors, sync_directory
from audio_store.errors import BadName
from audio_store.layout import PRIVATE
from audio_store.store import AudioStore
from audio_store.verifying import Sight


@dataclass(frozen=True, slots=True)
class Quarantine:
    """The quarantine of a store. All methods block, and may raise StoreAway and StoreFull."""

    store: AudioStore

    def set_aside(self, content_id: ContentId, seen: Sight | None) -> bool:
        """Take content away that was looked at; False: something else lies there by now.

        There may have been nothing, and then nothing is done. Afterwards the name is free.
        """
        path = self.store.path(content_id)
        self.store.require_present()
        with disk_errors():
            there = Sight.of(path)
        if there != seen:
            return False
        if there is not None:
            self._move(content_id, path)
        return True

    def clear(self, content_id: ContentId) -> None:
        """Take away whatever lies where content belongs, so that it can be published anew."""
        with disk_errors():
            self.set_aside(content_id, Sight.of(self.store.path(content_id)))

    def held(self, content_id: ContentId) -> list[Path]:
        """What was set aside of this content, the last first."""
        found = [path for each, path in self.entries() if each == content_id]
        return sorted(found, key=_number, reverse=True)

    def entries(self) -> Iterator[tuple[ContentId, Path]]:
        """All that was set aside."""
        self.store.require_present()
        with disk_errors():
            try:
                paths = list(self.store.layout.quarantine.iterdir())
            except FileNotFoundError:  # nothing ever was
                return
        for path in paths:
            digits, _, number = path.name.partition(".")
            if number.isdecimal():
                with suppress(BadName):
                    yield ContentId.parse(digits), path

    def take_back(self, content_id: ContentId, source: Path) -> None:
        """Give content its place again; it is free. `source` was found to be whole.

        It is what was set aside, or a link, which stays.
        """
        final = self.store.path(content_id)
        self.store.require_present()
        with disk_errors():
            final.parent.mkdir(PRIVATE, exist_ok=True)
            if source.parent == self.store.layout.quarantine:
                source.rename(final)
            else:
                final.hardlink_to(source)
            sync_directory(final.parent)
            sync_directory(final.parent.parent)

    def drop(self, content_id: ContentId) -> None:
        """Remove for good what was set aside of it; what was no file is left."""
        for path in self.held(content_id):
            with disk_errors(), suppress(IsADirectoryError):
                path.unlink(missing_ok=True)

    def _move(self, content_id: ContentId, path: Path) -> None:
        layout = self.store.layout
        layout_is_new = not layout.quarantine.exists()
        taken = [_number(other) for other in self.held(content_id)]
        with disk_errors():
            layout.quarantine.mkdir(PRIVATE, exist_ok=True)
            path.rename(layout.quarantine / f"{content_id}.{max(taken, default=0) + 1}")
            # The new name before the old one's end: what a power cut leaves is one, or both.
            sync_directory(layout.quarantine)
            sync_directory(path.parent)
            if layout_is_new:
                sync_directory(layout.root)


def _number(path: Path) -> int:
    return int(path.suffix[1:])
