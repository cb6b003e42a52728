import subprocess
from datetime import timedelta

import pytest
from services.transfers import (
    clip,
    deny,
    document,
    element,
    find,
    opened,
    read,
    save,
    sub,
    unpacked,
)
from support import needs_tool, result_of

from archive_server.errors import BadRequest, Forbidden, NotFound, Unavailable, UnknownToken
from archive_server.model.gunid import Gunid
from archive_server.model.leases import LeaseKind
from archive_server.model.playlist_archives import ListType
from archive_server.model.rights import Action
from archive_server.model.users import Role

MAIN = Gunid.parse("00000000000000b1")
INNER = Gunid.parse("00000000000000b2")
LONE = Gunid.parse("00000000000000b3")

removes_content = pytest.mark.usefixtures("dsn")


@pytest.fixture
def one(services, high):
    return services.store_clip(high, gunid=Gunid.parse("00000000000000a1"), file_name="one.wav")


@pytest.fixture
def two(services, low):
    return services.store_clip(low, file_name="two.wav")  # a UUID


@pytest.fixture
def main(services, one, two):
    """A playlist of a clip and of a playlist, in which there are two clips."""
    fade = '<fadeInfo id="f" fadeIn="0.1" fadeOut="0.2"/>'
    save(services, INNER, document(INNER, element(1, clip(two)), element(2, clip(one), "1.5")))
    return save(
        services,
        MAIN,
        document(
            MAIN,
            element(1, clip(one, "00:00:00.500000", "first") + fade),
            element(2, sub(INNER), "0.5"),
        ),
    )


def export(services, *gunids, list_type=ListType.LSPL, standalone=False, role=Role.CLIENT):
    return result_of(
        services.exports.open(services.caller(role), gunids, list_type, standalone=standalone)
    )


def xml_of(services, gunid, cursor):
    cursor.execute(
        "SELECT xml FROM document JOIN clip USING (document_id) WHERE gunid = %s", (gunid.uuid,)
    )
    return cursor.fetchone()[0].encode()


def test_an_archive_has_the_playlists_and_clips_by_their_names(
    services, main, one, two, high, low, cursor
):
    files = unpacked(read(services, export(services, main)))
    assert files == {
        "exportedPlaylist.lspl": xml_of(services, main, cursor),
        f"playlist/{main}.lspl": xml_of(services, main, cursor),
        f"playlist/{INNER}.lspl": xml_of(services, INNER, cursor),
        f"audioClip/{one}.wav": high,
        f"audioClip/{one}.xml": xml_of(services, one, cursor),
        f"audioClip/{two}.wav": low,
        f"audioClip/{two}.xml": xml_of(services, two, cursor),
    }
    assert len(str(two)) == 36


def test_a_standalone_archive_has_no_clips(services, main):
    files = unpacked(read(services, export(services, main, standalone=True)))
    assert list(files) == [
        "exportedPlaylist.lspl",
        f"playlist/{main}.lspl",
        f"playlist/{INNER}.lspl",
    ]


def test_of_several_playlists_none_is_the_topmost(services, main, one):
    save(services, LONE, document(LONE, element(1, clip(one))))
    files = unpacked(read(services, export(services, main, LONE, main)))
    assert [name for name in files if "/" not in name] == []
    assert f"playlist/{LONE}.lspl" in files
    # The same one asked for twice is one.
    assert "exportedPlaylist.lspl" in unpacked(read(services, export(services, LONE, LONE)))


def test_smil_has_paths_that_are_right_where_it_lies(services, main, one, two):
    files = unpacked(read(services, export(services, main, list_type=ListType.SMIL)))
    inner = files[f"playlist/{INNER}.smil"].decode()
    assert f'src="../audioClip/{two}.wav" begin="0s"' in inner
    assert f'src="../audioClip/{one}.wav" begin="1.5s"' in inner
    outer = files[f"playlist/{main}.smil"].decode()
    assert f'src="../playlist/{INNER}.smil" begin="0.5s"' in outer
    assert 'from="0%" to="100%" calcMode="linear" begin="0s" end="0.1s"' in outer
    assert 'from="100%" to="0%" calcMode="linear" begin="0.3s" end="0.5s"' in outer
    topmost = files["exportedPlaylist.smil"].decode()
    assert topmost == outer.replace("../", "")
    for name in (f"audioClip/{one}.wav", f"playlist/{INNER}.smil"):
        assert f'src="{name}"' in topmost
        assert name in files


def test_m3u_has_titles_and_whole_seconds(services, main, one):
    files = unpacked(read(services, export(services, main, list_type=ListType.M3U)))
    assert files["exportedPlaylist.m3u"].decode().splitlines() == [
        "#EXTM3U",
        "#EXTINF: 1, first",
        f"audioClip/{one}.wav",
        "#EXTINF: 10, A & B",
        f"playlist/{INNER}.m3u",
    ]
    assert f"../audioClip/{one}.wav" in files[f"playlist/{main}.m3u"].decode()


