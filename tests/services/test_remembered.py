"""Leases and sessions from memory: no transaction, and never wrong."""

from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from support import result_of

from archive_server.database import users
from archive_server.errors import NoSession, NotFound, Unavailable, UnknownToken
from archive_server.model.leases import LeaseKind
from archive_server.model.users import Role
from archive_server.services.memories import Memories
from archive_server.services.remembering import Hearing
from archive_server.services.storing import read_part
from audio_store import ContentId

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)


class CountedDatabase:
    """Counts the transactions; hands their notices on as the pool does."""

    def __init__(self, database, memories):
        self.database = database
        self.memories = memories
        self.count = 0
        self.before_result = lambda: None

    async def run(self, work, /, *args, **kwargs):
        self.count += 1
        result = await self.database.run(work, *args, **kwargs)
        self.before_result()
        for notice in self.database.connection.notices:
            _, _, told = notice.partition("archive_forget ")
            if told:
                self.memories.forget(*told.split())
        self.database.connection.notices.clear()
        return result

    read = run


@dataclass
class Remembering:
    services: object
    memories: Memories
    database: CountedDatabase
    downloads: object
    sessions: object

    def count_in(self, work):
        """How many transactions a piece of work takes."""
        before = self.database.count
        work()
        return self.database.count - before


@pytest.fixture
def remembering(services):
    memories = Memories(Hearing(lambda: 0.0), most_leases=2)
    memories.heard(0.0)
    database = CountedDatabase(services.database, memories)
    made = Remembering(
        services,
        memories,
        database,
        replace(services.downloads, database=database, memory=memories.leases),
        replace(services.sessions, database=database, memory=memories.sessions),
    )
    yield made
    memories.lost()


@pytest.fixture
def gunid(services, high):
    return services.store_clip(high, file_name="high.wav")


@pytest.fixture
def lease(remembering, gunid):
    return result_of(remembering.downloads.open_audio(remembering.services.caller(), gunid))


def read(downloads, lease):
    file = result_of(downloads.leased(lease.token, lease.extension))
    with file.content as content:
        return read_part(content, range(file.size))


def test_only_the_first_read_of_a_lease_asks_the_database(remembering, lease, high):
    assert remembering.count_in(lambda: read(remembering.downloads, lease)) == 1
    for _ in range(3):
        assert read(remembering.downloads, lease) == high
    assert remembering.count_in(lambda: read(remembering.downloads, lease)) == 0


def test_a_remembered_lease_is_given_without_waiting(remembering, lease, high):
    downloads = remembering.downloads
    assert downloads.remembered(lease.token, "wav") is None
    read(downloads, lease)
    file = downloads.remembered(lease.token, "wav")
    assert file is not None
    with file.content as content:
        assert read_part(content, range(file.size)) == high
    assert downloads.remembered(lease.token, "mp3") is None
    with pytest.raises(NotFound):
        result_of(downloads.leased(lease.token, "mp3"))


def test_a_closed_lease_is_refused_at_once(remembering, lease):
    read(remembering.downloads, lease)
    result_of(remembering.downloads.close(lease.token, LeaseKind.AUDIO))
    assert remembering.downloads.remembered(lease.token, "wav") is None
    with pytest.raises(UnknownToken):
        read(remembering.downloads, lease)


def test_who_reads_goes_on_when_the_lease_is_closed(remembering, lease, high):
    read(remembering.downloads, lease)
    first, second = (remembering.downloads.remembered(lease.token, "wav") for _ in range(2))
    result_of(remembering.downloads.close(lease.token, LeaseKind.AUDIO))
    first.content.close()
    assert read_part(second.content, range(second.size)) == high
    second.content.close()
    assert second.content.closed


def test_a_lease_that_is_closed_while_it_is_looked_up_is_not_remembered(remembering, lease, high):
    remembering.database.before_result = lambda: remembering.memories.forget("lease", lease.token)
    assert read(remembering.downloads, lease) == high
    assert remembering.downloads.remembered(lease.token, "wav") is None
    assert len(remembering.memories.leases) == 0


def open_files():
    return len(list(Path("/proc/self/fd").iterdir()))


def test_no_file_stays_open_that_nobody_remembers_or_reads(remembering, lease, gunid):
    before = open_files()
    for _ in range(5):
        again = result_of(remembering.downloads.open_audio(remembering.services.caller(), gunid))
        read(remembering.downloads, again)
    assert open_files() == before + 2  # as many as it may remember
    remembering.memories.lost()
    assert open_files() == before


