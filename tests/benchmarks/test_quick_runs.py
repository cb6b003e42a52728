"""Every benchmark's `--quick --json`: that it runs and that its figures are well formed."""

import math
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.all import SUBJECTS
from benchmarks.harness import wrk
from benchmarks.harness.report import OURS, Report

TREE = Path(__file__).parents[2]


def test_every_benchmark_is_run_with_all():
    commands = {
        path.stem
        for path in (TREE / "benchmarks").glob("*.py")
        if "from benchmarks.harness.command import" in path.read_text(encoding="utf-8")
    }
    assert commands == set(SUBJECTS)


@pytest.mark.slow
@pytest.mark.parametrize("subject", SUBJECTS)
def test_it_runs_and_its_figures_are_well_formed(subject):
    if subject == "calls" and (reason := wrk.missing()):
        pytest.skip(reason)
    command = [sys.executable, "-m", f"benchmarks.{subject}", "--quick", "--json"]
    done = subprocess.run(command, cwd=TREE, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    report = Report.from_json(done.stdout)
    assert report.cases
    for case in report.cases:
        assert case.unit
        assert OURS in case.figures, case
        for figures in case.figures.values():
            assert all(math.isfinite(figure) and figure >= 0 for figure in figures.taken), case
    assert report.to_text()
    assert report.to_markdown()
