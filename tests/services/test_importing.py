import hashlib
import resource
import tarfile

import pytest
from services.transfers import (
    clip,
    deny,
    document,
    element,
    find,
    packed,
    read,
    save,
    sub,
    unpacked,
)
from support import result_of

from archive_server.database import documents
from archive_server.errors import (
    BadDocument,
    Conflict,
    Forbidden,
    RefusedArchive,
    RefusedAudio,
    Unavailable,
    UnknownToken,
    WrongToken,
)
from archive_server.model.clips import ClipState, FileType
from archive_server.model.gunid import Gunid
from archive_server.model.leases import LeaseKind
from archive_server.model.playlist_archives import ListType
from archive_server.model.playlists import Playlist
from archive_server.model.rights import Action
from archive_server.model.users import Role

CLIP = Gunid.parse("00000000000000a1")
UUID = Gunid.parse("01234567-89ab-7def-8123-456789abcdef")
STREAM = Gunid.parse("00000000000000c1")
MAIN = Gunid.parse("00000000000000b1")
INNER = Gunid.parse("00000000000000b2")

commits = pytest.mark.usefixtures("dsn")


def clip_document(title="A clip"):
    return f"<audioClip><metadata><dc:title>{title}</dc:title></metadata></audioClip>".encode()


def xml(services, gunid):
    found = find(services, gunid)
    return result_of(services.database.run(documents.xml, found.document_id))


def without_time(text):
    """A document but for its ls:mtime, which an import renews."""
    before, _, after = text.partition("<ls:mtime>")
    return before + after.partition("</ls:mtime>")[2]


def audio(services, gunid):
    file = result_of(services.downloads.current(services.caller(), gunid))
    with file.content:
        return file.content.read()


def export(services, *gunids, list_type=ListType.LSPL, standalone=False):
    caller = services.caller()
    token = result_of(services.exports.open(caller, gunids, list_type, standalone=standalone))
    archive = read(services, token)
    result_of(services.downloads.close(token, LeaseKind.EXPORT))
    return archive


def send(services, archive, md5="", role=Role.MAINTAINER):
    upload = result_of(services.imports.open(services.caller(role), md5))
    services.send(upload.token, archive)
    return upload.token


def imported(services, archive, **more):
    return result_of(services.imports.close(send(services, archive, **more)))


def refused(services, archive, kind=RefusedArchive, **more):
    """The error an import ends with, which must have changed nothing."""
    token = send(services, archive, **more)
    before = everything(services)
    with pytest.raises(kind) as caught:
        result_of(services.imports.close(token))
    assert everything(services) == before
    return caught.value


def everything(services):
    """All rows that a refused import must leave alone, and what is in the store."""
    tables = ("clip", "revision", "document", "lease", "upload", "journal", "search_shown")
    found = []
    with services.database.connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"SELECT count(*) FROM {table}")
            found.append(cursor.fetchone())
        cursor.execute("SELECT gunid, document_id, revision, state, mtime FROM clip ORDER BY gunid")
        found.append(cursor.fetchall())
    staged = sorted(token for token, _ in services.store.staged_tokens())
    return found, staged, list(services.store.contents())


@pytest.fixture
def files(high):
    """What a good archive holds: a playlist of one clip."""
    playlist = document(MAIN, element(1, clip(CLIP, "00:00:00.500000"))).encode()
    return {
        "exportedPlaylist.lspl": playlist,
        f"playlist/{MAIN}.lspl": playlist,
        f"audioClip/{CLIP}.wav": high,
        f"audioClip/{CLIP}.xml": clip_document(),
    }


@pytest.fixture
def main(services, high, low):
    """A playlist of a clip, a webstream, and a playlist with another clip."""
    services.store_clip(high, gunid=CLIP, document=clip_document("One &amp; only").decode())
    services.store_clip(low, gunid=UUID)
    result_of(
        services.webstreams.store(
            services.caller(), STREAM, "", "stream.xml", "http://radio.example/live?a=1&b=2"
        )
    )
    save(services, INNER, document(INNER, element(1, clip(UUID)), title="Inside"))
    fade = '<fadeInfo id="1" fadeIn="0.1" fadeOut="0.2"/>'
    inside = [element(1, clip(CLIP) + fade), element(2, sub(INNER), "0.5")]
    return save(services, MAIN, document(MAIN, *inside, element(3, clip(STREAM), "1.25")))


