"""Making, changing, describing and deleting playlists."""

import itertools
from datetime import timedelta

import pytest
from support import result_of

from archive_server.errors import (
    BadDocument,
    Conflict,
    Forbidden,
    NotFound,
    UnknownToken,
    WrongToken,
)
from archive_server.model.clips import FileType
from archive_server.model.gunid import Gunid
from archive_server.model.leases import LeaseKind
from archive_server.model.search import Criteria
from archive_server.model.users import Role

DAY = timedelta(days=1)
A, B, C = (Gunid.parse(f"{n:016x}") for n in (0xA, 0xB, 0xC))


def element(name, what, offset="0"):
    return f'<playlistElement id="{name}" relativeOffset="{offset}">{what}</playlistElement>'


def clip(gunid, attributes=""):
    return f'<audioClip id="{gunid}" {attributes}/>'


def inner(gunid, inside=""):
    return f'<playlist id="{gunid}">{inside}</playlist>'


def playlist_xml(*whats, title="evening", gunid=A):
    elements = "".join(element(n, what) for n, what in enumerate(whats))
    return (
        f'<playlist id="{gunid}" playlength="60">{elements}'
        f"<metadata><dc:title>{title}</dc:title></metadata></playlist>"
    )


@pytest.fixture
def caller(services):
    return services.caller()


@pytest.fixture
def create(services, caller):
    def create(gunid=A):
        return result_of(services.playlists.create(caller, gunid, "newFile.xml"))

    return create


@pytest.fixture
def edit(services, caller):
    def edit(gunid=A, by=None):
        return result_of(services.playlists.edit(by or caller, gunid)).token

    return edit


@pytest.fixture
def save(services, caller, create, edit):
    """Save a playlist, new or not."""

    def save(gunid=A, *whats, title="evening"):
        if not result_of(services.playlists.exists(caller, gunid)):
            create(gunid)
        token = edit(gunid)
        xml = playlist_xml(*whats, title=title, gunid=gunid)
        try:
            return result_of(services.playlists.save(caller, token, xml))
        except BadDocument:
            result_of(services.playlists.revert(token))
            raise

    return save


@pytest.fixture
def titles(services, caller):
    """The titles of the playlists that are found."""

    def titles():
        page = result_of(services.search.find(caller, Criteria.build(file_type="playlist")))
        return [hit.title for hit in page.hits]

    return titles


@pytest.fixture
def document(services, caller):
    def document(gunid=A):
        return result_of(services.clips.document(caller, gunid))

    return document


@pytest.fixture
def count(cursor):
    def count(table):
        cursor.execute(f"SELECT count(*) FROM {table}")
        return cursor.fetchone()[0]

    return count


def test_a_new_playlist_is_there_and_empty(services, caller, create, document, titles):
    assert create() == A
    assert 'id="0000000000000000" playlength="00:00:00.000000"' in document()
    assert "<ls:mtime>" in document()
    assert result_of(services.playlists.exists(caller, A))
    assert not result_of(services.clips.exists(caller, A))
    assert titles() == [""]


def test_an_id_that_is_taken_is_refused(services, caller, create, high):
    create()
    with pytest.raises(Conflict, match="exists already, as a playlist"):
        create()
    services.store_clip(high, gunid=B)
    with pytest.raises(Conflict, match="exists already, as an audio clip"):
        create(B)


def test_without_an_id_it_gets_one(services, caller):
    first, second = (
        result_of(services.playlists.create(caller, None, "newFile.xml")) for _ in range(2)
    )
    assert first != second


def test_what_is_saved_is_what_is_read(services, caller, create, edit, document, high):
    services.store_clip(high, gunid=B)
    create()
    lease = result_of(services.playlists.edit(caller, A))
    assert lease.size == len(document().encode())
    assert result_of(services.downloads.leased(lease.token, "xml")).body == document().encode()
    xml = playlist_xml(clip(B, 'title="t" playlength="1"'))
    assert result_of(services.playlists.save(caller, lease.token, xml)) == A
    assert '<playlist id="000000000000000a" playlength="00:01:00.000000" title="evening">' in (
        document()
    )
    assert '<audioClip id="000000000000000b" playlength="00:00:01.000000" title="t" />' in (
        document()
    )
    with pytest.raises(UnknownToken):
        result_of(services.downloads.leased(lease.token, "xml"))
    with pytest.raises(UnknownToken):
        result_of(services.playlists.save(caller, lease.token, xml))


