"""How a store is made, and what is not taken for one."""

import json
import threading
import uuid

import pytest
from contract import SOUND, published, read, token
from faulty_disk import FaultyDisk, PowerCut

from audio_store import AudioStore, StoreAway


def test_a_store_is_made_once(root):
    store = AudioStore.create(root)
    assert AudioStore.create(root) == AudioStore.open(root) == store
    assert uuid.UUID(store.store_id).version == 4


def test_two_stores_are_two(tmp_path):
    assert (
        AudioStore.create(tmp_path / "one").store_id != AudioStore.create(tmp_path / "two").store_id
    )


def test_a_store_that_was_never_made_cannot_be_opened(root):
    with pytest.raises(StoreAway):
        AudioStore.open(root)
    assert not root.exists()


def test_the_directory_above_is_not_invented(tmp_path):
    with pytest.raises(StoreAway):
        AudioStore.create(tmp_path / "not mounted" / "store")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("existing", [(), ("lost+found",)])
def test_an_empty_disk_is_made_a_store(root, existing):
    for name in ("", *existing):
        (root / name).mkdir()
    assert AudioStore.create(root) == AudioStore.open(root)


@pytest.mark.parametrize(
    "name",
    [
        "song.ogg",
        "content/ab/cd",
        "content/README",
        "content/zz",
        f"staging/{token()}",
        f"access/{token()}.ogg",
    ],
    ids=lambda name: name.partition("/")[0],
)
def test_a_directory_in_use_without_identity_is_away_and_left_alone(root, name):
    (root / name).parent.mkdir(parents=True)
    (root / name).write_text("precious")
    before = sorted(root.rglob("*"))
    with pytest.raises(StoreAway):
        AudioStore.create(root)
    assert sorted(root.rglob("*")) == before


def test_a_store_that_lost_its_identity_is_never_made_again(store, root):
    published(store, SOUND)
    (root / "store.json").rename(root / "store.json.lost")
    with pytest.raises(StoreAway):
        AudioStore.create(root)
    with pytest.raises(StoreAway):
        AudioStore.open(root)


def test_a_file_in_place_of_the_store_is_no_store(root):
    root.write_text("")
    with pytest.raises(StoreAway):
        AudioStore.create(root)


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", "7", "null", "{}", "\udcff", '{"format": 1}'),
        '{"format": 1, "store_id": 5}',
        '{"format": 1, "store_id": "../.."}',
    ],
)
def test_a_damaged_identity_is_a_store_that_is_away(store, root, text):
    (root / "store.json").chmod(0o600)
    (root / "store.json").write_text(text, errors="surrogateescape")
    with pytest.raises(StoreAway):
        AudioStore.open(root)
    with pytest.raises(StoreAway):
        store.require_present()


def test_a_store_of_a_later_format_is_not_touched(store, root):
    (root / "store.json").chmod(0o600)
    (root / "store.json").write_text(json.dumps({"format": 2, "store_id": store.store_id}))
    with pytest.raises(StoreAway, match="format 2"):
        AudioStore.open(root)


def test_makers_at_the_same_time_make_one_store(root):
    start, stores = threading.Barrier(4), []

    def make() -> None:
        start.wait()
        stores.append(AudioStore.create(root))

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert stores == [AudioStore.open(root)] * 4
    assert not (root / "store.json.new").exists()


@pytest.mark.parametrize("lost_names", [0, 1, 3, 10_000])
@pytest.mark.parametrize("lose_bytes", [False, True])
def test_a_crash_while_a_store_is_made_leaves_none_and_harms_none(tmp_path, lost_names, lose_bytes):
    (tmp_path / "shadow").mkdir()
    # All steps but the shard directories, which are all alike.
    for number, cut_at in enumerate([0, 1, 2, 3, 8, 12, 100, *range(262, 278)]):
        root = tmp_path / str(number)
        disk = FaultyDisk(root, tmp_path / "shadow", cut_at=cut_at)
        made = None
        try:
            with disk.inserted():
                made = AudioStore.create(root)
        except PowerCut:
            pass
        disk.crash(lost_names, lose_bytes)
        store = AudioStore.create(root)
        assert made in (None, store)
        assert read(store, published(store, SOUND)) == SOUND
    assert made is not None, "the last cuts should come after the last step"