def delete_all(services):
    for gunid in (MAIN, INNER):
        result_of(services.playlists.delete(services.caller(), gunid, forced=True))
    for gunid in (CLIP, UUID, STREAM):
        result_of(services.clips.delete(services.caller(), gunid, forced=True))


# -- there and back ---------------------------------------------------------------------------


@commits
def test_what_was_exported_deleted_and_imported_is_as_it_was(services, main, high, low):
    archive = export(services, main)
    before = {gunid: xml(services, gunid) for gunid in (MAIN, INNER, CLIP, UUID, STREAM)}
    delete_all(services)
    result_of(services.maintenance.tidy())
    assert list(services.store.contents()) == []
    assert imported(services, archive, md5=hashlib.md5(archive).hexdigest()) == MAIN
    assert audio(services, CLIP) == high
    assert audio(services, UUID) == low
    for gunid, document_before in before.items():
        assert without_time(xml(services, gunid)) == without_time(document_before)
    assert find(services, STREAM).file_type is FileType.WEBSTREAM
    # And what is exported then is the same again.
    again = unpacked(export(services, main))
    assert again.keys() == unpacked(archive).keys()


@pytest.mark.parametrize("list_type", [ListType.SMIL, ListType.M3U])
def test_playlists_for_players_become_playlists_again(services, main, list_type):
    archive = export(services, main, list_type=list_type)
    playlists = {gunid: Playlist.parse(xml(services, gunid)) for gunid in (MAIN, INNER)}
    delete_all(services)
    assert imported(services, archive) == MAIN
    for gunid, before in playlists.items():
        after = Playlist.parse(xml(services, gunid))
        assert [item.offset_us for item in after.items] == [
            item.offset_us for item in before.items
        ] or list_type is ListType.M3U
        for was, item in zip(before.items, after.items, strict=True):
            if was.gunid != STREAM:
                assert (item.kind, item.gunid) == (was.kind, was.gunid)
            else:
                assert item.uri == "http://radio.example/live?a=1&b=2"
            if list_type is ListType.SMIL and was.fade:
                assert item.fade.fade_in_us == was.fade.fade_in_us
                assert item.fade.fade_out_us == was.fade.fade_out_us


def test_an_m3u_plays_one_after_the_other(services, high, low):
    text = f"#EXTM3U\n#EXTINF: 9, x\n../audioClip/{CLIP}.wav\n../audioClip/{UUID}.wav\n"
    archive = packed(
        {
            f"playlist/{MAIN}.m3u": text.encode(),
            f"audioClip/{CLIP}.wav": high,
            f"audioClip/{UUID}.wav": low,
        }
    )
    assert imported(services, archive) == MAIN
    playlist = Playlist.parse(xml(services, MAIN))
    assert [item.offset_us for item in playlist.items] == [0, 500_000]
    assert [item.length_us for item in playlist.items] == [500_000, 750_000]
    assert playlist.length_us == 1_250_000


def test_importing_twice_is_no_error(services, files):
    for _ in range(2):
        assert imported(services, packed(files)) == MAIN


# -- what is there already --------------------------------------------------------------------


@commits
def test_clips_replace_and_readers_go_on(services, files, high, low):
    services.store_clip(low, gunid=CLIP, document=clip_document("before").decode())
    lease = result_of(services.downloads.open_audio(services.caller(), CLIP))
    imported(services, packed(files))
    assert audio(services, CLIP) == high
    assert "A clip" in xml(services, CLIP)
    file = result_of(services.downloads.leased(lease.token, "wav"))
    with file.content:
        assert file.content.read() == low


def test_playlists_that_are_there_stay_as_they_are(services, files, high):
    services.store_clip(high, gunid=CLIP)
    save(services, MAIN, document(MAIN, title="ours"))
    before = xml(services, MAIN)
    assert imported(services, packed(files)) == MAIN
    assert xml(services, MAIN) == before


