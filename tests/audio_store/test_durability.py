"""Power cuts at every step: what was answered for is there, and nothing is half there."""

import errno
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

import pytest
from contract import NOISE, SOUND, digests_of, published, read, token
from faulty_disk import PowerCut

from audio_store import AudioStore, ContentMissing, Quarantine, StoreAway

# How much a power cut takes back: nothing (`kill -9`), the newest names, all that was unsynced.
losses = pytest.mark.parametrize(
    ("lost_names", "lose_bytes"),
    [(0, False), (0, True), (1, True), (2, False), (2, True), (1000, False), (1000, True)],
)


def steps_of(disk, work: Callable[[], object]) -> list[str]:
    disk.forget()
    with disk.inserted():
        work()
    return list(disk.steps)


def test_publishing_goes_in_the_order_that_survives(store, disk):
    staged = store.stage(token())
    staged.append(SOUND)
    assert steps_of(disk, lambda: store.publish(staged, staged.digests())) == [
        "mkdir",
        "chmod",
        "sync bytes",
        "rename",
        "sync names",  # of content/ab/cd
        "sync names",  # of content/ab
    ]


def test_a_second_publisher_does_not_rely_on_the_first_to_sync_the_name(store, disk):
    published(store, SOUND)
    staged = store.stage(token())
    staged.append(SOUND)
    assert steps_of(disk, lambda: store.publish(staged, staged.digests())) == [
        "sync names",
        "sync names",
        "unlink",
    ]


def test_removing_does_not_wait_for_the_disk(store, disk):
    content_id = published(store, SOUND)
    assert steps_of(disk, lambda: store.remove(content_id)) == ["unlink"]


@pytest.mark.parametrize("failing", [1, 2])
def test_a_name_that_the_disk_did_not_keep_is_kept_once_it_is_settled(store, disk, root, failing):
    staged = store.stage(token())
    staged.append(SOUND)
    content_id = staged.digests().content_id
    disk.errors["sync names"] = [*[0] * (failing - 1), errno.EIO]
    with disk.inserted():
        with pytest.raises(StoreAway):
            store.publish(staged, staged.digests())
        assert store.settle(content_id) == len(SOUND)
    disk.crash(lost_names=1000, lose_bytes=True)
    assert read(AudioStore.open(root), content_id) == SOUND


def test_only_what_is_there_can_be_settled(store):
    with pytest.raises(ContentMissing):
        store.settle(digests_of(SOUND).content_id)


def check(store: AudioStore) -> set:
    """All content, each proved to be what its name says, and nothing else below content/."""
    contents = set(store.contents())
    for content_id in contents:
        assert store.digest(content_id).content_id == content_id
    files = {path for path in store.layout.content.rglob("*") if path.is_file()}
    assert files == {store.path(content_id) for content_id in contents}
    return contents


@losses
def test_published_bytes_are_there_after_a_power_cut_right_afterwards(
    store, disk, root, lost_names, lose_bytes
):
    with disk.inserted():
        content_id = published(store, SOUND)
        link = store.link(content_id, token(), "ogg")
    disk.crash(lost_names, lose_bytes)
    assert read(AudioStore.open(root), content_id) == SOUND
    assert link.read_bytes() == SOUND