def test_an_archive_that_is_gathered_twice_has_what_is_there_the_second_time(
    services, main, one, monkeypatch
):
    class Deadlock(Exception):
        """What ends a transaction that is tried again."""

    def in_vain(cursor, work, *args, **more):
        work(cursor, *args, **more)
        raise Deadlock

    def at_second_try(*args, **more):
        monkeypatch.undo()
        with pytest.raises(Deadlock):
            result_of(services.database.run(in_vain, *args, **more))
        save(services, main, document(main, element(1, clip(one)), title="newer"))
        return services.database.run(*args, **more)

    caller = services.caller(Role.CLIENT)
    monkeypatch.setattr(services.database, "run", at_second_try)
    opening = services.exports.open(caller, [main], ListType.LSPL, standalone=True)
    files = unpacked(read(services, result_of(opening)))
    assert list(files) == ["exportedPlaylist.lspl", f"playlist/{main}.lspl"]
    assert b"newer" in files["exportedPlaylist.lspl"]


@removes_content
def test_an_open_archive_stays_as_it_is_whatever_happens(services, main, one, two, low):
    token = export(services, main)
    before = read(services, token)
    services.store_clip(low, gunid=one)
    save(services, main, document(main, title="other"))
    result_of(services.clips.delete(services.caller(), two, forced=True))
    for _ in range(3):
        services.clock.advance(timedelta(hours=23))
        result_of(services.maintenance.tidy())
        result_of(services.maintenance.sweep())
        assert read(services, token, block=70_000) == before


@removes_content
def test_what_an_archive_has_kept_goes_with_it(services, main, one, two):
    token = export(services, main)
    for gunid in (one, two):
        result_of(services.clips.delete(services.caller(), gunid, forced=True))
    result_of(services.maintenance.tidy())
    assert len(list(services.store.contents())) == 2
    assert result_of(services.downloads.close(token, LeaseKind.EXPORT)) == main
    result_of(services.maintenance.tidy())
    assert list(services.store.contents()) == []
    with pytest.raises(UnknownToken):
        opened(services, token)
    with services.database.connection.cursor() as cursor:
        cursor.execute("SELECT (SELECT count(*) FROM export_member), (SELECT count(*) FROM lease)")
        assert cursor.fetchone() == (0, 0)


def test_every_part_is_that_slice_of_the_whole(services, main):
    token = export(services, main)
    whole = read(services, token)
    archive = opened(services, token)
    for start in range(0, len(whole), 777):
        for length in (1, 512, 5000):
            part = range(start, min(start + length, len(whole)))
            assert result_of(archive.read(part)) == whole[part.start : part.stop]
    result_of(archive.close())


def test_closing_an_export_ends_what_is_being_read(services, main):
    token = export(services, main)
    archive = opened(services, token)
    result_of(archive.read(range(2000)))
    result_of(services.downloads.close(token, LeaseKind.EXPORT))
    with pytest.raises(UnknownToken):
        result_of(archive.read(range(2000)))
    result_of(archive.close())


@needs_tool("tar")
def test_gnu_tar_unpacks_it_without_complaint(services, main, high, one, tmp_path):
    (tmp_path / "export.tar").write_bytes(read(services, export(services, main)))
    command = ["tar", "-xf", "export.tar"]
    done = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    assert done.stderr == b""
    assert (tmp_path / f"audioClip/{one}.wav").read_bytes() == high


def test_what_is_not_there_cannot_be_exported(services, main, one, two):
    for gunid in (LONE, one):
        with pytest.raises(NotFound, match=str(gunid)):
            export(services, gunid)
    with pytest.raises(BadRequest):
        export(services)
    result_of(services.clips.delete(services.caller(), two, forced=False))
    with pytest.raises(NotFound, match=str(two)):
        export(services, main)
    with pytest.raises(NotFound, match=str(two)):
        export(services, main, standalone=True)


def test_a_playlist_that_is_only_written_in_another_is_exported(services, main, one):
    inside = element(1, clip(one))
    save(services, MAIN, document(MAIN, element(1, sub(LONE, inside))))
    files = unpacked(read(services, export(services, MAIN, list_type=ListType.SMIL)))
    assert f"audioClip/{one}.wav" in files[f"playlist/{LONE}.smil"].decode()
    assert find(services, LONE) is None


def test_an_export_ends_when_nobody_has_used_it_for_long(services, main):
    token = export(services, main)
    services.clock.advance(timedelta(hours=25))
    with pytest.raises(UnknownToken):
        opened(services, token)


def test_nothing_is_opened_whose_audio_is_not_there(services, main, one, cursor):
    path = services.store.path(next(iter(services.store.contents())))
    path.rename(path.with_suffix(".away"))
    with pytest.raises(Unavailable):
        export(services, main)
    cursor.execute("SELECT count(*) FROM lease")
    assert cursor.fetchone() == (0,)
    export(services, main, standalone=True)


@pytest.mark.parametrize("hidden", ["main", "one", "two"])
def test_who_may_not_read_all_of_it_may_not_export(services, request, main, hidden):
    deny(services, Role.CLIENT, Action.READ, request.getfixturevalue(hidden))
    with pytest.raises(Forbidden):
        export(services, main)
    export(services, main, role=Role.MAINTAINER)
