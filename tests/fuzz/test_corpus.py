"""What was found once is not found again, and the corpus stays what it is: small."""

import pytest

from fuzz.surroundings import Surroundings
from fuzz.targets import CORPUS, TARGETS, Target

_LARGEST = 300_000  # bytes, of all files together


@pytest.mark.parametrize("target", TARGETS.values(), ids=lambda target: target.name)
def test_the_corpus_breaks_no_promise(target: Target, around: Surroundings) -> None:
    for name, data in {**target.corpus, "nothing": b""}.items():
        try:
            target.fuzz_one(data)
        except Exception as error:
            error.add_note(f"this was {target.name}/{name}")
            raise


def test_every_target_has_a_corpus_and_every_corpus_a_target() -> None:
    assert {directory.name for directory in CORPUS.iterdir()} == set(TARGETS)
    assert all(len(target.corpus) > 2 for target in TARGETS.values())


def test_the_corpus_is_small() -> None:
    sizes = [len(data) for target in TARGETS.values() for data in target.corpus.values()]
    assert sum(sizes) < _LARGEST
    for target in TARGETS.values():
        assert max(map(len, target.corpus.values())) <= target.longest
