"""The table a benchmark prints: cases, what each contestant reached, ratios and goals."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks.harness.machine import machine
from benchmarks.harness.rounds import Figures

OURS = "archive"  # what our server is called among the contestants

_PAPER_WIDTH = 160  # of the text when it does not go to a terminal

Better = Literal["more", "less"]


@dataclass(frozen=True, slots=True)
class Goal:
    """So many times the peer's figure: at least, or at most where less is better."""

    peer: str
    ratio: float


@dataclass(frozen=True, slots=True)
class Bound:
    """A figure of our own, in the unit of the case: at least, or at most where less is better."""

    figure: float


@dataclass(frozen=True, slots=True)
class Case:
    """One line of the table."""

    name: str
    unit: str
    better: Better
    figures: Mapping[str, Figures]
    goals: tuple[Goal | Bound, ...] = ()

    def ratio(self, peer: str) -> float | None:
        """How many times the peer's figure ours is; None if one of them is missing."""
        if OURS not in self.figures or peer not in self.figures:
            return None
        return self.figures[OURS].ratio_to(self.figures[peer])

    def reached(self, goal: Goal | Bound) -> float | None:
        """What is compared with the goal; None where there was nothing to compare."""
        if isinstance(goal, Goal):
            return self.ratio(goal.peer)
        return self.figures[OURS].median if OURS in self.figures else None

    def met(self, goal: Goal | Bound) -> bool | None:
        """Whether the goal is met; None where there was nothing to compare."""
        reached = self.reached(goal)
        wanted = goal.ratio if isinstance(goal, Goal) else goal.figure
        if reached is None:
            return None
        return reached >= wanted if self.better == "more" else reached <= wanted

    def goal_text(self, goal: Goal | Bound) -> str:
        """`>= 0.8 x nginx`, `<= 6 s`."""
        sign = ">=" if self.better == "more" else "<="
        if isinstance(goal, Goal):
            return f"{sign} {goal.ratio:g} x {goal.peer}"
        return f"{sign} {goal.figure:g} {self.unit}"

    def cell(self, name: str) -> str:
        """A contestant's median; a peer's with the ratio of ours to it."""
        if name not in self.figures:
            return "-"
        shown = number(self.figures[name].median)
        ratio = None if name == OURS else self.ratio(name)
        return shown if ratio is None else f"{shown} (x {number(ratio)})"

    def verdict(self) -> str:
        """The goals, and whether they are met."""
        words = {True: "yes", False: "NO", None: "not measured"}
        return ", ".join(f"{self.goal_text(goal)}: {words[self.met(goal)]}" for goal in self.goals)


@dataclass
class Report:
    """What one benchmark found out."""

    title: str
    unit: str = ""  # of cases that name none of their own
    better: Better = "more"
    cases: list[Case] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    machine: Mapping[str, str] = field(default_factory=machine)

    def add(
        self,
        case: str,
        figures: Mapping[str, Figures],
        *goals: Goal | Bound | None,
        unit: str = "",
        better: Better | None = None,
    ) -> None:
        """Add a line; our own figures are called `OURS`."""
        wanted = tuple(goal for goal in goals if goal is not None)
        self.cases.append(Case(case, unit or self.unit, better or self.better, figures, wanted))

    def note(self, text: str) -> None:
        """Say what a reader of the figures must know."""
        if text not in self.notes:
            self.notes.append(text)

    def left_out(self, peer: str, reason: str) -> None:
        """Say by name who could not take part, and why."""
        self.note(f"{peer} was left out: {reason}")

    def contestants(self) -> list[str]:
        """Everybody who took part in some case, we first."""
        seen = dict.fromkeys(name for case in self.cases for name in case.figures)
        return sorted(seen, key=lambda name: name != OURS)

    def to_text(self, width: int | None = None) -> str:
        """A table for a terminal."""
        names = self.contestants()
        table = Table(title=self.title, box=box.SIMPLE, title_justify="left")
        for heading in ("case", "unit"):
            table.add_column(heading)
        for name in names:
            table.add_column(name, justify="right")
        table.add_column("goal: met?")
        for case in self.cases:
            table.add_row(case.name, case.unit, *map(case.cell, names), case.verdict())
        console = Console(width=width)
        if width is None and not console.is_terminal:
            console = Console(width=_PAPER_WIDTH)
        with console.capture() as capture:
            console.print(table)
            console.print("(x n): our figure is n times that one", markup=False)
            for line in self._remarks():
                console.print(line, markup=False, highlight=False, soft_wrap=True)
        return capture.get()

    def to_markdown(self) -> str:
        """The same for a page."""
        names = self.contestants()
        rows = [["case", "unit", *names, "goal: met?"]]
        rows.append(["---", "---", *("---:" for _ in names), "---"])
        rows += [
            [case.name, case.unit, *map(case.cell, names), case.verdict()] for case in self.cases
        ]
        lines = ["| " + " | ".join(row) + " |" for row in rows]
        return "\n".join([*lines, *(f"\n{note}." for note in self.notes)])

    def to_json(self) -> str:
        """Everything, each round's number too; `from_json` reads it again."""
        content = asdict(self)
        for case, shown in zip(self.cases, content["cases"], strict=True):
            shown["medians"] = {name: taken.median for name, taken in case.figures.items()}
            shown["ratios"] = {name: case.ratio(name) for name in case.figures if name != OURS}
            shown["verdicts"] = {case.goal_text(goal): case.met(goal) for goal in case.goals}
        return json.dumps(content, indent=1)

    @classmethod
    def from_json(cls, text: str) -> "Report":
        """What `to_json` has written."""
        content = json.loads(text)
        cases = [_case(case) for case in content.pop("cases")]
        return cls(cases=cases, **content)

    def _remarks(self) -> list[str]:
        return [*self.notes, "; ".join(f"{name} {value}" for name, value in self.machine.items())]


def number(value: float) -> str:
    """A figure with as many digits as are worth reading: `12,300`, `123`, `12.3`, `0.12`."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _case(content: Mapping[str, Any]) -> Case:
    figures = {name: Figures(tuple(each["taken"])) for name, each in content["figures"].items()}
    goals = tuple(Goal(**goal) if "peer" in goal else Bound(**goal) for goal in content["goals"])
    return Case(content["name"], content["unit"], content["better"], figures, goals)