def test_what_was_in_the_trash_comes_back(services, files):
    imported(services, packed(files))
    result_of(services.playlists.delete(services.caller(), MAIN, forced=False))
    result_of(services.clips.delete(services.caller(), CLIP, forced=False))
    imported(services, packed(files))
    assert find(services, MAIN).state is ClipState.READY
    assert find(services, CLIP).state is ClipState.READY


def test_playlists_may_hold_what_only_our_archive_has(services, files, high):
    services.store_clip(high, gunid=CLIP)
    del files[f"audioClip/{CLIP}.wav"], files[f"audioClip/{CLIP}.xml"]
    assert imported(services, packed(files)) == MAIN


def test_the_owner_is_who_began_the_import(services, files):
    imported(services, packed(files), role=Role.ADMIN)
    assert find(services, CLIP).owner == find(services, MAIN).owner == Role.ADMIN


# -- which playlist it is about ---------------------------------------------------------------


def playlists_of(*names):
    return {f"playlist/{gunid}.lspl": document(gunid, title=str(gunid)).encode() for gunid in names}


def test_the_main_playlist_is_the_topmost_file(services):
    files = playlists_of(MAIN, INNER)
    for gunid in (MAIN, INNER):
        topmost = {"exportedPlaylist.lspl": files[f"playlist/{gunid}.lspl"]}
        assert imported(services, packed(topmost | files)) == gunid
        # As archives of spring 2006 have it.
        assert (
            imported(
                services, packed(files | {f"{gunid}.lspl": b"<playlist id='0000000000000000'/>"})
            )
            == gunid
        )


def test_or_else_the_one_that_no_other_holds(services):
    files = playlists_of(INNER) | {
        f"playlist/{MAIN}.lspl": document(MAIN, element(1, sub(INNER))).encode()
    }
    assert imported(services, packed(files)) == MAIN


# -- archives of the original -----------------------------------------------------------------


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
def test_archives_of_the_original_are_read(services, high, low, form):
    """As the PHP server packed them: paths with a dot, its own file names, odd root ids."""
    other = Gunid.parse("0000000000010002")
    playlist = (
        '<?xml version="1.0" encoding="utf-8"?>\n<playlist id="0e22c20310212a51" '
        'title="embedded" playlength="00:00:01.250000">\n'
        f'<playlistElement id="1" relativeOffset="0"><playlist id="{INNER}"/></playlistElement>\n'
        f'<playlistElement id="2" relativeOffset="00:00:00.500000"><audioClip id="{other}"/>'
        "</playlistElement>\n"
        '<metadata xmlns="http://mdlf.org/livesupport/elements/1.0/">'
        "<dc:title>embedded</dc:title></metadata></playlist>"
    ).encode()
    # Not escaped, as the C++ client writes it.
    inner = document(INNER, element(1, clip(CLIP, title="Rock & Roll"))).encode()
    archive = packed(
        {
            f"./audioClip/{CLIP}.wav": high,
            f"./audioClip/{CLIP}.xml": b'<?xml version="1.0"?>' + clip_document(),
            f"./audioClip/{other}.WAV": low,
            f"./audioClip/{other}.xml": clip_document("two"),
            f"./playlist/{INNER}.xml": inner,
            f"./playlist/{MAIN}.xml": playlist,
            "./exportedPlaylist.xml": playlist,
        },
        form,
    )
    assert imported(services, archive) == MAIN
    assert audio(services, other) == low
    (item,) = Playlist.parse(xml(services, INNER)).items
    assert item.title == "Rock & Roll"


def test_smil_with_the_name_of_a_constant_for_a_path_is_understood(services, high):
    smil = (
        '<smil xmlns="http://www.w3.org/2001/SMIL20/Language"><body><par>'
        f'<audio src="AC_URL_RELPATH{CLIP}.wav" begin="1.5s"/> <!-- audioClip -->'
        "</par></body></smil>"
    ).encode()
    archive = packed({f"playlist/{MAIN}.smil": smil, f"audioClip/{CLIP}.wav": high})
    assert imported(services, archive) == MAIN
    (item,) = Playlist.parse(xml(services, MAIN)).items
    assert (item.gunid, item.offset_us, item.length_us) == (CLIP, 1_500_000, 500_000)