def test_what_an_item_lacks_the_archive_adds(services, save, document, high):
    """C++ clients cannot read items without a length."""
    services.store_clip(high, gunid=B, file_name="tone.wav")
    save(C, title="inner")
    save(A, clip(B), inner(C), clip("00000000000000ff"))
    assert 'id="000000000000000b" playlength="00:00:00.500000" title="tone"' in document()
    assert 'id="000000000000000c" playlength="00:01:00.000000" title="inner"' in document()
    assert '<audioClip id="00000000000000ff" title="" />' in document()


def test_items_are_kept_in_the_order_of_their_offsets(services, caller, create, edit, document):
    create()
    elements = "".join(element(n, clip(n * 16), offset) for n, offset in (("1", "9"), ("2", "3")))
    xml = f'<playlist id="{A}">{elements}</playlist>'
    result_of(services.playlists.save(caller, edit(), xml))
    assert document().index('id="2"') < document().index('id="1"')


def test_one_user_at_a_time_changes_a_playlist(services, caller, create, edit):
    create()
    token = edit()
    for by in (caller, services.caller(Role.ADMIN)):
        with pytest.raises(Conflict, match=r"being changed by maintainer, since 20"):
            edit(by=by)
    held = result_of(services.playlists.edit_of(caller, A))
    assert (held.user_id, held.login) == (caller.user_id, "maintainer")
    assert result_of(services.playlists.revert(token)) == A
    assert result_of(services.playlists.edit_of(caller, A)) is None
    edit(by=services.caller(Role.ADMIN))


def test_until_it_is_saved_everybody_has_the_old_version(services, save, edit, document, titles):
    save(A, title="old")
    before = document()
    token = edit()
    assert titles() == ["old"]
    assert document() == before
    result_of(services.playlists.revert(token))
    assert document() == before
    save(A, title="new")
    assert titles() == ["new"]


@pytest.mark.parametrize(
    "xml",
    [
        "",
        "<playlist",
        f'<playlist id="{A}"><foo/></playlist>',
        f'<playlist id="{A}"><metadata><ls:genre>x</ls:genre></metadata></playlist>',
        f'<playlist id="{A}">{element(1, inner(A))}</playlist>',
        f'<playlist id="{A}" title="{"x" * (4 * 2**20)}"/>',
    ],
)
def test_a_save_that_fails_changes_nothing(services, caller, save, edit, document, titles, xml):
    save(A, title="old")
    before = document()
    token = edit()
    with pytest.raises(BadDocument):
        result_of(services.playlists.save(caller, token, xml))
    assert document() == before
    assert titles() == ["old"]
    assert result_of(services.playlists.edit_of(caller, A)).token == token
    result_of(services.playlists.save(caller, token, playlist_xml(title="new")))
    assert titles() == ["new"]


def test_the_right_to_change_does_not_expire(services, caller, create, edit):
    create()
    token = edit()
    services.clock.advance(85 * DAY)
    result_of(services.maintenance.tidy())
    result_of(services.playlists.save(caller, token, playlist_xml()))


def test_a_token_of_another_kind_or_user_saves_nothing(services, caller, create, edit, save):
    create()
    other = services.caller(Role.ADMIN)
    with pytest.raises(Forbidden, match="maintainer does"):
        result_of(services.playlists.save(other, edit(), playlist_xml()))
    lease = result_of(services.downloads.open_document(caller, A))
    access = result_of(services.playlist_access.open(caller, A, recursive=False))
    upload = result_of(services.clips.start_upload(caller, B, "", "a.wav", ""))
    for token in (lease.token, access.lease.token, upload.token):
        with pytest.raises(WrongToken):
            result_of(services.playlists.save(caller, token, playlist_xml()))
        with pytest.raises(WrongToken):
            result_of(services.playlists.revert(token))
    for token in ("", "0" * 32, "x"):
        with pytest.raises(UnknownToken):
            result_of(services.playlists.save(caller, token, playlist_xml()))
        with pytest.raises(UnknownToken):
            result_of(services.playlists.revert(token))


