"""What may happen while an upload is being closed."""

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from support import DirectDatabase, immediately, result_of

from archive_server.database import uploads
from archive_server.errors import RefusedAudio, Unavailable


class Deadlock(Exception):
    """What ends a transaction that is tried again."""


@dataclass(frozen=True)
class SecondTry:
    """A `Database` in which no transaction succeeds before its second try."""

    database: DirectDatabase
    between: Callable[[], object]

    async def run(self, work, /, *args, **more):
        def in_vain(cursor):
            work(cursor, *args, **more)
            raise Deadlock

        with contextlib.suppress(Deadlock):
            await self.database.run(in_vain)
        self.between()
        return await self.database.run(work, *args, **more)

    def note(self, writing, /, *args, **more):
        return self.database.note(writing, *args, **more)


@pytest.fixture
def closed_at_second_try(services):
    """Closes an upload; `between` happens between the tries of its transactions."""

    def close(token, between=lambda: None):
        database = SecondTry(services.database, between)
        publisher = replace(services.clips.publisher, database=database)
        clips = replace(services.clips, publisher=publisher)
        return result_of(clips.finish_upload(services.caller(), token))

    return close


def opened(services, audio):
    """The token of an upload that has been sent."""
    upload = result_of(services.clips.start_upload(services.caller(), None, "", "a.wav", ""))
    services.send(upload.token, audio)
    return upload.token


def current(services, gunid):
    file = result_of(services.downloads.current(services.caller(), gunid))
    with file.content:
        return file.content.read()


@pytest.fixture
def quieter(high):
    """Other audio of the same size."""
    return high[:44] + bytes(len(high) - 44)


def test_what_was_sent_again_while_close_waited_is_known_by_its_own_digests(
    services, high, quieter
):
    token = opened(services, high)
    waiting = [quieter]

    def after_a_while(work, *args, **more):
        """A thread that was not free before the client had sent the file once more."""
        if waiting:
            services.send(token, waiting.pop())
        return immediately(work, *args, **more)

    publisher = replace(services.clips.publisher, on_disk=after_a_while)
    clips = replace(services.clips, publisher=publisher)
    gunid = result_of(clips.finish_upload(services.caller(), token))
    assert current(services, gunid) == quieter
    assert result_of(services.integrity.check(digests=True)) == []


@pytest.mark.usefixtures("dsn")
def test_a_transaction_that_is_tried_again_makes_one_clip(services, high, closed_at_second_try):
    gunid = closed_at_second_try(opened(services, high))
    assert current(services, gunid) == high
    assert result_of(services.integrity.check(digests=True)) == []


@pytest.mark.usefixtures("dsn")
def test_no_clip_is_made_of_content_that_went_between_two_tries(
    services, high, closed_at_second_try
):
    earlier = services.store_clip(high)
    result_of(services.clips.delete(services.caller(), earlier, forced=True))
    token = opened(services, high)

    def tidy_after_the_last_step():
        if not list(services.store.staged_tokens()):
            result_of(services.maintenance.tidy())

    with pytest.raises(Unavailable):
        closed_at_second_try(token, tidy_after_the_last_step)
    assert result_of(services.integrity.check(digests=True)) == []
    with pytest.raises(RefusedAudio, match="no bytes were sent"):
        result_of(services.clips.finish_upload(services.caller(), token))
    services.send(token, high)
    gunid = result_of(services.clips.finish_upload(services.caller(), token))
    assert current(services, gunid) == high


@pytest.mark.usefixtures("dsn")
def test_a_store_that_goes_away_is_not_taken_for_an_upload_without_bytes(services, high, tmp_path):
    token = opened(services, high)
    with services.store.stage(token) as staged:  # a transaction that failed after the last moment
        services.store.publish(staged, staged.digests())

    def losing_the_disk(work, *args, **more):
        if work == services.store.size:
            services.store.root.rename(tmp_path / "elsewhere")
        return immediately(work, *args, **more)

    publisher = replace(services.clips.publisher, on_disk=losing_the_disk)
    clips = replace(services.clips, publisher=publisher)
    with pytest.raises(Unavailable):
        result_of(clips.finish_upload(services.caller(), token))


def test_what_close_has_digested_is_on_the_disk_before_that_is_noted(services, high, monkeypatch):
    token = result_of(services.clips.start_upload(services.caller(), None, "", "a.wav", "")).token
    with services.store.stage(token) as staged:  # as a server left it that was killed
        staged.append(high)
    brought = []
    fsync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: (brought.append(name_of(file)), fsync(file)))
    note = services.database.note
    noted = []

    def note_and_look(work, *args, **kwargs):
        if work is uploads.note_received:
            noted.append(token in brought)
        return note(work, *args, **kwargs)

    monkeypatch.setattr(services.database, "note", note_and_look)
    result_of(services.clips.finish_upload(services.caller(), token))
    assert noted == [True]


def name_of(descriptor):
    return Path(f"/proc/self/fd/{descriptor}").readlink().name
