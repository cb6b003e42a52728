import pytest

from archive_server.errors import Conflict
from archive_server.services.first_start import find_or_make_store
from audio_store import AudioStore, Sidecars


def test_the_first_start_makes_a_store_that_later_ones_expect(cursor, tmp_path):
    store = find_or_make_store(cursor, tmp_path / "store")
    store.require_present()
    assert find_or_make_store(cursor, tmp_path / "store") == store


def test_a_store_that_is_away_is_not_made_again(cursor, tmp_path):
    store = find_or_make_store(cursor, tmp_path / "store")
    store.root.rename(tmp_path / "elsewhere")
    assert find_or_make_store(cursor, tmp_path / "store") == store
    assert not store.root.exists()


def test_a_first_start_that_was_cut_short_is_gone_on_with(cursor, tmp_path):
    store = AudioStore.create(tmp_path / "store")
    assert find_or_make_store(cursor, tmp_path / "store") == store


def test_an_empty_database_does_not_take_over_audio_of_another(cursor, tmp_path):
    store = AudioStore.create(tmp_path / "store")
    with store.stage("ab" * 16) as staged:
        staged.append(b"somebody's only recording")
        store.publish(staged, staged.digests())
    with pytest.raises(Conflict, match="knows nothing of"):
        find_or_make_store(cursor, tmp_path / "store")


def test_an_empty_database_does_not_write_over_what_another_says_of_its_users(cursor, tmp_path):
    store = AudioStore.create(tmp_path / "store")
    Sidecars(store).write_all({"archive": "users"})
    with pytest.raises(Conflict, match="knows nothing of"):
        find_or_make_store(cursor, tmp_path / "store")
