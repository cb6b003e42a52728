"""What peers are given to load, and what they answer."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from archive_server.database.search_rows import clip_columns, code_of
from archive_server.model.folding import fold
from benchmarks.library import LibraryClip
from benchmarks.search_shapes import Shape


@dataclass(frozen=True, slots=True)
class Loaded:
    """A clip as peers load it: folded by our own rules, so that answers can be compared."""

    number: int
    type_code: int
    values: tuple[tuple[str, str, str], ...]  # category, text, folded text
    columns: dict[str, str | datetime | None]  # as search_clip has them

    @classmethod
    def of(cls, clip: LibraryClip) -> "Loaded":
        """The same clip."""
        document = clip.document.stamped(clip.mtime)
        values = tuple((name, text, fold(text)) for name, text in document.flattened())
        return cls(clip.number, code_of(clip.file_type), values, clip_columns(document))


@dataclass(frozen=True, slots=True)
class Answer:
    """How many there are, and the page: numbers of clips, or values that were browsed."""

    total: int
    page: tuple[Any, ...]


class Peer(Protocol):
    """A way of keeping the library and searching it."""

    name: str

    def load(self, clips: Iterable[Loaded]) -> None:
        """Keep these clips, indexed as well as can be. Blocks for long."""

    def answer(self, shape: Shape) -> Answer | None:
        """The exact number of hits and the first page; None for what it has no way to answer."""
