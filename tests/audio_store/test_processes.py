"""Several real processes on one store, some of them killed."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from contract import SOUND, digests_of, read, token

from audio_store import AudioStore, StagingBusy

PACKAGE = Path(__file__).parents[2]


def run(program: str, *arguments: object) -> subprocess.Popen:
    """Start a program in another process; it says a line when it is where the test wants it."""
    return subprocess.Popen(
        [sys.executable, "-u", "-c", program, *map(str, arguments)],
        cwd=PACKAGE,
        stdout=subprocess.PIPE,
        text=True,
    )


WRITE_AND_WAIT = """
import sys, time
from pathlib import Path
from audio_store import AudioStore
with AudioStore.open(Path(sys.argv[1])).stage(sys.argv[2]) as staged:
    staged.append(b"sound")
    print("written")
    time.sleep(60)
"""


def test_another_process_excludes_us_until_it_is_killed(store, root):
    name = token()
    with run(WRITE_AND_WAIT, root, name) as writer:
        try:
            assert writer.stdout.readline() == "written\n"
            for use in (store.stage, store.discard):
                with pytest.raises(StagingBusy):
                    use(name)
            assert store.staged_size(name) == 5
        finally:
            writer.kill()
    with store.stage(name) as staged:
        staged.append(b"s")
        assert staged.digests() == digests_of(b"sounds")


PUBLISH_THE_SAME = """
import sys
from pathlib import Path
from audio_store import AudioStore
store = AudioStore.open(Path(sys.argv[1]))
for number in range(100):
    with store.stage(f"{int(sys.argv[2]) * 1000 + number:032x}") as staged:
        staged.append(b"%d" % number * 1000)
        store.publish(staged, staged.digests())
"""


def test_processes_can_publish_equal_bytes_at_the_same_time(store, root):
    publishers = [run(PUBLISH_THE_SAME, root, number) for number in range(2)]
    for publisher in publishers:
        publisher.communicate(timeout=60)
        assert publisher.returncode == 0
    expected = {digests_of(b"%d" % number * 1000).content_id for number in range(100)}
    assert set(store.contents()) == expected
    assert all(store.digest(content_id).content_id == content_id for content_id in expected)
    assert list(store.staged_tokens()) == []


PUBLISH_UNTIL_KILLED = """
import secrets, sys
from pathlib import Path
from audio_store import AudioStore
store = AudioStore.create(Path(sys.argv[1]))
while True:
    with store.stage(secrets.token_hex(16)) as staged:
        for _ in range(3):
            staged.append(secrets.token_bytes(50_000))
        content_id = store.publish(staged, staged.digests())
    link = store.link(content_id, secrets.token_hex(16), "ogg")
    print(content_id, link.stem)
"""


def test_what_a_killed_process_had_answered_for_is_there(root):
    answered = []
    for number in range(8):
        with run(PUBLISH_UNTIL_KILLED, root) as publisher:
            # The first is killed about when it makes the store.
            time.sleep(0.08 + 0.03 * number)
            publisher.send_signal(signal.SIGKILL)
            lines = publisher.stdout.read().split("\n")[:-1]
        answered += [line.split() for line in lines]
    store = AudioStore.create(root)
    contents = {str(content_id): content_id for content_id in store.contents()}
    links = dict(store.links())
    for name, link in answered:
        assert name in contents
        assert links[link] == "ogg"
    for content_id in contents.values():
        assert store.digest(content_id).content_id == content_id
    for name, _ in list(store.staged_tokens()):
        store.discard(name)
    with store.stage(token()) as staged:
        staged.append(SOUND)
        assert read(store, store.publish(staged, staged.digests())) == SOUND
