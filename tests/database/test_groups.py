import contextlib
import itertools
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive_server.database import groups, users
from archive_server.database.connections import connect
from archive_server.errors import Conflict, NotFound, UnknownGroup
from archive_server.model.permissions import SubjectKind
from archive_server.model.users import Role

USER, GROUP = SubjectKind.USER, SubjectKind.GROUP


@pytest.fixture
def made(cursor):
    """Makes groups and gives their numbers."""

    def make(*names):
        for name in names:
            groups.add(cursor, name)
        return [groups.get_id(cursor, name) for name in names]

    return make


@pytest.fixture
def anna(cursor):
    return users.add(cursor, "anna", "hash", Role.CLIENT).user_id


def nested(cursor, *chain):
    """Puts each group into the next."""
    for inner, outer in itertools.pairwise(chain):
        groups.join(cursor, outer, GROUP, inner)


@pytest.mark.parametrize(
    ("role", "names"),
    [
        (Role.CLIENT, {"All", "StationPrefs"}),
        (Role.MAINTAINER, {"All", "StationPrefs", "Maintainers"}),
        (Role.ADMIN, {"All", "StationPrefs", "Admins"}),
    ],
)
def test_the_role_decides_which_built_in_groups_a_user_is_in(cursor, role, names):
    user = users.add(cursor, "anna", "hash", role)
    built_in = [group.name for group in groups.list_groups(cursor)]
    assert set(built_in) == {"All", "StationPrefs", "Maintainers", "Admins"}
    assert {
        name
        for name in built_in
        if groups.is_member(cursor, user.user_id, groups.get_id(cursor, name))
    } == names


def test_a_user_is_in_the_groups_that_their_groups_are_in(cursor, made, anna):
    inner, middle, outer, other = made("inner", "middle", "outer", "other")
    nested(cursor, inner, middle, outer)
    groups.join(cursor, inner, USER, anna)
    assert [groups.is_member(cursor, anna, group) for group in (inner, middle, outer, other)] == [
        True,
        True,
        True,
        False,
    ]


def test_to_leave_a_group_is_to_leave_those_it_is_in(cursor, made, anna):
    inner, outer = made("inner", "outer")
    nested(cursor, inner, outer)
    groups.join(cursor, inner, USER, anna)
    groups.leave(cursor, inner, USER, anna)
    assert not groups.is_member(cursor, anna, outer)


def test_to_join_twice_is_to_join(cursor, made, anna):
    (group,) = made("group")
    groups.join(cursor, group, USER, anna)
    groups.join(cursor, group, USER, anna)
    groups.leave(cursor, group, USER, anna)
    with pytest.raises(NotFound):
        groups.leave(cursor, group, USER, anna)


def test_a_group_may_be_in_another_on_two_ways(cursor, made, anna):
    inner, left, right, outer = made("inner", "left", "right", "outer")
    nested(cursor, inner, left, outer)
    nested(cursor, inner, right, outer)
    groups.join(cursor, inner, USER, anna)
    assert groups.is_member(cursor, anna, outer)


@pytest.mark.parametrize("length", [1, 2, 5])
def test_a_circle_is_refused(cursor, made, length):
    chain = made(*(f"g{number}" for number in range(length)))
    nested(cursor, *chain)
    with pytest.raises(Conflict, match="in itself"):
        groups.join(cursor, chain[0], GROUP, chain[-1])


def test_a_built_in_group_may_hold_others(cursor, made, anna):
    (editors,) = made("editors")
    maintainers = groups.get_id(cursor, "Maintainers")
    groups.join(cursor, maintainers, GROUP, editors)
    groups.join(cursor, editors, USER, anna)
    assert groups.is_member(cursor, anna, maintainers)


def test_two_who_would_make_a_circle_together_take_turns(dsn):
    with contextlib.closing(connect(dsn)) as one, contextlib.closing(connect(dsn)) as other:
        with one, one.cursor() as cursor:
            groups.add(cursor, "a")
            groups.add(cursor, "b")
            a, b = groups.get_id(cursor, "a"), groups.get_id(cursor, "b")
        outcome = []

        def join_too():
            try:
                with other, other.cursor() as cursor:
                    groups.join(cursor, b, GROUP, a)
            except Conflict as error:
                outcome.append(error)

        with one, one.cursor() as cursor:
            groups.join(cursor, a, GROUP, b)
            thread = threading.Thread(target=join_too)
            thread.start()
            thread.join(0.3)
            assert thread.is_alive()
        thread.join()
        assert len(outcome) == 1


@pytest.mark.parametrize("name", ["All", "Admins", "Maintainers", "StationPrefs"])
def test_what_is_built_in_stays(cursor, name):
    with pytest.raises(Conflict, match="built in"):
        groups.remove(cursor, name)


def test_a_removed_group_is_in_nothing(cursor, made, anna):
    inner, outer = made("inner", "outer")
    nested(cursor, inner, outer)
    groups.join(cursor, inner, USER, anna)
    groups.remove(cursor, "inner")
    assert not groups.is_member(cursor, anna, outer)
    with pytest.raises(UnknownGroup):
        groups.remove(cursor, "inner")


def test_a_name_is_taken_once(cursor, made):
    made("group")
    with pytest.raises(Conflict, match="there is a group group already"):
        groups.add(cursor, "group")


def test_groups_are_listed_with_who_was_put_into_them(cursor, made, anna):
    inner, outer = made("inner", "outer")
    nested(cursor, inner, outer)
    groups.join(cursor, outer, USER, anna)
    listed = {group.name: group for group in groups.list_groups(cursor)}
    assert [str(member) for member in listed["outer"].members] == ["user:anna", "group:inner"]
    assert (listed["outer"].includes, listed["All"].includes) == (None, "everybody")
    assert listed["All"].members == ()
    assert [group.is_built_in for group in groups.list_groups(cursor)] == [True] * 4 + [False] * 2


edges = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=15)


@given(edges)
def test_whatever_is_tried_no_group_comes_to_be_in_itself(postgres, edges):
    with contextlib.closing(connect(postgres.dsn("shared"))) as connection:
        with connection.cursor() as cursor:
            for number in range(6):
                groups.add(cursor, str(number))
            numbers = [groups.get_id(cursor, str(number)) for number in range(6)]
            inside = {number: set() for number in range(6)}  # what is in it, directly or not
            for outer, inner in edges:
                is_circle = outer == inner or outer in inside[inner]
                if is_circle:
                    with pytest.raises(Conflict):
                        groups.join(cursor, numbers[outer], GROUP, numbers[inner])
                else:
                    groups.join(cursor, numbers[outer], GROUP, numbers[inner])
                    for each in inside:
                        if each == outer or outer in inside[each]:
                            inside[each] |= {inner} | inside[inner]
        connection.rollback()
