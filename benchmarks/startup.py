"""From the command `serve` to the line that says that clients can come."""

from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.harness.archive import RunningArchive
from benchmarks.harness.command import Scale, main
from benchmarks.harness.report import OURS, Bound, Report
from benchmarks.harness.rounds import alternate

TITLE = "Startup: `serve` until it is ready"

_COLD, _WARM = "cold", "warm"


def run(scale: Scale) -> Report:
    """Measure the first start on an empty directory, and the next one on the same."""
    report = Report(TITLE, "s", better="less")
    with TemporaryDirectory(prefix="bench-startup-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # PostgreSQL may run as another user
        used = folder / "used"
        _seconds(used)
        places = iter(folder / f"new-{turn}" for turn in range(scale.rounds))
        taken = alternate(
            {_COLD: lambda: _seconds(next(places)), _WARM: lambda: _seconds(used)}, scale.rounds
        )
    report.add("cold: a new directory", {OURS: taken[_COLD]}, Bound(6))
    report.add("warm: a directory that was in use", {OURS: taken[_WARM]}, Bound(2))
    report.note("Cold: with initdb, the schema and the first user; the files of the programs "
                "themselves are in the page cache in both cases")  # fmt: skip
    return report


def _seconds(data_dir: Path) -> float:
    with RunningArchive(data_dir=data_dir) as archive:
        return archive.ready_s


if __name__ == "__main__":
    main(TITLE, run)
