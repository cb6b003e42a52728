from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from audio_store.probe import Prober, Report

Examine = Callable[..., Report]


@pytest.fixture(scope="session")
def prober() -> Iterator[Prober]:
    prober = Prober(workers=1)
    yield prober
    prober.close()


@pytest.fixture
def examine(prober: Prober, tmp_path: Path) -> Examine:
    """Probe these bytes under this name, with these refusals overruled."""

    def examine(content: bytes, file_name: str = "", *accept: str) -> Report:
        path = tmp_path / "examined"
        path.write_bytes(content)
        return prober.probe(path, file_name, frozenset(accept))

    return examine
