import pytest

from archive_server.errors import BadRequest
from archive_server.xmlrpc.parameters import (
    boolean,
    items,
    members,
    optional_members,
    optional_text,
    text,
    whole,
)
from archive_server.xmlrpc.values import DateTime


def test_text_that_pear_took_for_a_date_is_text_again():
    read = text({"fname": DateTime("20061102T01:02:03")}, "fname")
    assert (read, type(read)) == ("20061102T01:02:03", str)


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        (True, True), (False, False), (1, True), (0, False), (-1, True), (None, False),
        ("1", True), ("0", False), ("", False), ("false", True), ("00", True),
    ],
)  # fmt: skip
def test_booleans_are_read_as_php_would(sent, meant):
    assert boolean({"forced": sent}, "forced") is meant


@pytest.mark.parametrize(
    ("sent", "meant"),
    [(5, 5), ("5", 5), (" -5 ", -5), ("+5", 5), ("", 0), (None, 0), ("007", 7), (True, 1)],
)
def test_numbers_may_be_text(sent, meant):
    assert whole({"limit": sent}, "limit") == meant


@pytest.mark.parametrize("sent", ["x", "1.5", "1e3", "1_0", "9" * 19, "\u0661", 1.5, [], {}, b"1"])
def test_what_is_no_number_is_refused(sent):
    with pytest.raises(BadRequest, match=r"^limit: int expected$"):
        whole({"limit": sent}, "limit")


@pytest.mark.parametrize(
    ("sent", "meant"),
    [([1, 2], [1, 2]), ({"b": 1, "a": 2}, [1, 2]), ({}, []), ([], []), (None, []), ("", [])],
)
def test_lists_may_be_keyed_maps(sent, meant):
    assert list(items({"conditions": sent}, "conditions")) == meant


@pytest.mark.parametrize("sent", ["x", b"x", 5, True])
def test_what_is_no_list_is_refused(sent):
    with pytest.raises(BadRequest, match=r"^conditions: array expected$"):
        items({"conditions": sent}, "conditions")


def test_an_empty_struct_may_be_an_empty_array():
    assert members({"criteria": []}, "criteria") == {}


def test_what_is_absent_is_empty_where_it_may_be():
    assert optional_members({}, "criteria") == {}
    assert optional_text({}, "gunid") == ""
    assert boolean({}, "forced") is False


@pytest.mark.parametrize("read", [text, members])
@pytest.mark.parametrize("struct", [{}, {"name": None}, {"name": 5}, {"name": [5]}])
def test_what_is_absent_is_refused_where_it_may_not_be(read, struct):
    with pytest.raises(BadRequest, match=r"^name: (string|struct) expected$"):
        read(struct, "name")
