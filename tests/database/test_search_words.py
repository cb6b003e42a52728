"""The words of an archive that was there before there was a table for them."""

from hypothesis import given, settings
from hypothesis import strategies as st
from naive_search import stored

from archive_server.database.migrations import migration_files

_SUBJECTS = ("search_words.sql", "search_words_incomplete.sql", "search_words_folded.sql")
_SIGNS = [
    "a", "B", "é", "E\u0301", "ß", "İ", "ς", "ﬁ", "²", "𝕏", "𝚪", "ᴲ", "ϲ", "Å", "月", "ガ",
    "か\u3099", "사", "ё", "שָׁ", "مُ", "हि", "ไ", "\u2764\ufe0f", "🎵",
    " ", "-", "'", '"', "\\", "_", "\u00a0", "…",
    "x" * 70,
]  # fmt: skip
_texts = st.one_of(
    st.lists(st.sampled_from(_SIGNS), min_size=1, max_size=8).map("".join),
    # What Unicode has got since 3.2 is not the same to every Python and PostgreSQL.
    st.text(st.characters(max_codepoint=0x1FFF, categories=["L", "M", "N", "P", "S", "Zs"])),
)
_categories = st.sampled_from(
    ["dc:title", "dc:creator", "dc:source", "ls:genre", "x:mtime", "dcterms:extent", "x:title"]
)
_documents = st.lists(st.tuples(_categories, _texts), max_size=6)


@settings(
    max_examples=60,
)
@given(documents=st.lists(_documents, min_size=1, max_size=6))
def test_archives_from_before_get_the_words_that_indexing_finds(cursor, documents):
    cursor.execute("SAVEPOINT example")
    try:
        for elements in documents:
            stored(cursor, [(name, text) for name, text in elements if text.strip()])
        indexed = _words(cursor)
        cursor.execute("DROP TABLE search_words")
        cursor.execute(_migration())
        assert _words(cursor) == indexed
    finally:
        cursor.execute("ROLLBACK TO SAVEPOINT example")


def test_long_texts_of_before_are_cut_as_indexing_does(cursor):
    many = " ".join(f"é{number}" for number in range(30_000))
    stored(cursor, [("dc:creator", many), ("dc:source", "lost"), ("x:y", "z" * 100_000)])
    indexed = _words(cursor)
    cursor.execute("DROP TABLE search_words")
    cursor.execute(_migration())
    assert _words(cursor) == indexed
    assert "lost" not in str(indexed)


def _migration() -> bytes:
    return b"".join(sql for name, sql in migration_files().items() if name.endswith(_SUBJECTS))


def _words(cursor) -> list:
    cursor.execute("SELECT * FROM search_words ORDER BY clip_id")
    return cursor.fetchall()