# -- what is refused, by name, and changes nothing --------------------------------------------


def test_other_bytes_than_announced_are_refused_and_can_be_sent_again(services, files):
    archive = packed(files)
    token = send(services, archive[:-512], md5=hashlib.md5(archive).hexdigest())
    with pytest.raises(RefusedArchive) as caught:
        result_of(services.imports.close(token))
    assert caught.value.reason == "md5-mismatch"
    services.send(token, archive)
    assert result_of(services.imports.close(token)) == MAIN


@pytest.mark.parametrize(
    ("name", "body", "kind", "said"),
    [
        (f"audioClip/{CLIP}.wav", b"RIFF no audio", RefusedAudio, f"{CLIP}.wav"),
        (f"audioClip/{CLIP}.wav", b"", RefusedAudio, "no bytes"),
        (f"audioClip/{CLIP}.xml", b"<audioClip><metadata>", BadDocument, f"{CLIP}.xml"),
        (f"audioClip/{CLIP}.xml", b"<playlist/>", BadDocument, f"{CLIP}.xml"),
        (f"audioClip/{CLIP}.mp3", b"ID3", RefusedArchive, "twice"),
        (f"audioClip/{UUID}.xml", clip_document(), RefusedArchive, "its audio is not there"),
        (f"playlist/{MAIN}.lspl", b"<playlist/>", BadDocument, "attribute id"),
        (f"playlist/{INNER}.lspl", b"<smil/>", BadDocument, f"{INNER}.lspl"),
        (f"playlist/{INNER}.smil", b"<playlist/>", BadDocument, "smil expected"),
        (f"playlist/{INNER}.m3u", b"song.mp3", RefusedArchive, "names no clip"),
        (f"playlist/{INNER}.exe", b"", RefusedArchive, "does not belong"),
        ("audioClip/song.wav", b"", RefusedArchive, "does not belong"),
        ("meta-inf/storage.xml", b"<storage/>", RefusedArchive, "does not belong"),
        ("other.lspl", b"<playlist id='0000000000000001'/>", RefusedArchive, "in no directory"),
        (f"playlist/{CLIP}.lspl", document(CLIP).encode(), RefusedArchive, "and a playlist"),
        (
            f"playlist/{INNER}.lspl",
            document(INNER, element(1, clip(UUID))).encode(),
            RefusedArchive,
            f"{UUID}, which is neither",
        ),
        (
            f"playlist/{INNER}.lspl",
            document(INNER, element(1, clip(MAIN))).encode(),
            RefusedArchive,
            "as if it were no playlist",
        ),
        (
            f"playlist/{INNER}.lspl",
            document(INNER, element(1, sub(INNER))).encode(),
            RefusedArchive,
            "would hold itself",
        ),
        (
            f"playlist/{INNER}.lspl",
            f"<playlist id='{INNER}'><metadata><x:y>z</x:y></metadata></playlist>".encode(),
            BadDocument,
            "x:y",
        ),
        (
            f"audioClip/{STREAM}.xml",
            b"<audioClip><metadata><ls:url>file:///etc</ls:url></metadata></audioClip>",
            BadDocument,
            f"webstream {STREAM}",
        ),
    ],
)
def test_one_bad_file_is_enough_to_refuse_all(services, files, name, body, kind, said):
    error = refused(services, packed(files | {name: body}), kind)
    assert said in str(error)


def test_an_archive_without_playlists_is_refused(services, files):
    del files[f"playlist/{MAIN}.lspl"]
    assert refused(services, packed(files)).reason == "no-playlist"
    assert refused(services, packed({})).reason == "no-playlist"
    assert refused(services, b"no tar at all" * 100).reason == "not-tar"


def test_playlists_that_hold_each_other_are_refused(services):
    archive = packed(
        {
            f"playlist/{MAIN}.lspl": document(MAIN, element(1, sub(INNER))).encode(),
            f"playlist/{INNER}.lspl": document(INNER, element(1, sub(MAIN))).encode(),
        }
    )
    assert refused(services, archive).reason == "circle"


def test_a_circle_through_a_playlist_of_ours_is_refused(services):
    save(services, INNER, document(INNER, element(1, sub(MAIN))))
    archive = packed({f"playlist/{MAIN}.lspl": document(MAIN, element(1, sub(INNER))).encode()})
    refused(services, archive, BadDocument)


