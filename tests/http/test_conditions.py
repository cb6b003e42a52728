"""Conditional requests, by the rules and the order of RFC 9110, 13."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive_server.http.conditions import (
    Validators,
    Verdict,
    entity_tags,
    http_date,
    judge,
    parse_date,
    range_applies,
)

MODIFIED = datetime(1994, 11, 6, 8, 49, 37, 800000, tzinfo=UTC)
SAME, OLDER, NEWER = (http_date(MODIFIED + timedelta(seconds=seconds)) for seconds in (0, -1, 1))
TAG = '"5ba0"'
HERE = Validators(TAG, MODIFIED, date_is_strong=True)

GO, STALE, FAILED = Verdict.CARRY_OUT, Verdict.NOT_MODIFIED, Verdict.FAILED


@pytest.mark.parametrize(
    ("headers", "verdict"),
    [
        ({}, GO),
        ({"if-match": TAG}, GO),
        ({"if-match": "*"}, GO),
        ({"if-match": f'"x", {TAG}'}, GO),
        ({"if-match": '"x"'}, FAILED),
        ({"if-match": f"W/{TAG}"}, FAILED),
        ({"if-match": "5ba0"}, FAILED),
        ({"if-none-match": TAG}, STALE),
        ({"if-none-match": f"W/{TAG}"}, STALE),
        ({"if-none-match": "*"}, STALE),
        ({"if-none-match": f'"a,b", W/"", {TAG}'}, STALE),
        ({"if-none-match": '"x"'}, GO),
        ({"if-none-match": "5ba0"}, GO),
        ({"if-none-match": f'"x,{TAG[1:]}'}, GO),
        ({"if-unmodified-since": SAME}, GO),
        ({"if-unmodified-since": NEWER}, GO),
        ({"if-unmodified-since": OLDER}, FAILED),
        ({"if-unmodified-since": "yesterday"}, GO),
        ({"if-modified-since": SAME}, STALE),
        ({"if-modified-since": NEWER}, STALE),
        ({"if-modified-since": OLDER}, GO),
        ({"if-modified-since": "yesterday"}, GO),
        # Precedence, 13.2.2.
        ({"if-match": TAG, "if-unmodified-since": OLDER}, GO),
        ({"if-match": '"x"', "if-unmodified-since": SAME}, FAILED),
        ({"if-none-match": '"x"', "if-modified-since": SAME}, GO),
        ({"if-none-match": TAG, "if-modified-since": OLDER}, STALE),
        ({"if-match": TAG, "if-none-match": TAG}, STALE),
        ({"if-match": '"x"', "if-none-match": TAG}, FAILED),
        ({"if-unmodified-since": SAME, "if-modified-since": SAME}, STALE),
        ({"if-unmodified-since": OLDER, "if-none-match": TAG}, FAILED),
    ],
)
def test_conditions_are_judged_in_order(headers: dict[str, str], verdict: Verdict) -> None:
    assert judge(headers, HERE) is verdict


@pytest.mark.parametrize(
    ("if_range", "applies"),
    [
        (None, True),
        (TAG, True),
        (f"W/{TAG}", False),
        ('"x"', False),
        (SAME, True),
        (OLDER, False),
        (NEWER, False),
        ("5ba0", False),
        ("", False),
    ],
)
def test_a_range_is_for_the_very_same_bytes(if_range: str | None, applies: bool) -> None:
    assert range_applies(if_range, HERE) is applies


def test_a_date_says_nothing_about_bytes_that_change_twice_a_second() -> None:
    changing = Validators(TAG, MODIFIED, date_is_strong=False)
    assert not range_applies(SAME, changing)
    assert range_applies(TAG, changing)


@pytest.mark.parametrize(
    "text",
    [
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
    ],
)
def test_all_three_forms_of_a_date_are_read(text: str) -> None:
    assert parse_date(text) == MODIFIED.replace(microsecond=0)


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "0",
        "Sun, 06 Nov 1994",
        "Sun, 31 Feb 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 CET",
    ],
)
def test_no_other_form_is_a_date(text: str | None) -> None:
    assert parse_date(text) is None


def test_two_digits_of_a_year_are_not_far_in_the_future() -> None:
    far = (datetime.now(UTC).year + 51) % 100
    date = parse_date(f"Sunday, 06-Nov-{far:02} 08:49:37 GMT")
    assert date is not None
    assert date.year <= datetime.now(UTC).year


@given(st.datetimes(datetime(1970, 1, 1), datetime(2999, 1, 1)), st.integers(-14, 14))  # noqa: DTZ001
def test_dates_survive_being_written(naive: datetime, hours: int) -> None:
    moment = naive.replace(tzinfo=timezone(timedelta(hours=hours)))
    assert parse_date(http_date(moment)) == moment.replace(microsecond=0)


_TAGS = st.tuples(
    st.booleans(), st.text("!#,;/ azW".replace(" ", ""), max_size=5).map('"{}"'.format)
)


@given(st.lists(_TAGS, max_size=5), st.sampled_from([",", ", ", " ,", ",,", " , ,"]))
def test_lists_of_tags_are_read_whatever_is_quoted(
    tags: list[tuple[bool, str]], comma: str
) -> None:
    text = comma.join(("W/" if is_weak else "") + tag for is_weak, tag in tags)
    assert entity_tags(text) == tags
