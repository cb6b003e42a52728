"""Any sequence of calls, with crashes and power cuts at any step of any of them."""

import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from contract import digests_of
from faulty_disk import FaultyDisk, PowerCut
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from audio_store import AudioStore, ContentId, ContentMissing, NothingStaged

TOKENS = st.sampled_from([digit * 32 for digit in "abc"])
# Few and short, so that equal content is common.
BLOCKS = st.sampled_from([b"", b"a", b"b", b"ab", b"some more bytes than the others"])


class Crash:
    """Where the power goes, and what goes with it. `kill -9` loses nothing that was written."""

    def __init__(self, cut_at: int, lost_names: int, lose_bytes: bool) -> None:
        self.cut_at, self.lost_names, self.lose_bytes = cut_at, lost_names, lose_bytes

    def __repr__(self) -> str:
        return f"Crash({self.cut_at}, {self.lost_names}, {self.lose_bytes})"

    @property
    def is_only_a_kill(self) -> bool:
        return not self.lost_names and not self.lose_bytes


CRASHES = st.none() | st.builds(
    Crash, st.integers(0, 8), st.sampled_from([0, 0, 1, 2, 3, 100]), st.booleans()
)


class StoreMachine(RuleBasedStateMachine):
    """Knows what must be in the store, and what may be: that of calls that did not return."""

    @initialize()
    def make(self) -> None:
        self.directory = tempfile.TemporaryDirectory()
        self.root = Path(self.directory.name) / "store"
        shadow = Path(self.directory.name) / "shadow"
        shadow.mkdir()
        self.disk = FaultyDisk(self.root, shadow)
        self.store = AudioStore.create(self.root)
        self.uploads: dict[str, bytes] = {}
        self.content: dict[ContentId, bytes] = {}
        self.links: dict[str, bytes] = {}
        self.possible: set[ContentId] = set()

    def teardown(self) -> None:
        self.directory.cleanup()

    # -- one call, perhaps interrupted ------------------------------------------------------

    def completes(self, crash: Crash | None, call: Callable[[], object]) -> bool:
        """Make a call; False if the power went first, and then the store was opened again."""
        self.disk.steps.clear()
        self.disk.cut_at = crash.cut_at if crash else None
        try:
            with self.disk.inserted():
                call()
            return True
        except PowerCut:
            assert crash is not None
            self.disk.crash(crash.lost_names, crash.lose_bytes)
            self.store = AudioStore.open(self.root)
            if not crash.is_only_a_kill:
                self.uploads = {
                    name: (self.root / "staging" / name).read_bytes()
                    for name, _ in self.store.staged_tokens()
                }
            return False

    # -- the calls --------------------------------------------------------------------------

    @rule(name=TOKENS, block=BLOCKS, crash=CRASHES)
    def append(self, name: str, block: bytes, crash: Crash | None) -> None:
        def call() -> None:
            with self.store.stage(name) as staged:
                staged.append(block)

        before = self.uploads.get(name)
        whole = (before or b"") + block
        if self.completes(crash, call):
            self.uploads[name] = whole
        elif crash.is_only_a_kill and (before is not None or self.is_staged(name)):
            kept = (self.root / "staging" / name).read_bytes()
            assert whole.startswith(kept)
            assert len(kept) >= len(before or b"")
            self.uploads[name] = kept

    @rule(name=TOKENS, afresh=st.booleans(), crash=CRASHES)
    def publish(self, name: str, afresh: bool, crash: Crash | None) -> None:
        expected = self.uploads.get(name)

        def call() -> None:
            with self.store.stage(name, create=False) as staged:
                if afresh:
                    staged.truncate()
                    staged.append(expected)
                assert staged.digests() == digests_of(expected)
                self.store.publish(staged, staged.digests())

        if expected is None:
            with pytest.raises(NothingStaged):
                call()
            return
        content_id = digests_of(expected).content_id
        if self.completes(crash, call):
            self.content[content_id] = expected
            del self.uploads[name]
            return
        self.possible.add(content_id)
        if crash.is_only_a_kill and not afresh:
            # Nothing is lost: the bytes are still staged, or they are published.
            if self.is_staged(name):
                assert (self.root / "staging" / name).read_bytes() == expected
            else:
                assert content_id in set(self.store.contents())
        self.uploads.pop(name, None)
        if self.is_staged(name):
            self.uploads[name] = (self.root / "staging" / name).read_bytes()

    @rule(name=TOKENS, crash=CRASHES)
    def discard(self, name: str, crash: Crash | None) -> None:
        if self.completes(crash, lambda: self.store.discard(name)) or not self.is_staged(name):
            self.uploads.pop(name, None)

    @rule(block=BLOCKS, crash=CRASHES)
    def remove(self, block: bytes, crash: Crash | None) -> None:
        content_id = digests_of(block).content_id
        if self.content.pop(content_id, None) is not None:
            self.possible.add(content_id)  # a power cut brings it back
        if self.completes(crash, lambda: self.store.remove(content_id)):
            with pytest.raises(ContentMissing):
                self.store.size(content_id)

    @rule(block=BLOCKS, name=TOKENS, crash=CRASHES)
    def link(self, block: bytes, name: str, crash: Crash | None) -> None:
        content_id = digests_of(block).content_id
        if content_id not in self.content:
            return
        if self.completes(crash, lambda: self.store.link(content_id, name, "ogg")):
            self.links[name] = block
        elif self.links.get(name) != block:
            self.links.pop(name, None)

    @rule(name=TOKENS, crash=CRASHES)
    def unlink(self, name: str, crash: Crash | None) -> None:
        self.links.pop(name, None)
        self.completes(crash, lambda: self.store.unlink(name, "ogg"))

    # -- what always holds ------------------------------------------------------------------

    def is_staged(self, name: str) -> bool:
        return name in dict(self.store.staged_tokens())

    @invariant()
    def what_was_published_is_there_bit_for_bit(self) -> None:
        for content_id, sound in self.content.items():
            with self.store.open_content(content_id) as file:
                assert file.read() == sound

    @invariant()
    def every_name_under_content_is_true_and_was_published(self) -> None:
        listed = set(self.store.contents())
        assert set(self.content) <= listed <= set(self.content) | self.possible
        files = {
            Path(directory, name)
            for directory, _, names in os.walk(self.root / "content")
            for name in names
        }
        assert files == set(map(self.store.path, listed))
        for path in files:
            assert path.name == hashlib.sha256(path.read_bytes()).hexdigest()
            assert not path.stat().st_mode & 0o222

    @invariant()
    def links_and_uploads_are_what_they_were(self) -> None:
        for name, sound in self.links.items():
            assert (self.root / "access" / f"{name}.ogg").read_bytes() == sound
        for name, sound in self.uploads.items():
            assert self.store.staged_size(name) == len(sound)


TestStoreMachine = StoreMachine.TestCase
TestStoreMachine.settings = settings(
    max_examples=50,
    stateful_step_count=25,
)
