"""What is searched for: the shapes of queries that stations ask, over the made-up library.

The words are ones the library has for certain; how many hits they have depends on its size.
"""

from dataclasses import dataclass

from archive_server.model.search import Criteria

PAGE = 25


@dataclass(frozen=True, slots=True)
class Shape:
    """A search, or with `browsed` the values of a category among what it finds."""

    name: str
    conditions: tuple[tuple[str, str, str], ...] = ()
    operator: str = "and"
    order_by: tuple[tuple[str, bool], ...] = ()
    offset: int = 0
    browsed: str = ""
    # Whether everybody has an own idea of the order; how many there are is the same to all.
    is_ranked: bool = False

    def criteria(self) -> Criteria:
        """What the archive is asked."""
        return Criteria.build(
            operator=self.operator,
            conditions=self.conditions,
            limit=PAGE,
            offset=self.offset,
            order_by=self.order_by,
        )


SHAPES = (
    Shape("title partial, rare word", (("dc:title", "partial", "paradise"),)),
    Shape("title partial, common word", (("dc:title", "partial", "love"),)),
    Shape("any category partial", (("*", "partial", "paradise"),)),
    Shape("any category partial, common", (("*", "partial", "the"),)),
    Shape("creator prefix", (("dc:creator", "prefix", "the lo"),)),
    Shape("genre = AND title partial",
          (("ls:genre", "=", "Jazz"), ("dc:title", "partial", "night"))),
    Shape("title partial OR creator partial",
          (("dc:title", "partial", "serenade"), ("dc:creator", "partial", "serenade")), "or"),
    Shape("duration range",
          (("dcterms:extent", ">=", "00:03:20"), ("dcterms:extent", "<", "00:03:21"))),
    Shape("year range AND mtime range",
          (("ls:year", ">=", "1960"), ("ls:mtime", ">=", "2010-01-01T00:00:00Z"))),
    Shape("everything by title", order_by=(("dc:title", False),)),
    Shape("everything by title, offset 10,000", order_by=(("dc:title", False),), offset=10_000),
    Shape("browse genres given a creator",
          (("dc:creator", "partial", "david lo"),), browsed="ls:genre"),
    Shape("browse creators given a genre", (("ls:genre", "=", "Techno"),), browsed="dc:creator"),
    Shape("browse all genres", browsed="ls:genre"),
    Shape("two characters of a title", (("dc:title", "partial", "qu"),)),
    Shape("Cyrillic", (("dc:title", "partial", "ЛЮБОВЬ"),)),
    Shape("accents", (("dc:title", "partial", "Déjà"),)),
    Shape("a category of one's own, partial", (("x:studio", "partial", "river"),)),
    Shape("words anywhere, ranked", (("*", "words", "paradise love "),), is_ranked=True),
    Shape("a common word anywhere, ranked", (("*", "words", "love "),), is_ranked=True),
    Shape("a word as it is typed, ranked", (("*", "words", "paradi"),), is_ranked=True),
)  # fmt: skip
