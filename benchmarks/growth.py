"""What searches cost as the library grows: 10,000, 100,000 and a million clips, ten on request.

Each size is an archive of its own, with artists and labels in proportion. Words keep their share,
so that common ones have ten times the hits in ten times the clips; what is selective is looked for
by something that few clips have at any size.
"""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import pairwise
from pathlib import Path

from archive_server.database.connections import connect
from archive_server.database.embedded import EmbeddedPostgres
from benchmarks.harness.command import Scale, main
from benchmarks.harness.report import OURS, Bound, Report
from benchmarks.harness.rounds import Figures, alternate
from benchmarks.library_archive import prepare
from benchmarks.search import Archive, median_ms
from benchmarks.search_shapes import Shape

TITLE = "Searches as the library grows tenfold"
_SIZES = (10_000, 100_000, 1_000_000)
_QUICK = (500, 5_000)
_TEN_MILLION = 10_000_000  # where its directory has been made, in --keep DIR/10000000

_SELECTIVE = (
    Shape("an identifier, partial", (("ls:isrcnumber", "partial", "gbabc0012"),)),
    Shape("a shelf", (("x:shelf", "=", "C-123/45"),)),
    Shape("a title and its creator",
          (("dc:title", "partial", "paradise summer"), ("dc:creator", "prefix", "anna"))),
    Shape("a few milliseconds of duration",
          (("dcterms:extent", ">=", "00:03:20.0000"), ("dcterms:extent", "<", "00:03:20.0002"))),
    Shape("everything by title", order_by=(("dc:title", False),)),
)  # fmt: skip
_COUNTED = (
    Shape("count of a common word", (("dc:title", "partial", "love"),)),
    Shape("count of any text", (("*", "partial", "the"),)),
    Shape(
        "count of most clips",
        (("ls:year", ">=", "1960"), ("ls:mtime", ">=", "2010-01-01T00:00:00Z")),
    ),
)
_PAGE_GROWS = 1.5  # times a decade


def run(scale: Scale) -> Report:
    """Measure all sizes side by side, and say how much each decade costs."""
    report = Report(TITLE, unit="ms", better="less")
    with contextlib.ExitStack() as stack:
        archives = _archives(scale, stack)
        for shape in _SELECTIVE:
            figures, _ = _measured(shape, archives, scale)
            growth = _growth(figures)
            report.add(f"{shape.name}: page", figures)
            report.add(f"{shape.name}: growth a decade", growth, Bound(_PAGE_GROWS), unit="times")
        for shape in _COUNTED:
            figures, hits = _measured(shape, archives, scale)
            report.add(shape.name, figures)
            linear = _growth(hits)[OURS].median
            growth = _growth(figures)
            report.add(f"{shape.name}: growth a decade", growth, Bound(linear), unit="times")
    return report


def _measured(
    shape: Shape, archives: Mapping[str, Archive], scale: Scale
) -> tuple[dict[str, Figures], dict[str, Figures]]:
    """Milliseconds, and hits, at each size."""
    hits = {n: Figures((float(each.answer(shape).total),)) for n, each in archives.items()}
    asks = {name: partial(median_ms, each.answer, shape) for name, each in archives.items()}
    return alternate(asks, scale.rounds), hits


def _growth(figures: Mapping[str, Figures]) -> dict[str, Figures]:
    """How many times more the next size costs, or has: the steepest of the steps."""
    medians = [figures[name].median for name in figures]
    steps = (larger / max(smaller, 1e-9) for smaller, larger in pairwise(medians))
    return {OURS: Figures((max(steps),))}


def _archives(scale: Scale, stack: contextlib.ExitStack) -> dict[str, Archive]:
    """An archive of each size, running."""
    directory = stack.enter_context(_directory(scale))
    sizes = list(scale.of(_SIZES, _QUICK))
    if (directory / str(_TEN_MILLION)).exists():
        sizes.append(_TEN_MILLION)
    archives = {}
    for clips in sizes:
        prepare(directory / str(clips), clips)
        server = EmbeddedPostgres.start(directory / str(clips), purpose="the benchmark of growth")
        stack.callback(server.stop)
        connection = stack.enter_context(contextlib.closing(connect(server.dsn())))
        archives[f"{clips:,}"] = Archive(connection)
    return archives


@contextlib.contextmanager
def _directory(scale: Scale) -> Iterator[Path]:
    if scale.keep is not None:
        yield scale.keep
        return
    directory = Path(tempfile.mkdtemp(prefix="bench-growth-"))
    directory.chmod(0o711)  # PostgreSQL may run as another user
    try:
        yield directory
    finally:
        shutil.rmtree(directory)


if __name__ == "__main__":
    main(TITLE, run)
