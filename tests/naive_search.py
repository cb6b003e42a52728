"""Searching as the protocol describes it, over a list of clips: slow, short and right."""

import operator
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cmp_to_key

from archive_server.database import search
from archive_server.model.clips import FileType
from archive_server.model.documents import Document, Element
from archive_server.model.folding import fold, sort_key
from archive_server.model.gunid import Gunid, IdStyle
from archive_server.model.search import RELEVANCE, Condition, Criteria, Operator
from archive_server.model.words import Sought, words

MTIME = datetime(2026, 11, 21, 19, 1, 2, 500_000, UTC)
_TYPES = list(FileType)
_COMPARE = {
    Operator.FULL: operator.eq,
    Operator.LESS: operator.lt,
    Operator.LESS_OR_EQUAL: operator.le,
    Operator.GREATER: operator.gt,
    Operator.GREATER_OR_EQUAL: operator.ge,
}


@dataclass(frozen=True)
class Item:
    """A clip of a test."""

    clip_id: int
    gunid: Gunid
    file_type: FileType
    document: Document


def document_of(elements: Iterable[tuple[str, str]]) -> Document:
    """A document with these elements."""
    bare = Document.empty(FileType.AUDIO_CLIP)
    given = tuple(Element(name, (), text, ()) for name, text in elements)
    return Document(bare.root, bare.attributes, bare.metadata_attributes, given)


def stored(
    cursor,
    elements: Iterable[tuple[str, str]],
    file_type: FileType = FileType.AUDIO_CLIP,
    mtime: datetime = MTIME,
) -> Item:
    """Put a clip into the database and index it; an audio clip cannot be committed."""
    document = document_of(elements).stamped(mtime)
    gunid = Gunid.new(IdStyle.UUID7)
    cursor.execute(
        """
        WITH doc AS (INSERT INTO document (xml) VALUES ('') RETURNING document_id)
        INSERT INTO clip (gunid, file_type, file_name, document_id, mtime, revision)
        SELECT %s, %s, '', document_id, %s, %s FROM doc RETURNING clip_id
        """,
        (str(gunid.uuid), file_type.value, mtime, 1 if file_type is FileType.AUDIO_CLIP else None),
    )
    (clip_id,) = cursor.fetchone()
    search.index(cursor, clip_id, gunid, file_type, document, mtime)
    return Item(clip_id, gunid, file_type, document)


def matching(items: Sequence[Item], criteria: Criteria) -> list[Item]:
    """The items that meet the criteria, in the order asked for."""
    how = any if criteria.match_any and criteria.conditions else all
    found = [
        item
        for item in items
        if criteria.file_type in (None, item.file_type)
        and how(_holds(condition, item.document) for condition in criteria.conditions)
    ]
    return sorted(found, key=cmp_to_key(lambda a, b: _compare(a, b, criteria)))


def page_of(items: Sequence, criteria: Criteria) -> list:
    """What of the result is wanted."""
    end = criteria.offset + criteria.limit if criteria.limit else None
    return list(items[criteria.offset : end])


def browsed(items: Sequence[Item], category: str, criteria: Criteria) -> list[str]:
    """The values of a category among the matching items."""
    values = {
        text for item in matching(items, criteria) for text in _texts(category, item.document)
    }
    return sorted(values, key=lambda text: (fold(text), text))


def _is_meant(category: str, name: str) -> bool:
    return category in ("*", name, name.split(":")[-1])


def _texts(category: str, document: Document) -> list[str]:
    return [text for name, text in document.flattened() if _is_meant(category, name)]


def _holds(condition: Condition, document: Document) -> bool:
    if condition.operator is Operator.WORDS:
        return _has_words(condition, document, _others(document))
    return any(_is_true(condition, text) for text in _texts(condition.category, document))


def _others(document: Document) -> list[str]:
    """The texts in which words are looked for: all but points in time and durations."""
    return [
        text
        for name, text in document.flattened()
        if name.split(":")[-1] != "mtime" and name != "dcterms:extent"
    ]


def _has_words(condition: Condition, document: Document, texts: list[str]) -> bool:
    has = words(map(fold, texts))
    sought = Sought.read(condition.value)
    begins = sought.beginning is None or any(w.startswith(sought.beginning) for w in has)
    return begins and set(sought.whole).issubset(has)


def _rank(criteria: Criteria, document: Document) -> int:
    """1 where the words are all in the title, 2 in creators and sources too, 3 elsewhere."""
    how = any if criteria.match_any else all
    conditions = [each for each in criteria.conditions if each.operator is Operator.WORDS]
    titles = document.values("dc:title")
    near = [*titles, *document.values("dc:creator"), *document.values("dc:source")]
    for rank, texts in enumerate((titles, near), start=1):
        if how(_has_words(condition, document, texts) for condition in conditions):
            return rank
    return 3


def _is_true(condition: Condition, text: str) -> bool:
    value = condition.value
    if condition.operator is Operator.PARTIAL:
        return fold(value) in fold(text)
    if condition.operator is Operator.PREFIX:
        return fold(text).startswith(fold(value))
    compare = _COMPARE[condition.operator]
    if condition.category.split(":")[-1] != "mtime":
        return compare(fold(text), fold(value))
    try:
        instant = datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        return False
    return compare(instant, datetime.fromisoformat(value).astimezone(UTC))


def _compare(a: Item, b: Item, criteria: Criteria) -> int:
    orders = [o for o in criteria.orders if o.category != RELEVANCE or criteria.words]
    if not orders:
        return _compare_keys(_default_key(a), _default_key(b), False)
    for order in orders:
        if order.category == RELEVANCE:
            first, second = ((0, _rank(criteria, item.document)) for item in (a, b))
        else:
            first, second = (_key(order.category, item) for item in (a, b))
        if result := _compare_keys(first, second, order.descending):
            return result
    if order.category == RELEVANCE:
        first, second = (_key("dc:title", item) for item in (a, b))
        if result := _compare_keys(first, second, False):
            return result
    return _compare_keys((0, a.clip_id), (0, b.clip_id), order.descending)


def _default_key(item: Item) -> tuple:
    return (_TYPES.index(item.file_type), _key("dc:title", item), item.clip_id)


def _key(category: str, item: Item) -> tuple:
    """0 and the key; or 1, for no such element."""
    texts = _texts(category, item.document)
    if not texts:
        return (1, "")
    if _is_meant(category, "ls:mtime"):
        return (0, min(datetime.fromisoformat(t) for t in texts if _is_instant(t)))
    if any(_is_meant(category, name) for name in ("dcterms:extent", "ls:year")):
        return (0, min(fold(text) for text in texts)[:64])
    return (0, sort_key(texts[0]))


def _is_instant(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _compare_keys(first: tuple, second: tuple, descending: bool) -> int:
    """What is missing comes last, in both directions."""
    result = (first > second) - (first < second)
    return -result if descending and first[0] == second[0] else result
