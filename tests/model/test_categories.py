"""Names of metadata elements."""

import pytest

from archive_server.model.categories import STANDARD, is_meant, is_name, local_name


@pytest.mark.parametrize("name", ["title", "dc:title", "x-y:a.b_c", "日本:題", "é", "हिन्दी"])
def test_names_in_any_script(name):
    assert is_name(name)


@pytest.mark.parametrize(
    "name", ["", ":", "a:", ":a", "a:b:c", "1a", "a:1", "a b", "a%", "a" * 256]
)
def test_what_is_no_name(name):
    assert not is_name(name)


def test_the_standard_names_are_names():
    assert all(map(is_name, STANDARD))
    assert {"dc:title", "dcterms:extent", "ls:mood", "ls:mtime"} <= STANDARD


def test_a_category_without_prefix_means_any_prefix():
    assert is_meant("title", "dc:title")
    assert is_meant("title", "title")
    assert not is_meant("dc:title", "title")
    assert not is_meant("title", "dc:subtitle")
    assert local_name("dc:title") == "title"
