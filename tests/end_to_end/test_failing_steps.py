"""A failure at any step: a named error, nothing half done, and the archive simply goes on.

Each test does one thing over and over, failing at its first step, at its second, and so on until it
gets to the end; with all ways to fail, and all of it at one and the same server.
"""

from functools import partial
from itertools import count

import pytest
from fixtures.clients import Client
from fixtures.stories import (
    Deleting,
    DeletingAPlaylist,
    Describing,
    Mortal,
    Replacing,
    SavingAPlaylist,
    Storing,
    Story,
    TakingAFile,
    Trashing,
    TrashingAPlaylist,
)

FATES = ["ENOSPC", "EIO", "EACCES", "SHORT"]

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("story", "least"),
    [
        (Storing, 22),
        (Replacing, 22),
        (Deleting, 2),
        (Trashing, 2),
        (Describing, 2),
        (TakingAFile, 7),
        (SavingAPlaylist, 2),
        (DeletingAPlaylist, 2),
        (TrashingAPlaylist, 2),
    ],
)
def test_what_fails_at_any_step_has_happened_or_not(mortal, story, least):
    told, numbers = story(), count(1)
    with mortal.raised() as client:
        for fate in FATES:
            assert endure(mortal, client, told, fate, numbers) >= least, mortal.steps()
        assert mortal.server.process.poll() is None
        damage = [each for each in mortal.server.check() if each["severity"] == "damage"]
        assert damage == []
    assert mortal.server.stop() == 0


def endure(mortal: Mortal, client: Client, story: Story, fate: str, numbers: "count[int]") -> int:
    """Let a story fail at each of its steps; return how many it has."""
    for step in count(1):
        story.prepare(client, next(numbers))
        is_done = mortal.is_done(step, fate, partial(story.act, client))
        assert is_done or fate != "SHORT"
        has_ended = len(mortal.steps()) < step
        assert is_done or not has_ended
        story.verify(client, is_done)
        if has_ended:
            break
    return step - 1
