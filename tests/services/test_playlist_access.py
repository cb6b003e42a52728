"""Reading playlists with all they hold, and letting go of it."""

import itertools
from datetime import timedelta

import pytest
from support import result_of

from archive_server.errors import NotFound, TooLarge, Unavailable, UnknownToken, WrongToken
from archive_server.model.gunid import Gunid
from archive_server.model.leases import LeaseKind
from archive_server.model.users import Role
from archive_server.services.leased_files import LocalFile
from archive_server.services.playlist_access import OpenPlaylist, OpenStream

DAY = timedelta(days=1)
A, B, C, HIGH, LOW, STREAM, MISSING = (Gunid.parse(f"{n:016x}") for n in range(0xA, 0x11))


@pytest.fixture
def caller(services):
    return services.caller()


@pytest.fixture
def save(services, caller):
    """Save a playlist of these elements, new or not."""

    def save(gunid, *whats):
        if not result_of(services.playlists.exists(caller, gunid)):
            result_of(services.playlists.create(caller, gunid, "newFile.xml"))
        elements = "".join(
            f'<playlistElement id="{n}" relativeOffset="{n}">{what}</playlistElement>'
            for n, what in enumerate(whats)
        )
        token = result_of(services.playlists.edit(caller, gunid)).token
        xml = f'<playlist id="{gunid}">{elements}</playlist>'
        result_of(services.playlists.save(caller, token, xml))

    return save


@pytest.fixture
def open_it(services, caller):
    def open_it(gunid=A, recursive=True):
        return result_of(services.playlist_access.open(caller, gunid, recursive=recursive))

    return open_it


@pytest.fixture
def leased(cursor):
    """How many leases there are."""

    def leased():
        cursor.execute("SELECT count(*) FROM lease")
        return cursor.fetchone()[0]

    return leased


def clip(gunid):
    return f'<audioClip id="{gunid}"/>'


def inner(gunid, inside=""):
    return f'<playlist id="{gunid}">{inside}</playlist>'


@pytest.fixture
def programme(services, caller, save, high, low):
    """A playlist of two clips, a stream, and a playlist of a clip."""
    services.store_clip(high, gunid=HIGH, file_name="high.wav")
    services.store_clip(low, gunid=LOW, file_name="low.wav")
    result_of(
        services.webstreams.store(caller, STREAM, "", "live", "http://radio.example:8000/live")
    )
    save(B, clip(LOW))
    save(A, clip(HIGH), inner(B), clip(STREAM), clip(HIGH))


def links(services):
    return list(services.store.links())


def test_all_that_a_playlist_holds_is_there_in_its_order(programme, services, open_it, high, low):
    opened = open_it()
    first, second, third, fourth = opened.content
    assert isinstance(first, LocalFile)
    assert first.path.read_bytes() == fourth.path.read_bytes() == high
    assert first.token != fourth.token
    assert isinstance(second, OpenPlaylist)
    assert [item.path.read_bytes() for item in second.content] == [low]
    assert second.lease is not None
    body = result_of(services.downloads.leased(second.lease.token, "xml")).body
    assert b'<playlist id="000000000000000b"' in body
    assert isinstance(third, OpenStream)
    assert third.url == "http://radio.example:8000/live"


def test_without_recursion_only_the_playlist_is_leased(programme, services, open_it, leased):
    opened = open_it(recursive=False)
    assert opened.content == ()
    assert leased() == 1
    assert opened.lease.size == len(
        result_of(services.downloads.leased(opened.lease.token, "xml")).body
    )


def test_a_release_lets_go_of_everything(programme, services, open_it, leased):
    opened = open_it()
    other = open_it()
    assert (leased(), len(links(services))) == (12, 6)
    assert result_of(services.playlist_access.release(opened.lease.token)) == A
    assert (leased(), len(links(services))) == (6, 3)
    with pytest.raises(UnknownToken):
        result_of(services.playlist_access.release(opened.lease.token))
    with pytest.raises(UnknownToken):
        result_of(services.downloads.close(opened.content[0].token, LeaseKind.FILE))
    assert result_of(services.playlist_access.release(other.lease.token)) == A
    assert (leased(), links(services)) == (0, [])


def test_parts_may_be_released_before_the_whole(programme, services, open_it, leased):
    opened = open_it()
    assert result_of(services.playlist_access.release(opened.content[1].lease.token)) == B
    assert result_of(services.downloads.close(opened.content[0].token, LeaseKind.FILE)) == HIGH
    assert leased() == 3
    result_of(services.playlist_access.release(opened.lease.token))
    assert (leased(), links(services)) == (0, [])


def test_a_sub_playlist_that_is_missing_is_a_warning(programme, services, save, open_it, high):
    save(A, inner(MISSING), inner(C, f"{_element(clip(HIGH))}{_element(inner(MISSING))}"))
    first, second = open_it().content
    assert (first.lease, first.content) == (None, ())
    assert first.warning == f"there is no playlist {MISSING}"
    assert second.lease is None
    assert second.content[0].path.read_bytes() == high
    assert second.content[1].lease is None


