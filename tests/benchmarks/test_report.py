import json

import pytest

from benchmarks.harness.report import Bound, Goal, Report, number
from benchmarks.harness.rounds import Figures


@pytest.fixture
def report():
    return Report("downloads", "MB/s", machine={"cores": "2"})


def figures(**numbers):
    return {name: Figures((value,)) for name, value in numbers.items()}


def test_more_is_better_unless_said_otherwise(report):
    report.add("plain", figures(archive=90, nginx=100), Goal("nginx", 0.8), Goal("nginx", 1.0))
    case = report.cases[0]
    assert [case.met(goal) for goal in case.goals] == [True, False]
    assert case.verdict() == ">= 0.8 x nginx: yes, >= 1 x nginx: NO"


def test_where_less_is_better_a_goal_is_a_ceiling(report):
    report.add(
        "cpu", figures(archive=2.0, nginx=1.0), Goal("nginx", 1.1), Bound(3), unit="s/GB",
        better="less",
    )  # fmt: skip
    assert report.cases[0].verdict() == "<= 1.1 x nginx: NO, <= 3 s/GB: yes"


def test_a_goal_whose_peer_is_missing_is_neither_met_nor_missed(report):
    report.add("plain", figures(archive=1), Goal("nginx", 1.0))
    report.left_out("nginx", "no program nginx")
    assert report.cases[0].verdict() == ">= 1 x nginx: not measured"
    assert "nginx was left out: no program nginx" in report.to_text(200)
    assert "nginx was left out: no program nginx" in report.to_markdown()


def test_the_table_names_every_contestant_ours_first(report):
    report.add("one", figures(nginx=1000, archive=2000))
    report.add("two", figures(other=10, archive=2000))
    assert report.contestants() == ["archive", "nginx", "other"]
    lines = report.to_text(200).splitlines()
    assert any("2,000" in line and "1,000 (x 2.00)" in line and " - " in line for line in lines)


def test_json_says_all_and_can_be_read_again(report):
    report.add("one", figures(nginx=1000, archive=2000), Goal("nginx", 1.0), Bound(1))
    report.note("quick")
    content = json.loads(report.to_json())
    assert content["cases"][0]["ratios"] == {"nginx": 2.0}
    assert content["cases"][0]["verdicts"] == {">= 1 x nginx": True, ">= 1 MB/s": True}
    assert Report.from_json(report.to_json()) == report


@pytest.mark.parametrize(
    ("value", "shown"), [(12345.6, "12,346"), (99.94, "99.9"), (5, "5.00"), (0.123, "0.12")]
)
def test_figures_have_as_many_digits_as_are_worth_reading(value, shown):
    assert number(value) == shown
