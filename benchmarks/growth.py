"""What searches cost as the library grows: 10,000, 100,000 and a million clips, ten on request.

Each size is an archive of its own, with artists and labels in proportion. Words keep their share,
so that common ones have ten times the hits in ten times the clips. What is selective is looked for
by what one clip of the library says of itself, which about one has at any size.
"""

import contextlib
from collections.abc import Mapping
from functools import partial
from itertools import pairwise

from archive_server.database.connections import connect
from archive_server.database.embedded import EmbeddedPostgres
from benchmarks.harness.command import Scale, main
from benchmarks.harness.report import OURS, Bound, Report
from benchmarks.harness.rounds import Figures, alternate
from benchmarks.library import Library, LibraryClip
from benchmarks.library_archive import prepare
from benchmarks.search import Archive, median_ms
from benchmarks.search_shapes import Shape

TITLE = "Searches as the library grows tenfold"
_SIZES = (10_000, 100_000, 1_000_000)
_QUICK = (500, 5_000)
_TEN_MILLION = 10_000_000  # where its directory has been made, in --keep DIR/10000000

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
        known = {size: _selective(_typical(size)) for size in archives}
        for each in zip(*known.values(), strict=True):
            shapes = dict(zip(archives, each, strict=True))
            figures, _ = _measured(shapes, archives, scale)
            growth = _growth(figures)
            _add_sizes(report, f"{each[0].name}: page", figures)
            report.add(f"{each[0].name}: growth", growth, Bound(_PAGE_GROWS), unit="times")
        for shape in _COUNTED:
            figures, hits = _measured(dict.fromkeys(archives, shape), archives, scale)
            _add_sizes(report, shape.name, figures)
            linear = _growth(hits)[OURS].median
            report.add(f"{shape.name}: growth", _growth(figures), Bound(linear), unit="times")
    return report


def _add_sizes(report: Report, name: str, figures: Mapping[str, Figures]) -> None:
    """A line for each size, one below the other."""
    for size, taken in figures.items():
        report.add(f"{name}, {size} clips", {OURS: taken})


def _typical(size: int) -> LibraryClip:
    """A clip that says all that is asked for, in words that others use too."""
    for clip in Library(scale=size).clips():
        told = {name for name, _ in clip.document.flattened()}
        title = clip.document.first("dc:title") or ""
        if {"ls:isrcnumber", "dc:creator"} <= told and title.isascii() and len(title) > 20:
            return clip
    raise AssertionError("every third clip has such a number")


def _selective(clip: LibraryClip) -> tuple[Shape, ...]:
    """Searches that find this clip, and hardly another."""
    title = clip.document.first("dc:title") or ""
    creator = clip.document.first("dc:creator") or ""
    number = clip.document.first("ls:isrcnumber") or ""
    extent = clip.document.first("dcterms:extent") or ""
    return (
        Shape("part of a title", (("dc:title", "partial", title[2:]),)),
        Shape("a title", (("dc:title", "=", title),)),
        Shape(
            "part of a title, start of a creator",
            (("dc:title", "partial", title[2:]), ("dc:creator", "prefix", creator[:-1])),
        ),
        Shape("part of a number", (("ls:isrcnumber", "partial", number[1:]),)),
        Shape("part of any text", (("*", "partial", title[2:]),)),
        Shape("a duration", (("dcterms:extent", ">=", extent), ("dcterms:extent", "<=", extent))),
        Shape("everything by title", order_by=(("dc:title", False),)),
    )


def _measured(
    shapes: Mapping[int, Shape], archives: Mapping[int, Archive], scale: Scale
) -> tuple[dict[str, Figures], dict[str, Figures]]:
    """Milliseconds, and hits, at each size."""
    hits = {
        f"{size:,}": Figures((float(each.answer(shapes[size]).total),))
        for size, each in archives.items()
    }
    asks = {
        f"{size:,}": partial(median_ms, each.answer, shapes[size])
        for size, each in archives.items()
    }
    return alternate(asks, scale.rounds), hits


def _growth(figures: Mapping[str, Figures]) -> dict[str, Figures]:
    """How many times more the next size costs, or has: the steepest of the steps."""
    medians = [figures[name].median for name in figures]
    steps = (larger / max(smaller, 1e-9) for smaller, larger in pairwise(medians))
    return {OURS: Figures((max(steps),))}


def _archives(scale: Scale, stack: contextlib.ExitStack) -> dict[int, Archive]:
    """An archive of each size, running."""
    directory = stack.enter_context(scale.directory())
    sizes = list(scale.of(_SIZES, _QUICK))
    if (directory / str(_TEN_MILLION)).exists():
        sizes.append(_TEN_MILLION)
    archives: dict[int, Archive] = {}
    for clips in sizes:
        prepare(directory / str(clips), clips)
        server = EmbeddedPostgres.start(directory / str(clips), purpose="the benchmark of growth")
        stack.callback(server.stop)
        connection = stack.enter_context(contextlib.closing(connect(server.dsn())))
        archives[clips] = Archive(connection)
    return archives


if __name__ == "__main__":
    main(TITLE, run)
