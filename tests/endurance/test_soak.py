"""Twenty seconds of a long day; and that growth would be seen."""

import tempfile
from pathlib import Path

import pytest

from endurance.figures import Sample, trends
from endurance.soak import run


@pytest.mark.slow
def test_a_short_day_runs_and_nothing_is_lost():
    with tempfile.TemporaryDirectory(prefix="soak-") as made:
        directory = Path(made)
        directory.chmod(0o711)
        day = run(20, 2, directory)
    assert day.findings == []
    names = {trend.name for trend in day.trends}
    assert {"supervisor memory MB", "worker 1 descriptors", "connections", "staged files"} <= names
    # Twenty seconds are all beginning, for memory; whatever else grows then, grows for ever.
    growing = [each for each in day.trends if not each.is_flat and "memory" not in each.name]
    assert not growing, day.to_text()
    assert "worker 0 threads" in day.to_text()


@pytest.mark.parametrize(
    ("values", "is_flat"),
    [
        ([100.0] * 20, True),
        ([100.0, 101.0] * 10, True),
        ([100.0 + number for number in range(20)], False),
        ([100.0 + number for number in range(10)] + [110.0] * 10, True),
        ([100.0 - number for number in range(20)], True),
    ],
)
def test_what_grows_over_the_second_half_is_called_so(values, is_flat):
    samples = [Sample(number, {"files": value}) for number, value in enumerate(values)]
    (trend,) = trends(samples, {})
    assert trend.is_flat is is_flat
    assert ("GROWS" in trend.to_text()) is not is_flat


def test_what_is_few_may_become_a_few_more():
    samples = [Sample(number, {"open files": 2.0 + number}) for number in range(10)]
    (trend,) = trends(samples, {"files": 5})
    assert trend.is_flat