def test_a_lease_that_is_used_from_memory_does_not_expire(remembering, lease, high):
    services = remembering.services
    for _ in range(5):
        for _ in range(3):
            assert read(remembering.downloads, lease) == high
        services.clock.advance(20 * HOUR)
    result_of(services.maintenance.tidy())
    assert read(remembering.downloads, lease) == high
    services.clock.advance(25 * HOUR)
    with pytest.raises(UnknownToken):
        read(remembering.downloads, lease)


def test_the_use_of_a_remembered_lease_is_noted_once_a_minute(remembering, lease):
    clock, downloads = remembering.services.clock, remembering.downloads
    read(downloads, lease)
    clock.advance(50 * SECOND)
    assert remembering.count_in(lambda: read(downloads, lease)) == 0
    assert remembering.count_in(lambda: result_of(downloads.touch([lease.token]))) == 0
    clock.advance(20 * SECOND)
    assert remembering.count_in(lambda: result_of(downloads.touch([lease.token]))) == 1
    assert remembering.count_in(lambda: result_of(downloads.touch([lease.token]))) == 0
    clock.advance(61 * SECOND)
    assert remembering.count_in(lambda: read(downloads, lease)) == 1


def test_readers_of_a_remembered_lease_learn_within_a_second_that_the_store_is_away(
    remembering, lease, high, tmp_path
):
    clock = remembering.services.clock
    read(remembering.downloads, lease)
    (tmp_path / "store").rename(tmp_path / "elsewhere")
    clock.advance(SECOND)
    for _ in range(2):
        with pytest.raises(Unavailable):
            read(remembering.downloads, lease)
    (tmp_path / "elsewhere").rename(tmp_path / "store")
    assert read(remembering.downloads, lease) == high


def test_damaged_audio_is_not_handed_out_from_memory(remembering, lease):
    read(remembering.downloads, lease)
    file = remembering.downloads.remembered(lease.token, "wav")
    file.content.close()
    path = remembering.services.store.path(ContentId(file.sha256))
    path.chmod(0o600)
    path.write_bytes(b"shorter")
    with pytest.raises(Unavailable, match="damaged"):
        read(remembering.downloads, lease)


def test_only_the_first_call_of_a_session_asks_the_database(remembering):
    session_id = remembering.services.session_id()
    calls = [
        remembering.count_in(lambda: result_of(remembering.sessions.caller(session_id)))
        for _ in range(3)
    ]
    assert calls == [1, 0, 0]


def test_a_session_that_ended_is_refused_at_once(remembering):
    session_id = remembering.services.session_id()
    result_of(remembering.sessions.caller(session_id))
    result_of(remembering.sessions.log_out(session_id))
    with pytest.raises(NoSession):
        result_of(remembering.sessions.caller(session_id))


@pytest.mark.parametrize(
    "change",
    [
        lambda cursor: users.change_password(cursor, "maintainer", "another"),
        lambda cursor: users.remove(cursor, "maintainer"),
        lambda cursor: cursor.execute("DELETE FROM session"),
    ],
)
def test_whatever_ends_a_session_is_heard_of(remembering, change):
    session_id = remembering.services.session_id()
    result_of(remembering.sessions.caller(session_id))
    result_of(remembering.database.run(change))
    with pytest.raises(NoSession):
        result_of(remembering.sessions.caller(session_id))


def test_a_role_that_changes_changes_for_sessions_that_are_remembered(remembering):
    session_id = remembering.services.session_id()
    result_of(remembering.sessions.caller(session_id))
    result_of(remembering.database.run(users.change_role, "maintainer", Role.CLIENT))
    assert result_of(remembering.sessions.caller(session_id)).role is Role.CLIENT


def test_a_remembered_session_lives_as_long_as_it_is_used(remembering):
    clock, sessions = remembering.services.clock, remembering.sessions
    session_id = remembering.services.session_id()
    for _ in range(10):
        result_of(sessions.caller(session_id))
        clock.advance(50 * SECOND)
        result_of(sessions.caller(session_id))
        clock.advance(timedelta(days=6))
    clock.advance(timedelta(days=1, minutes=1))
    with pytest.raises(NoSession):
        result_of(sessions.caller(session_id))


def test_a_remembered_session_ends_to_the_second_however_much_it_is_used(remembering):
    clock, sessions = remembering.services.clock, remembering.sessions
    session_id = remembering.services.session_id()
    for _ in range(14):
        clock.advance(timedelta(days=6))
        result_of(sessions.caller(session_id))
    clock.advance(timedelta(days=6) - SECOND)
    result_of(sessions.caller(session_id))
    clock.advance(SECOND)
    with pytest.raises(NoSession):
        result_of(sessions.caller(session_id))
