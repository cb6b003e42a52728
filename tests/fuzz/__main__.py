"""The long run: `python -m tests.fuzz --minutes 5`; see the package."""

import sys
from pathlib import Path

import click

sys.path[:0] = [str(Path(__file__).parents[1])]

from fuzz.runs import is_possible, run, surrounded  # noqa: E402 - found where this file is
from fuzz.surroundings import provide  # noqa: E402
from fuzz.targets import TARGETS  # noqa: E402


@click.command()
@click.option("--target", "names", multiple=True, type=click.Choice(list(TARGETS)))
@click.option("--minutes", type=float, default=5, show_default=True, help="For each target.")
@click.option("--work", type=click.Path(path_type=Path), default=Path(".fuzz"), show_default=True)
@click.option("--replay", type=click.Path(path_type=Path, exists=True), help="One input, once.")
@click.option("--quiet", is_flag=True, help="Show outcomes only.")
def main(
    names: tuple[str, ...], minutes: float, work: Path, replay: Path | None, quiet: bool
) -> None:
    """Feed targets (all, unless some are named) one after the other; 1: something was found."""
    targets = [TARGETS[name] for name in names or TARGETS]
    with surrounded(*targets) as around:
        if replay is not None:
            provide(around)
            for target in targets:
                target.fuzz_one(replay.read_bytes())
            return
        if not is_possible():
            raise click.ClickException("atheris is missing: pip install '.[fuzz]'")
        outcomes = []
        for target in targets:
            options = [f"-max_total_time={round(minutes * 60)}"]
            show = (lambda line: None) if quiet else sys.stderr.write
            outcomes.append(run(target, around, (work / target.name).resolve(), options, show))
            click.echo(outcomes[-1])
            if outcomes[-1].findings:
                click.echo(outcomes[-1].told)
    sys.exit(any(outcome.findings for outcome in outcomes))


if __name__ == "__main__":
    main()
