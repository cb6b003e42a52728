"""Runs of targets by atheris, each in a process of its own, and what came of them."""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from fixtures.fix_database import copy_template, running_postgres

from archive_server.database.embedded import EmbeddedPostgres
from fuzz.surroundings import Surroundings
from fuzz.targets import CORPUS, Target

_STATUS = re.compile(r"#([0-9]+)\s+[A-Za-z]+\s+cov: ([0-9]+) ft: ([0-9]+) corp: ([0-9]+)")
_ROOT = Path(__file__).parents[2]
_HANGS_S = 60  # one input
_MEMORY_MB = 3000


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a run."""

    target: str
    executions: int
    branches: int  # that were taken at all
    features: int  # ... with how often, as libFuzzer counts
    kept: int  # inputs that took others than those before them
    findings: tuple[Path, ...]
    told: str  # the end of what the run printed

    def __str__(self) -> str:
        """A line of a table."""
        found = ", ".join(map(str, self.findings)) or "none"
        return (
            f"{self.target:20} {self.executions:9} executions {self.branches:6} branches "
            f"{self.features:6} features {self.kept:5} kept   findings: {found}"
        )


def is_possible() -> bool:
    """Whether atheris is there (`pip install archive-server[fuzz]`)."""
    return find_spec("atheris") is not None


@contextmanager
def surrounded(*targets: Target) -> Iterator[Surroundings]:
    """What these targets need around them."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="archive-fuzz-")))
        dsns: Mapping[str, str] = {}
        if any(target.needs_postgres for target in targets):
            dsns = databases(stack.enter_context(running_postgres()), *targets)
        yield Surroundings(dsns, directory)


def databases(postgres: EmbeddedPostgres, *targets: Target) -> Mapping[str, str]:
    """A database for each of these targets that needs one."""
    needing = [target.name for target in targets if target.needs_postgres]
    for name in needing:
        copy_template(postgres, f"fuzz_{name}")
    return {name: postgres.dsn(f"fuzz_{name}") for name in needing}


def run(
    target: Target,
    around: Surroundings,
    work: Path,
    options: Sequence[str],
    show: Callable[[str], object] = lambda line: None,
) -> Outcome:
    """Drive one target; what it keeps and finds goes into the directory `work`."""
    kept = work / "kept"
    kept.mkdir(parents=True, exist_ok=True)
    tokens = work / "tokens"
    tokens.write_text("".join(f'"{_escaped(token)}"\n' for token in target.tokens))
    command = (
        *(
            sys.executable,
            "-m",
            "fuzz.guided",
            target.name,
            str(around.directory),
            around.dsns.get(target.name, ""),
        ),
        *(f"-artifact_prefix={work}/", f"-dict={tokens}", f"-max_len={target.longest}"),
        *(f"-timeout={_HANGS_S}", f"-rss_limit_mb={_MEMORY_MB}"),
        *options,
        *(str(kept), str(CORPUS / target.name)),
    )
    before = set(_artifacts(work))
    lines = list(_lines(command, show))
    statuses = [status for line in lines if (status := _STATUS.search(line))]
    numbers = [int(number) for number in statuses[-1].groups()] if statuses else [0, 0, 0, 0]
    found = tuple(sorted(set(_artifacts(work)) - before))
    return Outcome(target.name, *numbers, found, "\n".join(lines[-40:]))


def _lines(command: Sequence[str], show: Callable[[str], object]) -> Iterator[str]:
    path = f"{_ROOT / 'tests'}:{_ROOT}"
    with subprocess.Popen(
        command,
        # The same seed finds the same only where sets have the same order.
        env={**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": "0"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None  # we asked for a pipe
        for line in process.stdout:
            show(line)
            yield line.rstrip("\n")


def _artifacts(work: Path) -> list[Path]:
    kinds = ("crash-", "timeout-", "oom-", "leak-", "slow-unit-")
    return [file for file in work.iterdir() if file.name.startswith(kinds)]


def _escaped(token: bytes) -> str:
    """As libFuzzer's dictionaries have it."""
    return "".join(
        chr(byte) if 0x20 <= byte < 0x7F and byte not in b'"\\' else f"\\x{byte:02x}"
        for byte in token
    )
