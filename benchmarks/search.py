"""Searches at a million clips, beside the old archive's SQL, SQLite's FTS5 and tantivy.

All answer with the exact number of hits and a page of 25; what they answer is compared first. To
load everybody takes half an hour: `--keep DIR` keeps what was loaded for the next time.
"""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from statistics import geometric_mean, median

from psycopg2.extensions import connection as Connection

from archive_server.database import search
from archive_server.database.connections import connect
from archive_server.database.embedded import EmbeddedPostgres
from benchmarks.harness.archive import RunningArchive
from benchmarks.harness.command import Scale, main
from benchmarks.harness.report import OURS, Bound, Goal, Report
from benchmarks.harness.rounds import Figures, alternate
from benchmarks.library import Library
from benchmarks.library_archive import prepare
from benchmarks.search_peers.fts5 import Fts5
from benchmarks.search_peers.original import Original
from benchmarks.search_peers.peer import Answer, Loaded, Peer
from benchmarks.search_peers.tantivy import Tantivy
from benchmarks.search_shapes import PAGE, SHAPES, Shape

TITLE = "Searches among a million clips: exact count and a page of 25"
_LONGEST_MS = 120  # of any shape: the median
_OF_ORIGINAL = 1 / 50  # the geometric mean of all shapes
_REPEATS = 5  # in one round, of which the median counts
_BY_CALL = ("title partial, rare word", "title partial, common word", "everything by title")

Ask = Callable[[Shape], Answer | None]


class Archive:
    """Our own search, in the archive's own PostgreSQL."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def answer(self, shape: Shape) -> Answer:
        """One transaction, as a call of a client is."""
        with self._connection, self._connection.cursor() as cursor:
            if shape.browsed:
                values = search.browse(cursor, shape.browsed, shape.criteria())
                return Answer(values.total, values.values)
            page = search.find(cursor, shape.criteria())
            return Answer(page.total, tuple(hit.clip_id for hit in page.hits))


def run(scale: Scale) -> Report:
    """Load what is not loaded, and ask everybody everything."""
    report = Report(TITLE, unit="ms", better="less")
    clips = scale.of(1_000_000, 2_000)
    with scale.directory() as directory:
        prepare(directory, clips)
        with _postgres(directory) as server, contextlib.ExitStack() as stack:
            archive = Archive(stack.enter_context(contextlib.closing(connect(server.dsn()))))
            peers = _peers(report, server, directory, stack)
            for peer in peers:
                _load(peer, directory, clips)
            asks: dict[str, Ask] = {OURS: archive.answer, **{p.name: p.answer for p in peers}}
            for shape in SHAPES:
                _measure(report, shape, asks, scale)
        _by_call(report, directory, scale)
    _summarize(report)
    return report


def _measure(report: Report, shape: Shape, asks: Mapping[str, Ask], scale: Scale) -> None:
    """One line: the same answer from everybody, and how long it takes them."""
    first = {name: _timed(ask, shape) for name, ask in asks.items()}
    answers = {name: answer for name, (answer, _) in first.items() if answer is not None}
    _require_equal(shape, answers)
    contestants = {
        name: partial(median_ms, asks[name], shape) for name in answers if name != Original.name
    }
    figures = alternate(contestants, scale.rounds)
    if Original.name in answers:  # it takes seconds, so once, warmed by nothing, has to do
        figures[Original.name] = Figures((first[Original.name][1],))
    fts5 = Goal(Fts5.name, 1.0) if Fts5.name in answers else None
    hits = answers[OURS].total
    report.add(f"{shape.name}: {hits:,}", figures, Bound(_LONGEST_MS), fts5)


def _require_equal(shape: Shape, answers: Mapping[str, Answer]) -> None:
    """Raise AssertionError unless all agree; on the page, all that sort by our keys."""
    ours = answers[OURS]
    for name, answer in answers.items():
        sorts_alike = name != Original.name and not shape.is_ranked
        same = answer.total == ours.total and (answer.page == ours.page or not sorts_alike)
        assert same, f"{shape.name}: {name} has {answer}, and we {ours}"


def median_ms(ask: Ask, shape: Shape) -> float:
    """How long an answer takes, the median of a few."""
    return median(_timed(ask, shape)[1] for _ in range(_REPEATS))


def _timed(ask: Ask, shape: Shape) -> tuple[Answer | None, float]:
    began = time.perf_counter()
    answer = ask(shape)
    return answer, 1000 * (time.perf_counter() - began)


def _by_call(report: Report, directory: Path, scale: Scale) -> None:
    """The same through the whole server: what a client waits for."""
    with RunningArchive(data_dir=directory) as archive:
        for shape in SHAPES:
            if shape.name in _BY_CALL:
                call = partial(_called, archive, shape)
                figures = alternate({OURS: partial(median_ms, call, shape)}, scale.rounds)
                report.add(f"{shape.name}, over XML-RPC", figures, Bound(_LONGEST_MS))


def _called(archive: RunningArchive, shape: Shape, _: Shape) -> None:
    conditions = [{"cat": c, "op": operator, "val": v} for c, operator, v in shape.conditions]
    criteria = {"conditions": conditions, "limit": PAGE, "offset": shape.offset}
    if shape.order_by:
        criteria["orderby"] = [category for category, _ in shape.order_by]
    archive.call("searchMetadata", criteria=criteria)


def _summarize(report: Report) -> None:
    """The geometric mean of what both the original and we were asked."""
    both = [case.figures for case in report.cases if Original.name in case.figures]
    means = {
        name: Figures((geometric_mean(figures[name].median for figures in both),))
        for name in (OURS, Original.name)
    }
    report.add("geometric mean", means, Goal(Original.name, _OF_ORIGINAL))


def _peers(
    report: Report, server: EmbeddedPostgres, directory: Path, stack: contextlib.ExitStack
) -> list[Peer]:
    server.server.create_database(Original.name)
    original = stack.enter_context(contextlib.closing(connect(server.dsn(Original.name))))
    (directory / "peers").mkdir(exist_ok=True)
    peers: list[Peer] = [Original(original), Fts5(directory / "peers" / "sqlite.db")]
    try:
        peers.append(Tantivy(directory / "peers" / "tantivy"))
    except ImportError:
        report.left_out(Tantivy.name, "it is not installed")
    return peers


def _load(peer: Peer, directory: Path, clips: int) -> None:
    """Load a peer, unless that was done before."""
    note = directory / "peers" / f"{peer.name}.loaded"
    if not note.exists():
        peer.load(map(Loaded.of, Library(scale=clips).clips()))
        note.touch()


@contextlib.contextmanager
def _postgres(directory: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres.start(directory, purpose="the benchmark of searches")
    try:
        yield server
    finally:
        server.stop()


if __name__ == "__main__":
    main(TITLE, run)
