"""Ranges, against slicing and against the examples of RFC 9110, 14."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive_server.http.ranges import MOST_RANGES, requested_ranges, sent_range


@pytest.mark.parametrize(
    ("header", "parts"),
    [
        ("bytes=0-499", [range(500)]),
        ("bytes=500-999", [range(500, 1000)]),
        ("bytes=-500", [range(9500, 10000)]),
        ("bytes=9500-", [range(9500, 10000)]),
        ("bytes=0-0,-1", [range(1), range(9999, 10000)]),
        ("bytes= 0-99, 500-1499, -200", [range(100), range(500, 1500), range(9800, 10000)]),
        ("bytes=500-600,601-999", [range(500, 1000)]),
        ("bytes=500-700,601-999", [range(500, 1000)]),
        ("bytes=0-", [range(10000)]),
        ("bytes=0-99999999999999999999999", [range(10000)]),
        ("bytes=-20000", [range(10000)]),
        ("BYTES=5-5", [range(5, 6)]),
        ("bytes=,,5-5 ,\t", [range(5, 6)]),
        ("bytes=9000-9001,0-1", [range(9000, 9002), range(2)]),
        ("bytes=9000-9001,0-1,8999-9010", [range(8999, 9011), range(2)]),
        ("bytes=20000-,3-4", [range(3, 5)]),
    ],
)
def test_the_bytes_asked_for_are_found(header: str, parts: list[range]) -> None:
    assert requested_ranges(header, 10000) == tuple(parts)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=,",
        "bytes=5",
        "bytes=5-4",
        "bytes=9000000000000000000002-9000000000000000000001",
        "bytes=0-1,5-4",
        "bytes=a-b",
        "bytes=--5",
        "bytes=0x1-5",
        "bytes=1-2-3",
        "bytes=1 - 2",
        "bytes=٣-٤",
        "seconds=1-2",
        "bytes 0-1",
    ],
)
def test_what_is_malformed_is_ignored(header: str | None) -> None:
    assert requested_ranges(header, 10000) is None


@pytest.mark.parametrize(
    "header", ["bytes=10000-", "bytes=-0", "bytes=10000-10001,20000-", "bytes=" + "9" * 5000 + "-"]
)
def test_what_lies_behind_the_end_cannot_be_satisfied(header: str) -> None:
    assert requested_ranges(header, 10000) == ()


def test_too_many_ranges_get_the_whole_file() -> None:
    header = "bytes=" + ",".join(f"{1000 * n}-{1000 * n}" for n in range(MOST_RANGES + 1))
    assert requested_ranges(header, 10**9) is None


def test_parts_that_cost_more_than_the_file_get_the_whole_file() -> None:
    assert requested_ranges("bytes=0-0,2-2,4-4", 300) is None


def test_an_empty_file_has_no_parts() -> None:
    assert requested_ranges("bytes=0-", 0) is None


_SPECS = st.one_of(
    st.tuples(st.integers(0, 3000), st.integers(0, 3000)).map(
        lambda ends: f"{min(ends)}-{max(ends)}"
    ),
    st.integers(0, 3000).map("{}-".format),
    st.integers(0, 3000).map("-{}".format),
)


def _sliced(spec: str, body: bytes) -> set[int]:
    """The places of the bytes a single range stands for, by slicing."""
    places = range(len(body))
    first, last = spec.split("-")
    if not first:
        return set(places[-int(last) :]) if int(last) else set()
    return set(places[int(first) :] if not last else places[int(first) : int(last) + 1])


@given(specs=st.lists(_SPECS, min_size=1, max_size=20), size=st.integers(1, 2500))
def test_ranges_are_what_slicing_gives(specs: list[str], size: int) -> None:
    body = bytes(size)
    wanted = set().union(*(_sliced(spec, body) for spec in specs))
    parts = requested_ranges("bytes=" + ",".join(specs), size)
    if parts is None:
        assert len(specs) > 1
        return
    places = [place for part in parts for place in part]
    assert sorted(places) == sorted(wanted)
    assert all(part for part in parts)


@given(text=st.text(max_size=40))
def test_no_header_does_harm(text: str) -> None:
    for header in (text, "bytes=" + text):
        for part in requested_ranges(header, 100) or ():
            assert 0 <= part.start < part.stop <= 100


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("bytes 0-9/10", (range(10), 10)),
        ("bytes 1000-4999/5000", (range(1000, 5000), 5000)),
        ("bytes 5-9/*", (range(5, 10), None)),
        (" Bytes  5-9/10 ", (range(5, 10), 10)),
        ("bytes 5-9/9", None),
        ("bytes 9-5/10", None),
        ("bytes 9000000000000000000002-9000000000000000000001/*", None),
        ("bytes */10", None),
        ("bytes=0-9/10", None),
        ("bytes 0-9", None),
        ("", None),
    ],
)
def test_a_content_range_tells_what_is_sent(
    header: str, found: tuple[range, int | None] | None
) -> None:
    assert sent_range(header) == found
