import pytest

from benchmarks.all import SUBJECTS
from benchmarks.harness.report import Bound, Goal, Report
from benchmarks.harness.rounds import Figures
from benchmarks.page import PAGE, filled


@pytest.fixture
def report():
    made = Report("Startup", "s", better="less", machine={"cores": "2"})
    made.add("cold", {"archive": Figures((3.0,)), "other": Figures((1.0,))}, Goal("other", 2))
    made.add("warm", {"archive": Figures((1.0,))}, Bound(2))
    return made


TEXT = """before
<!-- machine -->
<!-- end of machine -->
<!-- goals -->
STALE
<!-- end of goals -->
<!-- startup -->
STALE
<!-- end of startup -->
after
"""


def test_tables_take_the_place_of_what_was_there(report):
    page = filled(TEXT, {"startup": report})
    assert page.startswith("before\n")
    assert page.endswith("after\n")
    assert "STALE" not in page
    assert "| cores | 2 |" in page
    assert "| startup | cold (s) | <= 2 x other | 3.00 | **no** |" in page
    assert "| startup | warm | <= 2 s | 1.00 | yes |" in page
    assert "| cold | s | 3.00 | 1.00 (x 3.00) | <= 2 x other: NO |" in page


def test_filling_again_changes_nothing(report):
    once = filled(TEXT, {"startup": report})
    assert filled(once, {"startup": report}) == once


def test_a_report_without_a_place_is_an_error(report):
    with pytest.raises(KeyError, match="calls"):
        filled(TEXT, {"calls": report})


def test_the_page_has_a_place_for_every_benchmark(report):
    page = filled(PAGE.read_text(encoding="utf-8"), dict.fromkeys(SUBJECTS, report))
    assert page.count("<= 2 x other: NO") == len(SUBJECTS)