def test_who_may_only_read_changes_nothing(services, create, edit):
    create()
    reader = services.caller(Role.CLIENT)
    for work in (
        services.playlists.create(reader, B, "b.xml"),
        services.playlists.edit(reader, A),
        services.playlists.delete(reader, A, forced=False),
        services.playlists.delete(reader, A, forced=True),
        services.clips.describe(reader, A, "<audioClip><metadata/></audioClip>"),
    ):
        with pytest.raises(Forbidden):
            result_of(work)
    assert result_of(services.playlists.exists(reader, A))


# -- what holds what --------------------------------------------------------------------------


def test_a_playlist_never_holds_itself(services, save):
    save(C)
    save(B, inner(C))
    save(A, inner(B))
    for gunid, held in ((A, inner(A)), (B, inner(A)), (C, inner(A)), (C, inner(B))):
        with pytest.raises(BadDocument, match=f"{gunid} would hold itself"):
            save(gunid, held)


def test_a_circle_through_what_is_not_there_yet_is_found(services, caller, save, create):
    save(A, inner(B))
    save(C, inner(A))
    with pytest.raises(BadDocument, match="hold itself"):
        save(B, inner(C))
    with pytest.raises(BadDocument, match="hold itself"):
        save(B, inner("00000000000000ee", element(1, inner(A))))


def test_what_is_in_the_trash_makes_circles_too(services, caller, save):
    save(A, inner(B))
    result_of(services.playlists.delete(caller, A, forced=False))
    with pytest.raises(BadDocument, match="hold itself"):
        save(B, inner(A))
    result_of(services.playlists.delete(caller, A, forced=True))
    save(B, inner(A))


def test_playlists_are_nested_only_so_deep(services, save):
    gunids = [Gunid.parse(f"{n:016x}") for n in range(0x100, 0x110)]
    save(gunids[0])
    for below, above in itertools.pairwise(gunids):
        save(above, inner(below))
    with pytest.raises(BadDocument, match="deeper than 16"):
        save(A, inner(gunids[-1]))
    with pytest.raises(BadDocument, match="deeper than 16"):
        save(gunids[0], inner("00000000000000ee"))
    save(B, inner(gunids[-2]), inner(gunids[-2]))


def test_a_playlist_is_no_clip_and_a_clip_no_playlist(services, save, high):
    services.store_clip(high, gunid=B)
    save(C)
    with pytest.raises(BadDocument, match="000000000000000c is a playlist"):
        save(A, clip(C))
    with pytest.raises(BadDocument, match="000000000000000b is an audio clip"):
        save(Gunid.parse("0" * 15 + "d"), inner(B))


# -- versions ---------------------------------------------------------------------------------


@pytest.mark.usefixtures("dsn")
def test_old_versions_are_kept_for_a_time(services, save, count):
    for title in "abc":
        save(A, title=title)
    assert count("playlist_revision") == 4
    services.clock.advance(8 * DAY)
    result_of(services.maintenance.tidy())
    assert count("playlist_revision") == 1
    assert count("document") == 1


@pytest.mark.usefixtures("dsn")
def test_nothing_is_left_of_a_playlist_that_is_gone(services, caller, save, edit, count):
    save(A, inner(B))
    token = edit()
    result_of(services.playlists.delete(caller, A, forced=True))
    with pytest.raises(UnknownToken):
        result_of(services.playlists.revert(token))
    result_of(services.maintenance.sweep())
    for table in ("clip", "lease", "playlist_revision", "playlist_link", "document"):
        assert count(table) == 0, table


# -- deleting and describing ------------------------------------------------------------------


def test_a_deleted_playlist_can_be_brought_back(services, caller, save, edit, document, titles):
    save(A, title="one")
    before = document()
    token = edit()
    result_of(services.playlists.delete(caller, A, forced=False))
    assert titles() == []
    assert not result_of(services.playlists.exists(caller, A))
    with pytest.raises(NotFound):
        edit()
    with pytest.raises(UnknownToken):
        result_of(services.playlists.save(caller, token, playlist_xml()))
    with pytest.raises(NotFound):
        result_of(services.playlists.delete(caller, A, forced=False))
    result_of(services.clips.restore(A))
    assert titles() == ["one"]
    assert document() == before
    save(A, title="two")