def _element(what):
    return f'<playlistElement id="1" relativeOffset="0">{what}</playlistElement>'


@pytest.mark.parametrize("what", [clip(MISSING), clip(B), "<audioClip/>", inner(C)])
def test_for_a_missing_clip_nothing_is_leased(programme, services, save, open_it, leased, what):
    result_of(services.playlists.delete(services.caller(), B, forced=True))
    save(C, clip(HIGH), clip(MISSING))
    save(A, clip(HIGH), clip(LOW), what)
    with pytest.raises(NotFound, match="there is no clip"):
        open_it()
    assert (leased(), links(services)) == (0, [])
    open_it(recursive=False)


def test_a_clip_in_the_trash_is_missing(programme, services, caller, open_it, leased):
    result_of(services.clips.delete(caller, LOW, forced=False))
    with pytest.raises(NotFound):
        open_it()
    assert (leased(), links(services)) == (0, [])


@pytest.mark.parametrize("gunid", [HIGH, STREAM, MISSING])
@pytest.mark.parametrize("recursive", [True, False])
def test_only_playlists_are_opened(programme, open_it, leased, gunid, recursive):
    with pytest.raises(NotFound, match=str(gunid)):
        open_it(gunid, recursive)
    assert leased() == 0


def test_while_somebody_edits_the_old_version_is_read(programme, services, caller, open_it):
    token = result_of(services.playlists.edit(caller, A)).token
    opened = open_it()
    body = result_of(services.downloads.leased(opened.lease.token, "xml")).body
    result_of(services.playlists.save(caller, token, f'<playlist id="{A}" title="new"/>'))
    assert result_of(services.downloads.leased(opened.lease.token, "xml")).body == body
    assert b'title="new"' not in body
    assert open_it().content == ()


@pytest.mark.usefixtures("dsn")
def test_what_is_open_outlives_everything(programme, services, caller, open_it, leased, high):
    opened = open_it()
    for gunid in (A, B):
        result_of(services.playlists.delete(caller, gunid, forced=True))
    for gunid in (HIGH, LOW, STREAM):
        result_of(services.clips.delete(caller, gunid, forced=True))
    services.clock.advance(80 * DAY)
    result_of(services.maintenance.tidy())
    result_of(services.maintenance.sweep())
    assert opened.content[0].path.read_bytes() == high
    stream = result_of(services.downloads.leased(opened.content[2].token, "xml"))
    assert b"http://radio.example:8000/live" in stream.body
    result_of(services.playlist_access.release(opened.lease.token))
    result_of(services.maintenance.tidy())
    result_of(services.maintenance.sweep())
    assert (leased(), links(services), list(services.store.contents())) == (0, [], [])


@pytest.mark.usefixtures("dsn")
def test_playlists_expire_with_the_files_in_them_where_files_do(
    programme, services, open_it, leased
):
    open_it()
    retention = services.maintenance.retention
    object.__setattr__(retention, "file_leases", 7 * DAY)
    services.clock.advance(6 * DAY)
    result_of(services.maintenance.tidy())
    assert leased() == 6
    services.clock.advance(2 * DAY)
    result_of(services.maintenance.tidy())
    assert (leased(), links(services)) == (0, [])


def test_playlists_that_hold_each_other_again_and_again_are_not_opened(services, save, open_it):
    gunids = [Gunid.parse(f"{n:016x}") for n in range(0x100, 0x110)]
    save(gunids[0])
    for below, above in itertools.pairwise(gunids):
        save(above, inner(below), inner(below))
    with pytest.raises(TooLarge, match="10000"):
        open_it(gunids[-1])


def test_tokens_of_other_kinds_release_nothing(programme, services, caller, open_it):
    edit = result_of(services.playlists.edit(caller, B)).token
    document = result_of(services.downloads.open_document(caller, A)).token
    opened = open_it()
    for token in (edit, document, opened.content[0].token, opened.content[2].token):
        with pytest.raises(WrongToken):
            result_of(services.playlist_access.release(token))
    for kind in (LeaseKind.FILE, LeaseKind.AUDIO, LeaseKind.DOCUMENT, LeaseKind.EDIT):
        with pytest.raises(WrongToken):
            result_of(services.downloads.close(opened.lease.token, kind))


def test_who_may_only_read_may_read_playlists(programme, services):
    reader = services.caller(Role.CLIENT)
    opened = result_of(services.playlist_access.open(reader, A, recursive=True))
    assert len(opened.content) == 4


def test_while_the_store_is_away_nothing_is_leased(programme, services, open_it, leased, tmp_path):
    (tmp_path / "store").rename(tmp_path / "elsewhere")
    with pytest.raises(Unavailable):
        open_it()
    assert leased() == 0
    (tmp_path / "elsewhere").rename(tmp_path / "store")
    assert links(services) == []
    open_it()
