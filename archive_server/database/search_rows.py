"""What the search tables say of a document: pure."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from archive_server.model.categories import local_name
from archive_server.model.clips import FileType
from archive_server.model.documents import Document
from archive_server.model.folding import fold, sort_key
from archive_server.model.instants import find_instant
from archive_server.model.words import are_all_read, words

# Parts of titles are found by their column alone: of each there are nearly as many as clips.
TITLE = "dc:title"

# Categories whose folded values are columns of search_text, and whose sort keys of search_clip.
CORE_COLUMNS = {"dc:title": "title", "dc:creator": "creator", "dc:source": "source"}

# Categories whose least and greatest value are columns of search_clip.
RANGE_COLUMNS = {"ls:mtime": "mtime", "dcterms:extent": "extent", "ls:year": "year"}

# How near the words of a category are to the title; those of all others are the farthest.
_NEARNESS = {"dc:title": 1, "dc:creator": 2, "dc:source": 2}
FARTHEST = 3
# What points in time and durations are made of. Nobody looks for their words, and hardly two are
# the same.
_of_time = re.compile(r"[0-9dhmpstwyz:.,+ -]*")

SEPARATOR = "\x1f"  # between values in one column; no XML document can contain it
START = 64  # characters of a text that decide comparisons with anything shorter

# Among the words of a clip: it has some that are not there.
INCOMPLETE = "0"

_CODES = {file_type: code for code, file_type in enumerate(FileType, start=1)}
_FILE_TYPES = {code: file_type for file_type, code in _CODES.items()}


def code_of(file_type: FileType) -> int:
    """How the search tables write a file type: numbers that sort as answers do."""
    return _CODES[file_type]


def file_type_of(code: int) -> FileType:
    """The file type behind a number."""
    return _FILE_TYPES[code]


@dataclass(frozen=True, slots=True)
class Value:
    """A value of a category, as the dictionary keeps it."""

    category: str
    text: str

    @property
    def digest(self) -> UUID:
        """What tells values of a category apart. 128 bits of a good hash: no accidents."""
        return UUID(bytes=hashlib.blake2b(self.text.encode(), digest_size=16).digest())

    @property
    def instant(self) -> datetime | None:
        """The point in time that is meant, in categories called mtime."""
        return find_instant(self.text) if local_name(self.category) == "mtime" else None


def values_of(document: Document) -> list[Value]:
    """The values of a document, each once, where it first occurs."""
    return list(dict.fromkeys(Value(name, text) for name, text in document.flattened()))


def clip_columns(document: Document) -> dict[str, str | datetime | None]:
    """The columns of search_clip and search_text that come from the document.

    It has an ls:mtime. Those of search_text are the values of CORE_COLUMNS.
    """
    columns: dict[str, str | datetime | None] = {}
    for category, column in CORE_COLUMNS.items():
        texts = document.values(category)
        columns[f"{column}_key"] = sort_key(texts[0]) if texts else None
        columns[column] = joined([fold(text) for text in texts])
    for category, column in RANGE_COLUMNS.items():
        bounds = _bounds(category, document.values(category))
        columns[f"{column}_low"], columns[f"{column}_high"] = bounds
    return columns


def shown_columns(document: Document) -> dict[str, str]:
    """The columns of search_shown that come from the document."""
    shown = {
        "title": "dc:title",
        "creator": "dc:creator",
        "source": "dc:source",
        "length": "dcterms:extent",
        "track_number": "ls:track_num",
    }
    return {column: document.first(category) or "" for column, category in shown.items()}


def anything(values: Sequence[Value]) -> str | None:
    """The texts of all categories, for search_any."""
    return joined(list(dict.fromkeys(fold(value.text) for value in values)))


def words_by_nearness(values: Sequence[Value]) -> dict[int, list[str]]:
    """The words of the texts, by how near to the title they are; not those of time."""
    texts: dict[int, list[str]] = {}
    for value in values:
        if not _tells_time(value):
            texts.setdefault(nearness(value.category), []).append(fold(value.text))
    return {near: words(folded) for near, folded in texts.items()}


def nearness(category: str) -> int:
    """How near to the title the words of a category are."""
    return _NEARNESS.get(category, FARTHEST)


def may_be_of_time(word: str) -> bool:
    """Whether there may be clips that have a word and are not found by it."""
    return _of_time.fullmatch(word) is not None


def words_written(values: Sequence[Value]) -> str:
    """The column search_words.words, as a tsvector is written; no word needs quotes."""
    found = words_by_nearness(values)
    written = [f"{near}{word}" for near in found for word in found[near]]
    return " ".join(written if _has_only_these_words(values) else [*written, INCOMPLETE])


def _tells_time(value: Value) -> bool:
    return value.category == "dcterms:extent" or local_name(value.category) == "mtime"


def _has_only_these_words(values: Sequence[Value]) -> bool:
    """Whether what is written lacks no words but of time."""
    others = (fold(value.text) for value in values if _tells_time(value))
    return all(map(may_be_of_time, others)) and are_all_read([fold(each.text) for each in values])


def joined(folded: Sequence[str]) -> str | None:
    """Values between separators, so that whole ones and their beginnings are substrings too."""
    return SEPARATOR + SEPARATOR.join(folded) + SEPARATOR if folded else None


def _bounds(category: str, texts: Sequence[str]) -> tuple[str | datetime | None, ...]:
    if category == "ls:mtime":
        instants = [instant for text in texts if (instant := find_instant(text)) is not None]
        return min(instants), max(instants)
    folded = [fold(text) for text in texts]
    return (min(folded)[:START], max(folded)[:START]) if folded else (None, None)
