"""tantivy, the search engine: terms are words, substrings are found by an automaton over them.

Its n-grams have no positions, so a substring is a regular expression over words: exact for what has
no space in it.
"""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from archive_server.model.extents import extent_us
from archive_server.model.folding import fold
from archive_server.model.words import Sought
from benchmarks.search_peers.peer import Answer, Loaded
from benchmarks.search_shapes import PAGE, Shape

_WORDS = {"dc:title": "title", "dc:creator": "creator", "*": "anything"}
_RANKED = {"words_of_title": 100.0, "words_near": 10.0, "words_of_rest": 1.0}  # and their weight
_WHOLE = {"dc:creator": "creators", "ls:genre": "genre", "x:studio": "studio"}


class Tantivy:
    """An index in a directory."""

    name = "tantivy"

    def __init__(self, directory: Path) -> None:
        """Open it. Raises ImportError where tantivy is not installed."""
        import tantivy

        self._tantivy = tantivy
        schema = tantivy.SchemaBuilder()
        for name in ("number", "year", "mtime", "extent"):
            schema.add_unsigned_field(name, stored=name == "number", indexed=True, fast=True)
        for name in _WORDS.values():
            schema.add_text_field(name, tokenizer_name="whitespace", index_option="freq")
        for name in _RANKED:
            schema.add_text_field(name, tokenizer_name="whitespace", index_option="freq")
        for name in (*_WHOLE.values(), "by_default", "by_title"):
            schema.add_text_field(name, tokenizer_name="raw", index_option="basic", fast=True)
        self._schema = schema.build()
        directory.mkdir(parents=True, exist_ok=True)
        self._index = tantivy.Index(self._schema, path=str(directory))

    def load(self, clips: Iterable[Loaded]) -> None:
        """Add everything, then merge into one segment."""
        writer = self._index.writer(heap_size=500_000_000, num_threads=1)
        for clip in clips:
            writer.add_document(self._document(clip))
        writer.commit()
        writer.wait_merging_threads()
        self._index.reload()

    def _document(self, clip: Loaded) -> Any:
        columns, fields = clip.columns, dict[str, Any](number=clip.number)
        fields["year"] = int(str(columns["year_low"] or 0))
        fields["mtime"] = int(columns["mtime_low"].timestamp())  # type: ignore[union-attr]
        fields["extent"] = extent_us(str(columns["extent_low"]))
        fields["by_title"] = [f"{columns['title_key']}\x1f{clip.number:08}"]
        fields["by_default"] = [f"{clip.type_code}{fields['by_title'][0]}"]
        for category, name in _WORDS.items():
            found = [f for c, _, f in clip.values if category in ("*", c)]
            fields[name] = [" ".join(found)]
        fields |= {name: [text] for name, text in zip(_RANKED, clip.words, strict=True)}
        for category, name in _WHOLE.items():
            fields[name] = [folded for c, _, folded in clip.values if c == category]
        return self._tantivy.Document.from_dict(fields, self._schema)

    def answer(self, shape: Shape) -> Answer | None:
        """Count and page in one go, as it does best."""
        if shape.browsed:
            return None
        clauses = [self._query(*condition) for condition in shape.conditions]
        occur = self._tantivy.Occur
        how = occur.Should if shape.operator == "or" else occur.Must
        query = (
            self._tantivy.Query.boolean_query([(how, clause) for clause in clauses])
            if clauses
            else self._tantivy.Query.all_query()
        )
        searcher = self._index.searcher()
        if shape.is_ranked:
            found = searcher.search(query, PAGE)
        else:
            found = searcher.search(
                query,
                PAGE,
                order_by_field="by_title" if shape.order_by else "by_default",
                offset=shape.offset,
                order=self._tantivy.Order.Asc,
            )
        numbers = (searcher.doc(address)["number"][0] for _, address in found.hits)
        return Answer(found.count, tuple(numbers))  # type: ignore[attr-defined]

    def _query(self, category: str, operator: str, value: str) -> Any:
        query, schema = self._tantivy.Query, self._schema
        folded = fold(value)
        if operator == "words":
            return self._words(Sought.read(value))
        if operator == "partial" and category in _WORDS:
            return query.regex_query(schema, _WORDS[category], f".*{folded}.*")
        if operator == "partial":
            return query.regex_query(schema, _WHOLE[category], f".*{folded}.*")
        if operator == "prefix":
            return query.regex_query(schema, _WHOLE[category], f"{folded}.*")
        if operator == "=":
            return query.term_query(schema, _WHOLE[category], folded)
        return self._range(category, operator, value)

    def _words(self, sought: Sought) -> Any:
        words = [(word, False) for word in sought.whole]
        if sought.beginning is not None:
            words.append((sought.beginning, True))
        must = self._tantivy.Occur.Must
        return self._tantivy.Query.boolean_query([(must, self._anywhere(*w)) for w in words])

    def _anywhere(self, word: str, is_beginning: bool) -> Any:
        query, should = self._tantivy.Query, self._tantivy.Occur.Should
        return query.boolean_query(
            [
                (
                    should,
                    query.boost_query(
                        query.regex_query(self._schema, name, f"{word}.*")
                        if is_beginning
                        else query.term_query(self._schema, name, word),
                        weight,
                    ),
                )
                for name, weight in _RANKED.items()
            ]
        )

    def _range(self, category: str, operator: str, value: str) -> Any:
        name = category.rpartition(":")[2]
        if name == "mtime":
            bound = int(datetime.fromisoformat(value).timestamp())
        else:
            bound = int(value) if name == "year" else extent_us(value)
        kind = self._tantivy.FieldType.Unsigned
        ranged = self._tantivy.Query.range_query
        if operator.startswith(">"):
            return ranged(self._schema, name, kind, bound, None, include_lower=operator == ">=")
        return ranged(self._schema, name, kind, 1, bound, include_upper=operator == "<=")