@losses
def test_a_cut_at_any_step_of_publishing_leaves_all_or_nothing(
    store, disk, root, lost_names, lose_bytes
):
    done, cut_at, expected, possible = False, 0, set(), set()
    while not done:
        sound = SOUND + bytes([cut_at])
        disk.cut_at, name, result = cut_at, token(), None
        try:
            with disk.inserted(), store.stage(name) as staged:
                staged.append(sound)
                result = store.publish(staged, staged.digests())
            expected.add(result)
            done = True
        except PowerCut:
            pass
        disk.crash(lost_names, lose_bytes)
        store = AudioStore.open(root)
        possible.add(digests_of(sound).content_id)
        assert expected <= check(store) <= possible
        if not (lost_names or lose_bytes) and not done:
            # Killed, not unplugged: nothing that was written is lost.
            kept = store.staged_size(name)
            assert kept in (0, len(sound) // 2, len(sound))
            assert (kept == 0) == (cut_at == 0 or digests_of(sound).content_id in check(store))
        store.discard(name)
        cut_at += 1
    assert cut_at > 7


@losses
def test_a_cut_at_any_step_of_a_second_publication_keeps_the_first(
    store, disk, root, lost_names, lose_bytes
):
    content_id = published(store, SOUND)
    for cut_at in range(8):
        disk.cut_at = cut_at
        try:
            with disk.inserted():
                published(store, SOUND)
        except PowerCut:
            pass
        disk.crash(lost_names, lose_bytes)
        assert check(AudioStore.open(root)) == {content_id}


@losses
def test_a_cut_while_linking_and_unlinking_leaves_whole_links(
    store, disk, root, lost_names, lose_bytes
):
    sound, noise, name = published(store, SOUND), published(store, NOISE), token()
    for cut_at in range(6):
        disk.cut_at = cut_at
        try:
            with disk.inserted():
                store.link(sound, name, "ogg")
                store.link(noise, name, "ogg")  # one token, other content: replaced
                store.unlink(name, "ogg")
        except PowerCut:
            pass
        disk.crash(lost_names, lose_bytes)
        for listed in AudioStore.open(root).links():
            assert listed == (name, "ogg")
            assert (root / "access" / f"{name}.ogg").read_bytes() in (SOUND, NOISE)
        assert check(store) == {sound, noise}


@losses
def test_synced_bytes_of_an_upload_survive(store, disk, root, lost_names, lose_bytes):
    name = token()
    store.stage(name).close()
    with disk.inserted(), store.stage(name) as staged:
        staged.append(SOUND)
        staged.sync()
        staged.append(NOISE)
    disk.crash(lost_names, lose_bytes)
    with AudioStore.open(root).stage(name) as staged:
        assert staged.path.read_bytes()[: len(SOUND)] == SOUND


def test_many_are_published_before_the_disk_is_waited_for(store, disk):
    staged = []
    for sound in (SOUND, NOISE, SOUND):
        staged.append(store.stage(token()))
        staged[-1].append(sound)
    files = [(each, each.digests()) for each in staged]
    steps = steps_of(disk, lambda: store.publish_all(files))
    assert steps == [
        *["mkdir"] * 2,
        *["chmod"] * 2,
        *["sync bytes", "rename"] * 2,
        *["sync names"] * 4,
        "unlink",  # the bytes that were there already, in this very batch
    ]
    assert check(store) == {digests_of(sound).content_id for sound in (SOUND, NOISE)}


@contextmanager
def many(store: AudioStore, start: int = 0) -> Iterator[list]:
    """Twenty staged files, each with bytes of its own, and their digests."""
    with ExitStack() as stack:
        staged = [stack.enter_context(store.stage(token())) for _ in range(20)]
        for number, each in enumerate(staged):
            each.append(SOUND + bytes([start, number]))
        yield [(each, each.digests()) for each in staged]


def ids_of(files: list) -> set:
    return {digests.content_id for _, digests in files}


def test_very_many_wait_for_the_disk_together(store, disk):
    with many(store) as files:
        steps = steps_of(disk, lambda: store.publish_all(files))
    sync_all = ["sync all", *["ask"] * 20]
    assert steps == [*["mkdir"] * 20, *["chmod"] * 20, *sync_all, *["rename"] * 20, "sync all"]
    assert check(store) == ids_of(files)


def test_where_they_cannot_wait_together_each_waits_by_itself(store, disk):
    disk.errors = {"sync all": [errno.EIO, errno.EIO]}
    with many(store) as files, disk.inserted():
        store.publish_all(files)
    assert disk.steps.count("sync bytes") == 20
    disk.crash(1000, True)
    assert check(store) == ids_of(files)


def test_bytes_that_could_not_be_written_are_known_among_many(store, disk):
    disk.errors = {"ask": [0, 0, errno.EIO]}
    with many(store) as files:
        with disk.inserted(), pytest.raises(StoreAway):
            store.publish_all(files)
        # What the disk has lost nobody takes for received.
        assert [staged.size for staged, _ in files].count(0) == 1
    assert check(store) == set()


@losses
def test_a_cut_while_very_many_are_published_leaves_each_whole_or_not_there(
    store, disk, root, lost_names, lose_bytes
):
    possible = set()
    for cut_at in (30, 39, 40, 41, 50, 61, 70, 80, 81, 82):
        expected = set()
        with suppress(PowerCut), many(store, cut_at) as files:
            possible |= ids_of(files)
            disk.cut_at = cut_at
            with disk.inserted():
                store.publish_all(files)
            expected = ids_of(files)
        disk.crash(lost_names, lose_bytes)
        store = AudioStore.open(root)
        assert expected <= check(store) <= possible
    assert expected


@losses
def test_a_cut_at_any_step_of_publishing_many_leaves_each_whole_or_not_there(
    store, disk, root, lost_names, lose_bytes
):
    done, cut_at, possible = False, 0, set()
    while not done:
        sounds = [sound + bytes([cut_at]) for sound in (SOUND, NOISE)]
        disk.cut_at, expected = cut_at, set()
        try:
            with disk.inserted(), store.stage(token()) as one, store.stage(token()) as two:
                one.append(sounds[0])
                two.append(sounds[1])
                store.publish_all([(one, one.digests()), (two, two.digests())])
            expected = {digests_of(sound).content_id for sound in sounds}
            done = True
        except PowerCut:
            pass
        disk.crash(lost_names, lose_bytes)
        store = AudioStore.open(root)
        possible |= {digests_of(sound).content_id for sound in sounds}
        assert expected <= check(store) <= possible
        cut_at += 1
    assert cut_at > 12


@losses
@pytest.mark.parametrize("back", [False, True])
def test_a_cut_at_any_step_of_quarantine_loses_no_bytes(
    store, disk, root, lost_names, lose_bytes, back
):
    """Setting aside, and taking back: they lie in one of the two places, or in both."""
    quarantine = Quarantine(store)
    for cut_at in range(8):
        content_id = published(store, SOUND + bytes([cut_at]))
        if back:
            quarantine.clear(content_id)
        disk.forget()
        disk.cut_at = cut_at
        try:
            with disk.inserted():
                if back:
                    quarantine.take_back(content_id, quarantine.held(content_id)[0])
                else:
                    quarantine.clear(content_id)
        except PowerCut:
            pass
        disk.crash(lost_names, lose_bytes)
        path = store.path(content_id)
        found = [path] * path.exists() + quarantine.held(content_id)
        assert found
        for each in found:
            assert each.read_bytes() == SOUND + bytes([cut_at])
    assert len(list(store.contents())) >= 1


def test_what_was_set_aside_is_there_after_a_power_cut_right_afterwards(store, disk):
    store.layout.quarantine.rmdir()
    content_id = published(store, SOUND)
    disk.forget()
    with disk.inserted():
        Quarantine(store).clear(content_id)
    assert disk.steps == ["mkdir", "rename", "sync names", "sync names", "sync names"]
    disk.crash(1000, lose_bytes=True)
    (held,) = Quarantine(store).held(content_id)
    assert held.read_bytes() == SOUND
    assert list(store.contents()) == []
