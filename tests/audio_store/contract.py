"""What every audio store must do. Subclass `AudioStoreContract` and provide the fixture `store`."""

import hashlib
import secrets
import threading

import pytest

from audio_store import (
    AudioStore,
    BadName,
    ContentId,
    ContentMissing,
    Digests,
    NothingStaged,
    StagingBusy,
)

SOUND = b"sound" * 20_000
NOISE = b"noise" * 30_000

NOT_TOKENS = (
    *("", ".", "..", "../" * 5 + "etc/passwd", "store.json"),
    *("A" * 32, "a" * 31, "a" * 33, "a" * 32 + "\n", "a" * 31 + "/", "a" * 31 + "\0", "٣" * 32),
)


def token() -> str:
    return secrets.token_hex(16)


def digests_of(sound: bytes) -> Digests:
    return Digests(hashlib.sha256(sound).digest(), hashlib.md5(sound).digest(), len(sound))


def published(store: AudioStore, sound: bytes) -> ContentId:
    with store.stage(token()) as staged:
        staged.append(sound)
        return store.publish(staged, staged.digests())


def read(store: AudioStore, content_id: ContentId) -> bytes:
    with store.open_content(content_id) as file:
        return file.read()


class AudioStoreContract:
    # -- receiving

    def test_bytes_come_back_as_they_were(self, store):
        content_id = published(store, SOUND)
        assert read(store, content_id) == SOUND
        assert store.size(content_id) == len(SOUND)
        assert store.digest(content_id) == digests_of(SOUND)

    def test_content_is_named_by_its_sha256(self, store):
        assert str(published(store, SOUND)) == hashlib.sha256(SOUND).hexdigest()

    def test_nothing_at_all_can_be_published_too(self, store):
        content_id = published(store, b"")
        assert read(store, content_id) == b""

    def test_an_upload_goes_on_where_it_stopped(self, store):
        name = token()
        with store.stage(name) as staged:
            staged.append(SOUND)
        assert store.staged_size(name) == len(SOUND)
        with store.stage(name, create=False) as staged:
            assert staged.size == len(SOUND)
            staged.append(NOISE)
            assert staged.known_digests() is None
            assert staged.digests() == digests_of(SOUND + NOISE)
            content_id = store.publish(staged, staged.digests())
        assert read(store, content_id) == SOUND + NOISE

    def test_digests_run_along_while_every_byte_is_seen(self, store):
        with store.stage(token()) as staged:
            assert staged.known_digests() == digests_of(b"")
            staged.append(SOUND)
            staged.append(memoryview(NOISE)[7:])
            assert staged.known_digests() == digests_of(SOUND + NOISE[7:])

    def test_digests_run_along_again_once_the_file_was_read(self, store):
        name = token()
        with store.stage(name) as staged:
            staged.append(SOUND)
        with store.stage(name) as staged:
            staged.digests()
            staged.append(NOISE)
            assert staged.known_digests() == digests_of(SOUND + NOISE)

    def test_an_upload_can_start_afresh(self, store):
        with store.stage(token()) as staged:
            staged.append(NOISE)
            staged.truncate()
            staged.append(SOUND)
            assert staged.known_digests() == staged.digests() == digests_of(SOUND)
            assert read(store, store.publish(staged, staged.digests())) == SOUND

    def test_an_upload_has_one_writer_at_a_time(self, store):
        name = token()
        with store.stage(name) as staged:
            with pytest.raises(StagingBusy):
                store.stage(name)
            with pytest.raises(StagingBusy):
                store.discard(name)
            staged.append(SOUND)
        with store.stage(name) as staged:
            assert staged.size == len(SOUND)

    def test_the_size_of_an_upload_can_be_asked_while_it_is_written(self, store):
        name = token()
        with store.stage(name) as staged:
            staged.append(SOUND)
            assert store.staged_size(name) == len(SOUND)

    def test_an_upload_that_was_never_begun_is_not_there(self, store):
        name = token()
        with pytest.raises(NothingStaged):
            store.stage(name, create=False)
        assert store.staged_size(name) == 0
        assert list(store.staged_tokens()) == []

    def test_a_dropped_upload_is_gone_and_can_be_dropped_again(self, store):
        name = token()
        store.stage(name).close()
        store.discard(name)
        store.discard(name)
        assert list(store.staged_tokens()) == []

    def test_a_published_upload_is_no_upload_any_more(self, store):
        name = token()
        with store.stage(name) as staged:
            staged.append(SOUND)
            store.publish(staged, staged.digests())
            with pytest.raises(ValueError, match="closed"):
                staged.append(NOISE)
        assert store.staged_size(name) == 0
        assert list(store.staged_tokens()) == []

    def test_bytes_are_not_published_under_the_digests_of_others(self, store):
        with store.stage(token()) as staged:
            staged.append(SOUND)
            for wrong in (digests_of(NOISE), digests_of(SOUND[::-1])):
                with pytest.raises(ValueError, match="digests"):
                    store.publish(staged, wrong)
            assert staged.size == len(SOUND)
        assert list(store.contents()) == []

    # -- equal bytes

    def test_equal_bytes_are_kept_once(self, store):
        assert published(store, SOUND) == published(store, SOUND)
        assert len(list(store.contents())) == 1
        assert list(store.staged_tokens()) == []

    def test_equal_bytes_can_be_published_at_the_same_time(self, store):
        start, results = threading.Barrier(2), []

        def publish() -> None:
            for number in range(20):
                with store.stage(token()) as staged:
                    staged.append(SOUND + bytes([number]))
                    start.wait()
                    results.append(store.publish(staged, staged.digests()))

        threads = [threading.Thread(target=publish) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(results) == 40
        for content_id in set(results):
            assert store.digest(content_id).content_id == content_id
        assert len(list(store.contents())) == 20
        assert list(store.staged_tokens()) == []

    # -- handing out

    def test_content_that_was_never_there_is_missing(self, store):
        absent = digests_of(SOUND).content_id
        for ask in (store.size, store.open_content, store.digest):
            with pytest.raises(ContentMissing):
                ask(absent)
        with pytest.raises(ContentMissing):
            store.link(absent, token(), "ogg")

    def test_who_reads_goes_on_reading_after_a_removal(self, store):
        content_id = published(store, SOUND)
        with store.open_content(content_id) as file:
            store.remove(content_id)
            assert file.read() == SOUND
        with pytest.raises(ContentMissing):
            store.open_content(content_id)

    def test_removing_twice_is_harmless_and_the_content_can_come_back(self, store):
        content_id = published(store, SOUND)
        store.remove(content_id)
        store.remove(content_id)
        assert list(store.contents()) == []
        published(store, SOUND)
        assert read(store, content_id) == SOUND

    def test_reading_it_all_reports_progress(self, store):
        heard: list[int] = []
        store.digest(published(store, SOUND), heard.append)
        assert sum(heard) == len(SOUND)

    def test_a_link_holds_the_bytes_until_it_is_released(self, store):
        content_id, name = published(store, SOUND), token()
        path = store.link(content_id, name, "ogg")
        assert (path.name, path.is_absolute()) == (f"{name}.ogg", True)
        assert list(store.links()) == [(name, "ogg")]
        store.remove(content_id)
        assert path.read_bytes() == SOUND
        store.unlink(name, "ogg")
        store.unlink(name, "ogg")
        assert not path.exists()
        assert list(store.links()) == []

    def test_linking_twice_is_harmless(self, store):
        content_id, name = published(store, SOUND), token()
        assert store.link(content_id, name, "mp3") == store.link(content_id, name, "mp3")
        assert len(list(store.links())) == 1

    def test_a_link_names_the_content_last_asked_for(self, store):
        sound, noise, name = published(store, SOUND), published(store, NOISE), token()
        store.link(sound, name, "wav")
        assert store.link(noise, name, "wav").read_bytes() == NOISE
        assert read(store, sound) == SOUND

    # -- looking around

    def test_everything_that_is_there_is_listed(self, store):
        expected = {published(store, bytes([number])) for number in range(40)}
        assert set(store.contents()) == expected
        assert list(store.contents()) == sorted(expected)

    def test_uploads_are_listed_with_the_time_of_their_last_byte(self, store):
        name = token()
        with store.stage(name) as staged:
            staged.append(SOUND)
            ((listed, mtime),) = store.staged_tokens()
            assert listed == name
            assert mtime == pytest.approx(staged.path.stat().st_mtime)

    def test_there_is_free_space(self, store):
        assert store.free_bytes() > 0

    # -- names

    @pytest.mark.parametrize("name", NOT_TOKENS)
    def test_what_is_not_a_token_never_reaches_the_disk(self, store, name):
        content_id = published(store, SOUND)
        for use in (store.stage, store.staged_size, store.discard):
            with pytest.raises(BadName):
                use(name)
        with pytest.raises(BadName):
            store.link(content_id, name, "ogg")
        with pytest.raises(BadName):
            store.unlink(name, "ogg")

    @pytest.mark.parametrize("extension", ["", ".", "OGG", "a/b", "../x", "ogg\n", "a" * 9, "ö"])
    def test_what_is_not_an_extension_never_reaches_the_disk(self, store, extension):
        content_id = published(store, SOUND)
        with pytest.raises(BadName):
            store.link(content_id, token(), extension)
        with pytest.raises(BadName):
            store.unlink(token(), extension)
