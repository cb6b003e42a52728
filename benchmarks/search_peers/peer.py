"""What peers are given to load, and what they answer."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from archive_server.database.search_rows import (
    FARTHEST,
    clip_columns,
    code_of,
    values_of,
    words_by_nearness,
)
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
    words: tuple[str, ...]  # of titles, of creators and sources, of the rest; by our own rules too

    @classmethod
    def of(cls, clip: LibraryClip) -> "Loaded":
        """The same clip."""
        document = clip.document.stamped(clip.mtime)
        values = tuple((name, text, fold(text)) for name, text in document.flattened())
        words = words_by_nearness(values_of(document))
        return cls(
            clip.number,
            code_of(clip.file_type),
            values,
            clip_columns(document),
            tuple(" ".join(words.get(near, ())) for near in range(1, FARTHEST + 1)),
        )


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
