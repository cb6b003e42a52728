import hashlib
from datetime import timedelta

import pytest
from support import result_of

from archive_server.errors import NotFound, Unavailable, UnknownToken, WrongToken
from archive_server.model.gunid import Gunid
from archive_server.model.leases import LeaseKind
from audio_store import ContentId

# The janitor commits, so what it is tested with is a database of the test's own.
removes_content = pytest.mark.usefixtures("dsn")


def read(services, token, extension="wav"):
    file = result_of(services.downloads.leased(token, extension))
    with file.content:
        return file.content.read()


@pytest.fixture
def gunid(services, high):
    return services.store_clip(high, file_name="high.wav")


@pytest.fixture
def lease(services, gunid):
    return result_of(services.downloads.open_audio(services.caller(), gunid))


def test_a_lease_tells_what_it_reads(lease, gunid, high):
    assert (lease.gunid, lease.size, lease.extension) == (gunid, len(high), "wav")
    assert lease.md5 == hashlib.md5(high).hexdigest()
    assert lease.file_name == "high.wav"


@removes_content
def test_a_reader_reads_one_revision_whatever_happens(services, lease, gunid, high, low):
    assert read(services, lease.token) == high
    services.store_clip(low, gunid=gunid)
    assert read(services, lease.token) == high
    result_of(services.clips.delete(services.caller(), gunid, forced=False))
    assert read(services, lease.token) == high
    result_of(services.clips.delete(services.caller(), gunid, forced=True))
    services.clock.advance(timedelta(hours=23))
    result_of(services.maintenance.tidy())
    result_of(services.maintenance.sweep())
    assert read(services, lease.token) == high


@removes_content
def test_content_goes_when_its_last_reader_has_gone(services, lease, gunid):
    result_of(services.clips.delete(services.caller(), gunid, forced=True))
    result_of(services.maintenance.tidy())
    assert len(list(services.store.contents())) == 1
    assert result_of(services.downloads.close(lease.token, LeaseKind.AUDIO)) == gunid
    result_of(services.maintenance.tidy())
    assert list(services.store.contents()) == []


def test_a_closed_lease_reads_nothing(services, lease):
    result_of(services.downloads.close(lease.token, LeaseKind.AUDIO))
    with pytest.raises(UnknownToken):
        read(services, lease.token)
    with pytest.raises(UnknownToken):
        result_of(services.downloads.close(lease.token, LeaseKind.AUDIO))


def test_a_lease_lives_as_long_as_it_is_used(services, lease, high):
    for _ in range(5):
        services.clock.advance(timedelta(hours=20))
        assert read(services, lease.token) == high
    services.clock.advance(timedelta(hours=20))
    result_of(services.downloads.touch([lease.token]))
    services.clock.advance(timedelta(hours=20))
    assert read(services, lease.token) == high
    services.clock.advance(timedelta(hours=25))
    with pytest.raises(UnknownToken):
        read(services, lease.token)


def test_only_the_true_extension_is_found(services, lease):
    with pytest.raises(NotFound, match=r"\.wav"):
        read(services, lease.token, "mp3")


def test_a_lease_is_closed_by_its_own_call(services, lease):
    with pytest.raises(WrongToken):
        result_of(services.downloads.close(lease.token, LeaseKind.FILE))
    with pytest.raises(WrongToken):
        result_of(services.downloads.close(lease.token, LeaseKind.DOCUMENT))


@removes_content
def test_a_file_on_the_disk_stays_until_it_is_released(services, gunid, high, low):
    file = result_of(services.downloads.open_file(services.caller(), gunid))
    assert file.path.suffix == ".wav"
    assert file.path.stat().st_mode & 0o222 == 0
    services.store_clip(low, gunid=gunid)
    result_of(services.clips.delete(services.caller(), gunid, forced=True))
    services.clock.advance(timedelta(days=400))
    result_of(services.maintenance.tidy())
    result_of(services.maintenance.sweep())
    assert file.path.read_bytes() == high
    result_of(services.downloads.close(file.token, LeaseKind.FILE))
    assert not file.path.exists()
    result_of(services.maintenance.tidy())
    assert list(services.store.contents()) == []


def test_a_file_is_not_read_over_http(services, gunid):
    file = result_of(services.downloads.open_file(services.caller(), gunid))
    with pytest.raises(WrongToken):
        read(services, file.token)


def test_a_leased_document_stays_as_it_was(services, gunid):
    caller = services.caller()
    before = result_of(services.clips.document(caller, gunid))
    lease = result_of(services.downloads.open_document(caller, gunid))
    assert lease.size == len(before.encode())
    assert lease.md5 == hashlib.md5(before.encode()).hexdigest()
    result_of(services.clips.describe(caller, gunid, before.replace("high", "higher")))
    result_of(services.clips.delete(caller, gunid, forced=True))
    assert result_of(services.downloads.leased(lease.token, "xml")).body == before.encode()
    assert result_of(services.downloads.close(lease.token, LeaseKind.DOCUMENT)) == gunid


def test_documents_nobody_needs_are_not_kept(services, gunid, cursor):
    caller = services.caller()
    lease = result_of(services.downloads.open_document(caller, gunid))
    for title in "abc":
        xml = f"<audioClip><metadata><dc:title>{title}</dc:title></metadata></audioClip>"
        result_of(services.clips.describe(caller, gunid, xml))
    cursor.execute("SELECT count(*) FROM document")
    assert cursor.fetchone() == (2,)
    result_of(services.downloads.close(lease.token, LeaseKind.DOCUMENT))
    cursor.execute("SELECT count(*) FROM document")
    assert cursor.fetchone() == (1,)


@pytest.mark.parametrize("number", [0, 2, 2**31 - 1])
def test_a_revision_that_is_not_kept_is_not_found(services, gunid, number):
    with pytest.raises(NotFound):
        result_of(services.downloads.revision(services.caller(), gunid, number))


def test_a_clip_nobody_stored_is_not_found(services):
    with pytest.raises(NotFound):
        result_of(services.downloads.open_audio(services.caller(), Gunid.parse("0" * 16)))


def test_while_the_store_is_away_readers_are_told_to_come_back(
    services, lease, gunid, high, tmp_path
):
    (tmp_path / "store").rename(tmp_path / "elsewhere")
    (tmp_path / "store").mkdir()
    for reading in (
        services.downloads.leased(lease.token, "wav"),
        services.downloads.current(services.caller(), gunid),
        services.downloads.open_audio(services.caller(), gunid),
        services.downloads.open_file(services.caller(), gunid),
        services.maintenance.tidy(),
        services.maintenance.sweep(),
    ):
        with pytest.raises(Unavailable):
            result_of(reading)
    (tmp_path / "store").rmdir()
    (tmp_path / "elsewhere").rename(tmp_path / "store")
    assert read(services, lease.token) == high


def test_damaged_audio_is_not_handed_out(services, lease, gunid):
    file = result_of(services.downloads.current(services.caller(), gunid))
    file.content.close()
    path = services.store.path(ContentId(file.sha256))
    path.chmod(0o600)
    path.write_bytes(b"shorter")
    with pytest.raises(Unavailable, match="damaged"):
        read(services, lease.token)
    with pytest.raises(Unavailable, match="damaged"):
        result_of(services.downloads.open_audio(services.caller(), gunid))