def test_a_playlist_with_a_title_of_its_root_only_is_found_after_a_restore(
    services, caller, create, edit, titles
):
    create()
    xml = f'<playlist id="{A}" title="root"/>'
    result_of(services.playlists.save(caller, edit(), xml))
    result_of(services.playlists.delete(caller, A, forced=False))
    result_of(services.clips.restore(A))
    assert titles() == ["root"]


def test_a_deleted_playlist_can_be_made_anew(services, caller, save, create, document, titles):
    save(A, title="old")
    result_of(services.playlists.delete(caller, A, forced=False))
    create()
    assert titles() == [""]
    save(A, title="new")


def test_each_kind_is_deleted_by_its_own_call(services, caller, save, high):
    services.store_clip(high, gunid=B)
    save(A)
    for forced in (False, True):
        with pytest.raises(Conflict, match="is a playlist"):
            result_of(services.clips.delete(caller, A, forced=forced))
        with pytest.raises(Conflict, match="is an audio clip"):
            result_of(services.playlists.delete(caller, B, forced=forced))
    assert result_of(services.playlists.exists(caller, A))
    assert result_of(services.clips.exists(caller, B))


def test_to_remove_what_is_not_there_is_no_error(services, caller):
    result_of(services.playlists.delete(caller, A, forced=True))
    with pytest.raises(NotFound):
        result_of(services.playlists.delete(caller, A, forced=False))


def test_a_playlist_gets_other_metadata(services, caller, save, document, titles):
    save(A, clip(B), title="old")
    xml = "<audioClip><metadata><dc:title>new</dc:title></metadata></audioClip>"
    result_of(services.clips.describe(caller, A, xml))
    assert titles() == ["new"]
    assert 'title="new"' in document()
    assert f'<audioClip id="{B}"' in document()
    result_of(services.clips.describe(caller, A, document().replace("new", "newer")))
    assert titles() == ["newer"]


def test_metadata_changes_nothing_else(services, caller, save, edit, document):
    save(A, clip(B))
    before = document()
    for xml in (
        before.replace(str(B), str(C)),
        "<smil><metadata/></smil>",
        "<audioClip><metadata><ls:genre>x</ls:genre></metadata></audioClip>",
        "<playlist",
    ):
        with pytest.raises(BadDocument):
            result_of(services.clips.describe(caller, A, xml))
    edit()
    with pytest.raises(Conflict, match="being changed"):
        result_of(services.clips.describe(caller, A, before))
    assert document() == before


def test_an_editor_who_is_gone_is_shown_the_door(services, caller, create, edit, cursor):
    create()
    token = edit()
    cursor.execute("UPDATE lease SET user_id = NULL WHERE token = %s", (token,))
    with pytest.raises(Conflict, match="a user who is gone"):
        edit()
    assert [found.gunid for found in result_of(services.playlists.edits())] == [A]
    assert result_of(services.playlists.unlock(A)).token == token
    with pytest.raises(NotFound):
        result_of(services.playlists.unlock(A))
    edit()


def test_leases_of_playlists_are_closed_by_their_own_calls(services, caller, create, edit):
    create()
    token = edit()
    for kind in (LeaseKind.PLAYLIST, LeaseKind.DOCUMENT, LeaseKind.FILE):
        with pytest.raises(WrongToken):
            result_of(services.downloads.close(token, kind))


def test_audio_is_not_stored_over_a_playlist(services, caller, create, low):
    upload = result_of(services.clips.start_upload(caller, A, "", "a.wav", ""))
    services.send(upload.token, low)
    create()
    with pytest.raises((Conflict, BadDocument)):
        result_of(services.clips.finish_upload(caller, upload.token))
    assert result_of(services.playlists.exists(caller, A))
    with pytest.raises(Conflict):
        result_of(services.clips.start_upload(caller, A, "", "a.wav", ""))


def test_browsing_shows_what_playlists_are_called(services, caller, save):
    save(A, title="evening")
    criteria = Criteria.build(file_type="all")
    assert result_of(services.search.browse(caller, "dc:title", criteria)).values == ("evening",)
    (hit,) = result_of(services.search.find(caller, criteria)).hits
    assert (hit.file_type, hit.length) == (FileType.PLAYLIST, "00:01:00.000000")
