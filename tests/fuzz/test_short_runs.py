"""Each target for some seconds, with the same inputs every time."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fuzz.mutations import changed
from fuzz.runs import is_possible, run, surrounded
from fuzz.surroundings import Surroundings
from fuzz.targets import TARGETS, Target

_EXAMPLES = 60
_EXECUTIONS = 400
_SECONDS = 4

_every_target = pytest.mark.parametrize("target", TARGETS.values(), ids=lambda each: each.name)


@pytest.mark.slow
@_every_target
def test_what_is_nearly_good_breaks_no_promise(target: Target, around: Surroundings) -> None:
    corpus = list(target.corpus.values())

    @settings(
        max_examples=_EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(changed(corpus, target.tokens, target.longest) | st.binary(max_size=200))
    def feed(data: bytes) -> None:
        target.fuzz_one(data)

    feed()


@pytest.mark.slow
@pytest.mark.skipif(not is_possible(), reason="not installed: atheris")
@_every_target
def test_what_takes_new_branches_breaks_no_promise(target: Target, tmp_path: Path) -> None:
    options = ["-seed=1", f"-runs={_EXECUTIONS}", f"-max_total_time={_SECONDS}"]
    with surrounded(target) as around:
        outcome = run(target, around, tmp_path, options)
    assert outcome.findings == (), outcome.told
    assert outcome.executions > len(target.corpus), outcome.told
    assert outcome.branches > 50, outcome.told
