"""What criteria are accepted."""

import pytest

from archive_server.errors import BadCriteria
from archive_server.model.clips import FileType
from archive_server.model.search import ANY, Condition, Criteria, Operator, Order, check_browsed


def test_no_criteria_mean_everything():
    assert Criteria.build() == Criteria(None, (), False, 0, 0, ())


def test_file_types_are_read_in_any_case():
    assert Criteria.build(file_type="audioClip").file_type is FileType.AUDIO_CLIP
    assert Criteria.build(file_type="WEBSTREAM").file_type is FileType.WEBSTREAM
    assert Criteria.build(file_type="All").file_type is None


@pytest.mark.parametrize("operator", ["or", "OR", "xor", ""])
def test_any_operator_but_and_means_or(operator):
    assert Criteria.build(operator=operator).match_any


@pytest.mark.parametrize("operator", [None, "and", "AND"])
def test_no_operator_means_and(operator):
    assert not Criteria.build(operator=operator).match_any


def test_a_condition_without_a_value_is_not_looked_at():
    criteria = Criteria.build(conditions=[("?", "like", ""), ("dc:title", "FULL", "x")])
    assert criteria.conditions == (Condition("dc:title", Operator.FULL, "x"),)


@pytest.mark.parametrize(
    "operator", ["full", "=", "partial", "prefix", "<", "<=", ">", ">=", "Partial"]
)
def test_all_operators_of_the_protocol_are_known(operator):
    assert len(Criteria.build(conditions=[("title", operator, "x")]).conditions) == 1


@pytest.mark.parametrize("operator", ["=", "partial", "prefix"])
def test_texts_are_looked_for_in_any_category(operator):
    (condition,) = Criteria.build(conditions=[("*", operator, "x")]).conditions
    assert condition.category == ANY


def test_words_are_looked_for_in_any_category_and_no_other():
    (condition,) = Criteria.build(conditions=[("*", "Words", "rock ME")]).conditions
    assert condition == Condition(ANY, Operator.WORDS, "rock ME")
    with pytest.raises(BadCriteria, match=r"category \* expected for words, not 'dc:title'"):
        Criteria.build(conditions=[("dc:title", "words", "rock")])


@pytest.mark.parametrize("value", ["-", " ", "...!", "\u2026"])
def test_what_has_no_word_cannot_be_looked_for_by_words(value):
    with pytest.raises(BadCriteria, match="words expected, not"):
        Criteria.build(conditions=[("*", "words", value)])


def test_there_are_bounds_to_the_words_that_are_looked_for():
    words = [f"w{number}" for number in range(51)]
    assert Criteria.build(conditions=[("*", "words", " ".join(words[1:]))])
    with pytest.raises(BadCriteria, match="51 words: 50 at most expected"):
        Criteria.build(conditions=[("*", "words", " ".join(words))])


def test_words_are_sorted_by_relevance_unless_another_order_is_asked_for():
    words = [("*", "words", "rock")]
    assert Criteria.build(conditions=words).orders == (Order("relevance"),)
    by_title = Criteria.build(conditions=words, order_by=[("dc:title", True)])
    assert by_title.orders == (Order("dc:title", True),)
    assert Criteria.build(conditions=[("*", "partial", "rock")]).orders == ()


@pytest.mark.parametrize("operator", ["<", "<=", ">", ">="])
def test_nothing_is_less_or_greater_in_any_category(operator):
    with pytest.raises(BadCriteria, match="category"):
        Criteria.build(conditions=[("*", operator, "x")])


def test_any_category_is_neither_sorted_by_nor_browsed():
    with pytest.raises(BadCriteria):
        Criteria.build(order_by=[("*", False)])
    with pytest.raises(BadCriteria):
        check_browsed("*")


def test_the_order_is_kept_as_asked():
    criteria = Criteria.build(order_by=[("ls:year", True), ("title", False)])
    assert criteria.order_by == (Order("ls:year", True), Order("title"))


@pytest.mark.parametrize(
    "text",
    [
        "20261121T20:01:02",
        "2026-11-21T20:01:02",
        "2026-11-21T20:01:02Z",
        "2026-11-21T20:01:02.5+01:00",
        "2026-11-21",
    ],
)
def test_points_in_time_are_read_in_the_forms_clients_send(text):
    assert Criteria.build(conditions=[("mtime", ">=", text)]).conditions


def test_a_part_of_a_point_in_time_is_text():
    assert Criteria.build(conditions=[("ls:mtime", "prefix", "2026-1")]).conditions


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"file_type": "video"}, "'video'"),
        ({"limit": -1}, "limit"),
        ({"offset": -1}, "offset"),
        ({"limit": 2**31}, "limit"),
        ({"offset": 10**30}, "offset"),
        ({"conditions": [("title", "like", "x")]}, "'like'"),
        ({"conditions": [("", "=", "x")]}, "category"),
        ({"conditions": [("a:b:c", "=", "x")]}, "'a:b:c'"),
        ({"conditions": [("dc:title; DROP", "=", "x")]}, "category"),
        ({"conditions": [("x" * 256, "=", "x")]}, "category"),
        ({"conditions": [("title", "=", "nul\0")]}, "character"),
        ({"conditions": [("title", "=", "\ud800")]}, "character"),
        ({"conditions": [("ls:mtime", "<", "yesterday")]}, "'yesterday'"),
        ({"order_by": [("1title", False)]}, "'1title'"),
    ],
)
def test_what_cannot_be_answered_is_refused_by_name(wrong, named):
    with pytest.raises(BadCriteria, match=named):
        Criteria.build(**wrong)


def test_only_names_can_be_browsed():
    check_browsed("dc:title")
    with pytest.raises(BadCriteria):
        check_browsed("title%")


def test_more_conditions_or_orders_than_anybody_needs_are_refused():
    condition, order = ("dc:title", "=", "x"), ("dc:title", False)
    assert len(Criteria.build(conditions=[condition] * 200).conditions) == 200
    with pytest.raises(BadCriteria, match="201 conditions: 200 at most expected"):
        Criteria.build(conditions=[condition] * 201)
    with pytest.raises(BadCriteria, match="21 categories to sort by: 20 at most expected"):
        Criteria.build(order_by=[order] * 21)
