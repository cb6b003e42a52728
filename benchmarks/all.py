"""All benchmarks, one after the other, into one file that docs/performance.md is made from.

python -m benchmarks.all --json FILE             everything: about an hour, on a quiet machine
python -m benchmarks.all --json FILE downloads   this one again, the others as they are
"""

import json
import subprocess
import sys
from pathlib import Path

import click

SUBJECTS = (
    "downloads",
    "tls_downloads",
    "ranges",
    "calls",
    "uploads",
    "search",
    "growth",
    "writes",
    "ingest",
    "slow_readers",
    "attacks",
    "startup",
)


@click.command()
@click.argument("subjects", nargs=-1, type=click.Choice(SUBJECTS))
@click.option(
    "--json",
    "file",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where the figures go; those of other benchmarks in it stay.",
)
@click.option("--quick", is_flag=True, help="Only show that they run.")
@click.option("--rounds", type=click.IntRange(1), help="How often each contestant is measured.")
def main(subjects: tuple[str, ...], file: Path, quick: bool, rounds: int | None) -> None:
    """Run these benchmarks, or all, and write down what they find."""
    options = ["--quick"] if quick else []
    if rounds is not None:
        options += ["--rounds", str(rounds)]
    failed = []
    for subject in subjects or SUBJECTS:
        click.echo(f"{subject} ...", err=True)
        # A process of its own each: what one has warmed up or left behind is not the next one's.
        command = [sys.executable, "-m", f"benchmarks.{subject}", "--json", *options]
        report = _output(command)
        if report is None:
            failed.append(subject)
        else:
            _keep(file, subject, report)
    if failed:
        raise click.ClickException(f"failed: {', '.join(failed)}")


def _output(command: list[str]) -> str | None:
    """What a command prints; None if it fails."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            said, _ = process.communicate()
        except BaseException:
            process.terminate()  # and wait, since it has servers to end
            raise
    return said if process.returncode == 0 else None


def _keep(file: Path, subject: str, report: str) -> None:
    """Write after each benchmark, so that one that fails late costs nothing but itself."""
    kept = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    kept[subject] = json.loads(report)
    file.write_text(json.dumps(kept, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