def test_an_id_that_is_something_else_here_is_refused(services, files, high):
    save(services, CLIP, document(CLIP))
    refused(services, packed(files), Conflict)
    result_of(services.playlists.delete(services.caller(), CLIP, forced=True))
    services.store_clip(high, gunid=MAIN)
    refused(services, packed(files), Conflict)


def test_an_archive_of_too_many_or_too_large_files_is_refused(services, files):
    many = {f"audioClip/{number:016x}.wav": b"" for number in range(200)}
    assert refused(services, packed(files | many)).reason == "too-many-members"
    large = files | {f"audioClip/{CLIP}.xml": clip_document() + b" " * 5 * 2**20}
    refused(services, packed(large), BadDocument)


def test_a_clip_that_may_not_be_changed_is_not_replaced(services, files, low):
    services.store_clip(low, gunid=CLIP)
    deny(services, Role.MAINTAINER, Action.WRITE, CLIP)
    refused(services, packed(files), Forbidden)
    assert audio(services, CLIP) == low


def test_who_has_no_home_cannot_import(services):
    with pytest.raises(Forbidden):
        result_of(services.imports.open(services.caller(Role.CLIENT), ""))


def test_nothing_sent_is_nothing_imported(services):
    token = result_of(services.imports.open(services.caller(), "")).token
    with pytest.raises(RefusedArchive, match="no bytes"):
        result_of(services.imports.close(token))


# -- tokens -----------------------------------------------------------------------------------


def test_a_token_is_good_for_one_import(services, files):
    token = send(services, packed(files))
    result_of(services.imports.close(token))
    for _ in range(2):
        with pytest.raises(UnknownToken):
            result_of(services.imports.close(token))
    assert list(services.store.staged_tokens()) == []


def test_a_token_for_something_else_imports_nothing(services, main):
    caller = services.caller()
    upload = result_of(services.clips.start_upload(caller, None, "", "a.wav", ""))
    lease = result_of(services.exports.open(caller, [main], ListType.LSPL, standalone=True))
    for token in (upload.token, lease):
        with pytest.raises(WrongToken):
            result_of(services.imports.close(token))
    token = result_of(services.imports.open(caller, "")).token
    with pytest.raises(WrongToken):
        result_of(services.clips.finish_upload(caller, token))
    with pytest.raises(WrongToken):
        result_of(services.downloads.close(token, LeaseKind.EXPORT))


# -- crashes ----------------------------------------------------------------------------------


@commits
def test_a_crash_between_publishing_and_commit_changes_nothing(services, files, high, low):
    services.store_clip(low, gunid=CLIP)
    token = send(services, packed(files))
    with services.database.connection.cursor() as cursor:
        # The last thing the transaction does, with the clips' files in their places already.
        cursor.execute(
            """
            CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION 'power cut'; END $$;
            CREATE TRIGGER fail BEFORE INSERT ON playlist_revision EXECUTE FUNCTION fail();
            """
        )
    services.database.connection.commit()
    with pytest.raises(Exception, match="power cut"):
        result_of(services.imports.close(token))
    assert audio(services, CLIP) == low
    assert find(services, MAIN) is None
    assert len(list(services.store.contents())) == 2
    with services.database.connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER fail ON playlist_revision")
    services.database.connection.commit()
    assert result_of(services.imports.close(token)) == MAIN
    assert audio(services, CLIP) == high


def test_while_the_store_is_away_an_import_is_told_to_come_back(services, files, tmp_path):
    token = send(services, packed(files))
    (tmp_path / "store").rename(tmp_path / "elsewhere")
    with pytest.raises(Unavailable):
        result_of(services.imports.close(token))
    (tmp_path / "elsewhere").rename(tmp_path / "store")
    assert result_of(services.imports.close(token)) == MAIN


def test_more_clips_than_files_can_be_open_are_refused_before_their_audio(
    services, files, monkeypatch
):
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1, 1))
    error = refused(services, packed(files))
    assert error.reason == "too-many-clips"
    assert "clips, of which this server can take 0 at once" in str(error)
