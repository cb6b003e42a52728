import contextlib

from fixtures.fix_database import empty_database
from naive_search import stored

from archive_server.database import search
from archive_server.database.connections import connect
from archive_server.database.migrations import migrate
from archive_server.model.search import Criteria


def test_letters_of_every_script_can_be_searched_by_an_index(cursor):
    cursor.execute(
        "SELECT cardinality(show_trgm(%s)), cardinality(show_trgm(%s))", ("любовь", "東京")
    )
    assert cursor.fetchone() == (7, 3)


def test_where_postgresql_knows_no_letters_but_asciis_they_are_found_all_the_same(postgres):
    few_letters = "TEMPLATE template0 LC_CTYPE 'C' LOCALE_PROVIDER libc"
    with (
        empty_database(postgres, few_letters) as dsn,
        contextlib.closing(connect(dsn)) as connection,
    ):
        migrate(connection)
        with connection.cursor() as cursor:
            for title in ("Первая любовь", "Love", "Любовь"):
                stored(cursor, [("dc:title", title)])
            for text, found in (("юбов", ["Любовь", "Первая любовь"]), ("love", ["Love"])):
                for category in ("dc:title", "*"):
                    criteria = Criteria.build(conditions=[(category, "partial", text)], limit=5)
                    page = search.find(cursor, criteria)
                    assert [hit.title for hit in page.hits] == found
                    assert page.total == len(found)
