"""The SQL that conditions and orders become; no database takes part."""

import pytest

from archive_server.database.search_order import DEFAULT_ORDER, sorting
from archive_server.database.search_to_sql import (
    Meant,
    Sql,
    Test,
    all_of,
    any_of,
    clips_with_values,
    column_tests,
    has_value,
    is_of_type,
    value_test,
)
from archive_server.model.clips import FileType
from archive_server.model.search import Condition, Operator, Order

Test.__test__ = False  # it is not one of pytest's

_TITLE = Meant("dc:title", (("dc:title", 1),))
_GENRE = Meant("ls:genre", (("ls:genre", 7),))
_EXTENT = Meant("dcterms:extent", (("dcterms:extent", 8),))
_NOTHING = frozenset()


def _title(operator: Operator, value: str) -> dict[str, Sql]:
    return column_tests(Condition("dc:title", operator, value), _TITLE, _NOTHING)


def _in_text(pattern: str) -> Sql:
    return Sql("t.title LIKE %s", (pattern,), frozenset({"t"}))


def test_a_part_of_a_title_is_looked_for_in_its_column():
    assert _title(Operator.PARTIAL, "Ab") == {"dc:title": _in_text("%ab%")}


def test_the_beginning_of_a_title_follows_a_separator():
    assert _title(Operator.PREFIX, "Ab") == {"dc:title": _in_text("%\x1fab%")}


def test_whole_titles_are_looked_for_in_the_dictionary():
    assert _title(Operator.FULL, "Ab") == {}


def test_wildcards_are_escaped():
    (sql,) = _title(Operator.PARTIAL, r"5%_\x").values()
    assert sql.parameters == (r"%5\%\_\\x%",)


def test_values_never_get_into_the_text():
    evil = "'; DROP TABLE clip; --"
    for operator in Operator:
        condition = Condition("ls:genre", operator, evil)
        assert "DROP" not in value_test(condition, _GENRE).text


@pytest.mark.parametrize("length", [63, 64, 65])
def test_the_beginning_decides_comparisons_with_short_values_only(length):
    sql = value_test(Condition("ls:genre", Operator.LESS, "x" * length), _GENRE)
    assert ("v.folded <" in sql.text) == (length >= 64)


def test_ranges_of_short_values_are_decided_by_columns():
    condition = Condition("dcterms:extent", Operator.GREATER, "00:01")
    assert column_tests(condition, _EXTENT, _NOTHING) == {
        "dcterms:extent": Sql("s.extent_low > %s", ("00:01",))
    }
    (sql,) = column_tests(condition, _EXTENT, frozenset({"dcterms:extent"})).values()
    assert "s.extent_high > %s" in sql.text
    long = Condition("dcterms:extent", Operator.GREATER, "0" * 64)
    assert column_tests(long, _EXTENT, _NOTHING) == {}


def test_one_condition_on_columns_needs_no_sets():
    assert any_of([Test(columns=(Sql("a"),)), Test(columns=(Sql("b"),))]) == Sql("(a) OR (b)")


def test_sets_are_joined_as_sets():
    values = clips_with_values(Sql("v", (2,)))
    sql = any_of([Test(columns=(Sql("a", (1,)),)), Test(clip_ids=(values,))])
    assert sql.text.startswith("s.clip_id IN (SELECT s.clip_id FROM search_clip s WHERE a UNION")
    assert sql.parameters == (1, 2)


def test_no_condition_is_true_and_no_alternative_is_false():
    assert all_of([]) == Sql("TRUE")
    assert any_of([Test()]) == Sql("FALSE")
    assert has_value([]) == Sql("FALSE")


def test_file_types_are_numbers_in_the_order_of_answers():
    assert [is_of_type(each)[0].parameters for each in FileType] == [(1,), (2,), (3,)]
    assert is_of_type(None) == []


def test_the_default_order_is_by_type_and_title():
    assert sorting([], few=True).terms == DEFAULT_ORDER == "s.file_type, s.title_key, s.clip_id"


def test_orders_are_applied_as_asked():
    orders = [(Order("ls:genre", True), _GENRE), (Order("dc:title"), _TITLE)]
    result = sorting(orders, few=True)
    assert result.terms == "k0.key DESC NULLS LAST, s.title_key, s.clip_id"
    assert "LATERAL" in result.joins.text
    assert "LATERAL" not in sorting(orders, few=False).joins.text


@pytest.mark.parametrize("category", ["dcterms:extent", "extent"])
def test_the_least_value_of_a_range_category_is_in_its_column(category):
    orders = [(Order(category), Meant(category, _EXTENT.ids))]
    assert sorting(orders, few=True).terms == "s.extent_low, s.clip_id"
    assert sorting(orders, few=True).joins == Sql("")


@pytest.mark.parametrize("few", [True, False])
def test_the_values_of_categories_that_share_its_name_are_joined(few):
    orders = [(Order("extent", True), Meant("extent", (*_EXTENT.ids, ("x:extent", 9))))]
    result = sorting(orders, few=few)
    assert result.terms == "LEAST(s.extent_low, k0.key) DESC NULLS LAST, s.clip_id DESC"
    assert result.joins.parameters == ([9], [9])


def test_a_category_without_values_orders_nothing():
    assert sorting([(Order("ls:mood", True), Meant("ls:mood", ()))], few=True).terms == (
        "s.clip_id DESC"
    )
