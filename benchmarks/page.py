"""The figures in docs/performance.md, from the file that `benchmarks.all` has written.

    python -m benchmarks.page FILE

Between `<!-- NAME -->` and `<!-- end of NAME -->` the page is replaced by the table of that
benchmark; `machine` and `goals` are about all of them. What is outside is written by hand.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import click

from benchmarks.all import SUBJECTS
from benchmarks.harness.report import Bound, Case, Goal, Report, number

PAGE = Path(__file__).parent.parent / "docs" / "performance.md"


def filled(page: str, reports: Mapping[str, Report]) -> str:
    """The page with these reports in it. Raises KeyError for one that it has no place for."""
    blocks = {name: report.to_markdown() for name, report in reports.items()}
    blocks["machine"] = _machine(reports)
    blocks["goals"] = _goals(reports)
    for name, text in blocks.items():
        before, begin, after = page.partition(f"<!-- {name} -->\n")
        _, end, after = after.partition(f"<!-- end of {name} -->\n")
        if not end:
            raise KeyError(name)
        page = f"{before}{begin}{text}\n{end}{after}"
    return page


def _machine(reports: Mapping[str, Report]) -> str:
    found = {name: value for report in reports.values() for name, value in report.machine.items()}
    return "\n".join(["| | |", "|---|---|", *(f"| {k} | {v} |" for k, v in found.items())])


def _goals(reports: Mapping[str, Report]) -> str:
    rows = ["| benchmark | case | goal | reached | met |", "|---|---|---|---|---|"]
    for name, report in reports.items():
        for case in report.cases:
            rows += [_goal(name, case, goal) for goal in case.goals]
    return "\n".join(rows)


def _goal(name: str, case: Case, goal: Goal | Bound) -> str:
    reached = case.reached(goal)
    shown = "-" if reached is None else number(reached)
    met = {True: "yes", False: "**no**", None: "not measured"}[case.met(goal)]
    unit = "" if case.unit in case.goal_text(goal) else f" ({case.unit})"
    return f"| {name} | {case.name}{unit} | {case.goal_text(goal)} | {shown} | {met} |"


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def main(file: Path) -> None:
    """Put the figures of FILE into docs/performance.md."""
    kept = json.loads(file.read_text(encoding="utf-8"))
    in_order = sorted(kept.items(), key=lambda item: SUBJECTS.index(item[0]))
    reports = {name: Report.from_json(json.dumps(report)) for name, report in in_order}
    try:
        PAGE.write_text(filled(PAGE.read_text(encoding="utf-8"), reports), encoding="utf-8")
    except KeyError as error:
        raise click.ClickException(f"{PAGE}: no place for {error}") from error


if __name__ == "__main__":
    main()
