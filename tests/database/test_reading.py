"""Reads one after the other, in one trip where that can be."""

import pytest

from archive_server.database.prepared import Prepared, together
from archive_server.database.reading import Statement, after, answered
from archive_server.errors import Forbidden

NAMES = Prepared(
    "names", ("integer", "text"), "SELECT ARRAY[$2 || n] FROM generate_series(1, $1) n ORDER BY n"
)
SUM = Prepared("sum", ("integer", "integer"), "SELECT $1 + $2, $1 - $2", has_one_row=True)
FEW = Prepared("few", ("integer",), "SELECT generate_series(1, $1)")


def named(number, seen):
    rows = yield Statement.of(NAMES, number, "n")
    seen.extend(name for ((name,),) in rows)
    if number > 2:
        raise Forbidden("too many")


def summed():
    ((total, difference),) = yield Statement.of(SUM, 7, 4)
    ((double,),) = yield Statement("SELECT 2 * %s", (total,))
    return double, difference


def counted():
    return [number for (number,) in (yield Statement.of(FEW, 3))]


def plainly_summed():
    ((total,),) = yield Statement("SELECT %s + %s", (7, 4))
    return total


@pytest.mark.parametrize("number", [0, 1, 2])
@pytest.mark.parametrize(
    ("then", "result", "trips"),
    [(summed, (22, 3), 2), (counted, [1, 2, 3], 2), (plainly_summed, 11, 2)],
    ids=["one row", "rows", "not prepared"],
)
def test_both_are_carried_out(cursor, number, then, result, trips):
    seen, asked = [], []
    assert answered(cursor, noted(after(named(number, seen), then()), asked)) == result
    assert seen == [f"n{each}" for each in range(1, number + 1)]
    assert len(asked) == trips


def noted(reading, asked):
    """A read whose statements are noted."""
    statement = next(reading)
    try:
        while True:
            asked.append(statement)
            statement = reading.send((yield statement))
    except StopIteration as end:
        return end.value


@pytest.mark.parametrize("then", [summed, counted, plainly_summed])
def test_what_the_first_raises_is_raised_and_the_other_learns_nothing(cursor, then):
    asked = []
    with pytest.raises(Forbidden):
        answered(cursor, noted(after(named(3, []), then()), asked))
    assert len(asked) == 1


def test_parameters_keep_their_places_however_many_there_are():
    types = ("integer",) * 11
    many = Prepared("many", types, "SELECT ARRAY[$1::text, $2::text, $10::text, $11::text]")
    both = together(many, SUM)
    assert "$3::text, $4::text, $12::text, $13::text" in both.text
    assert "$1 + $2" in both.text
    assert len(both.types) == 13
