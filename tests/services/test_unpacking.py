import hashlib
import tarfile
import tracemalloc
from dataclasses import replace
from datetime import timedelta

import pytest
from services.packed import (
    ALL,
    backup,
    delete_everything,
    packed,
    restore,
    restored,
    shown,
    unpacked,
    work_off,
)
from services.transfers import clip, deny, document, element, find, save, sub
from support import result_of

from archive_server.database import uploads
from archive_server.errors import (
    Forbidden,
    RefusedArchive,
    UnknownToken,
    UploadBusy,
    WrongToken,
)
from archive_server.model.gunid import Gunid
from archive_server.model.jobs import JobCancelled
from archive_server.model.rights import Action, Scope
from archive_server.model.search import Criteria
from archive_server.model.users import Role
from archive_server.services.packed_items import BackupContents
from archive_server.services.unpacking_items import Failure, Restored

ONE = Gunid.parse("00000000000000a1")
TWO = Gunid.parse("00000000000000a2")
STREAM = Gunid.parse("f000000000000001")
INNER = Gunid.parse("00000000000000b1")
OUTER = Gunid.parse("00000000000000b2")
COWBELL = Gunid.parse("7c215b48a9c827e6")

DAY = timedelta(days=1)
STREAM_DOCUMENT = (
    "<audioClip><metadata><dc:title>News</dc:title><ls:url>http://localhost/y</ls:url>"
    "<dcterms:extent>01:00:00.000000</dcterms:extent></metadata></audioClip>"
)
# As LiveSupport wrote them: no encoding in the declaration, and the namespaces of its time.
OLD_DOCUMENT = b"""<?xml version="1.0"?>
<audioClip>
  <metadata xmlns="http://mdlf.org/livesupport/elements/1.0/"
            xmlns:ls="http://mdlf.org/livesupport/elements/1.0/"
            xmlns:dc="http://purl.org/dc/elements/1.1/"
            xmlns:dcterms="http://purl.org/dc/terms/"
            xmlns:xml="http://www.w3.org/XML/1998/namespace">
    <dc:title>More cowbell</dc:title>
    <dcterms:extent>00:00:00.500000</dcterms:extent>
    <dc:creator>J\xc3\xa1nos K\xc5\x91bor</dc:creator>
  </metadata>
</audioClip>
"""
NOTE = b'<?xml version="1.0"?><storage type="backup" version="1.0" ctime="1146000000" />'


def titled(title):
    return f"<audioClip><metadata><dc:title>{title}</dc:title></metadata></audioClip>"


def cowbell(audio, **more):
    """A backup as the original made them."""
    return {
        "./meta-inf/storage.xml": NOTE,
        "./meta-inf/scheduler.xml": b"<scheduler/>",
        f"./audioClip/{str(COWBELL).upper()}": audio,
        f"./audioClip/{str(COWBELL).upper()}.xml": OLD_DOCUMENT,
        **more,
    }


@pytest.fixture
def stocked(services, high, low):
    """An archive with two clips, a webstream, and a playlist within a playlist."""
    services.store_clip(high, gunid=ONE, document=titled("one"), file_name="one.wav")
    services.store_clip(low, gunid=TWO, document=titled("two"), file_name="two.wav")
    result_of(services.webstreams.store(services.caller(), STREAM, STREAM_DOCUMENT, "n.xml", ""))
    save(services, INNER, document(INNER, element(1, clip(ONE)), title="inner"))
    items = element(2, clip(TWO)), element(3, sub(INNER), "10"), element(4, clip(STREAM), "20")
    save(services, OUTER, document(OUTER, *items, title="outer"))
    return services


def rows(services, *tables):
    """How many rows there are."""
    found = []
    with services.database.connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"SELECT count(*) FROM {table}")
            found += cursor.fetchone()
    return found


def sent(services, archive, md5="", caller=None):
    upload = result_of(services.restores.open(caller or services.caller(), md5))
    services.send(upload.token, archive)
    return upload.token


# -- what comes back ----------------------------------------------------------------------------


def test_what_was_backed_up_and_deleted_comes_back_as_it_was(stocked):
    before = shown(stocked)
    archive = backup(stocked)
    delete_everything(stocked)
    assert shown(stocked) == {}
    assert restore(stocked, archive).status == "success"
    assert shown(stocked) == before
    assert unpacked(backup(stocked)).keys() == unpacked(archive).keys()
    page = result_of(stocked.search.find(stocked.caller(), Criteria.build(file_type="audioclip")))
    assert [hit.gunid for hit in page.hits] == [ONE, TWO]


def test_restoring_twice_changes_nothing(stocked):
    archive = backup(stocked)
    delete_everything(stocked)
    assert restored(stocked, archive).restored == 5
    before, counts = shown(stocked), rows(stocked, "journal", "revision", "playlist_revision")
    again = restored(stocked, archive)
    assert (again.restored, again.unchanged, again.failures) == (0, 5, ())
    assert shown(stocked) == before
    assert rows(stocked, "journal", "revision", "playlist_revision") == counts


def test_what_was_changed_since_becomes_what_it_was(stocked, low):
    before = shown(stocked)
    archive = backup(stocked)
    caller = stocked.caller()
    stocked.store_clip(low, gunid=ONE)
    result_of(stocked.clips.describe(caller, TWO, titled("another")))
    result_of(stocked.playlists.delete(caller, INNER, forced=False))
    save(stocked, OUTER, document(OUTER, title="empty"))
    assert restored(stocked, archive).failures == ()
    assert shown(stocked) == before


def test_a_clip_that_is_replaced_keeps_its_name_and_its_readers(stocked, low, high):
    archive = backup(stocked)
    stocked.store_clip(low, gunid=ONE, file_name="other.wav")
    lease = result_of(stocked.downloads.open_audio(stocked.caller(), ONE))
    restored(stocked, archive)
    assert find(stocked, ONE).file_name == "other.wav"
    file = result_of(stocked.downloads.leased(lease.token, "wav"))
    with file.content:
        assert file.content.read() == low


def test_what_is_new_becomes_the_caller_s_and_has_the_name_its_document_tells(services, high):
    named = titled("x").replace("</metadata>", "<ls:filename>/a/b.wav</ls:filename></metadata>")
    archive = packed(
        {
            f"audioClip/{ONE}": high,
            f"audioClip/{ONE}.xml": named.encode(),
            **cowbell(high),
        }
    )
    caller = services.caller(Role.ADMIN)
    assert restore(services, archive, caller).status == "success"
    assert find(services, ONE).file_name == "b.wav"
    assert find(services, COWBELL).file_name == "More cowbell"
    assert find(services, COWBELL).owner == caller.login


def test_a_backup_of_the_original_is_understood(services, high):
    assert not result_of(services.clips.exists(services.caller(), COWBELL))
    assert restore(services, packed(cowbell(high))).status == "success"
    caller = services.caller()
    assert result_of(services.clips.exists(caller, COWBELL))
    page = result_of(services.search.find(caller, Criteria.build(file_type="audioclip")))
    assert [(hit.gunid, hit.file_type, hit.creator) for hit in page.hits] == [
        (COWBELL, "audioclip", "János Kőbor")
    ]
    assert "mdlf.org/livesupport" in result_of(services.clips.document(caller, COWBELL))
    assert restored(services, packed(cowbell(high))).unchanged == 1


def test_playlists_come_back_in_whatever_order_they_hold_each_other(services):
    # What the archive has and what the backup has would be a circle together.
    save(services, INNER, document(INNER, title="empty"))
    save(services, OUTER, document(OUTER, element(1, sub(INNER)), title="holds"))
    files = {
        f"playlist/{INNER}.xml": document(INNER, element(1, sub(OUTER)), title="holds").encode(),
        f"playlist/{OUTER}.xml": document(OUTER, title="empty").encode(),
    }
    assert restored(services, packed(files)).failures == ()


# -- what does not ------------------------------------------------------------------------------


def test_one_bad_item_does_not_keep_the_others(stocked, high, low):
    archive = unpacked(backup(stocked))
    delete_everything(stocked)
    archive[f"audioClip/{ONE}"] = high[:-100]
    archive[f"audioClip/{TWO}.xml"] = b"<audioClip><metadata>"
    archive[f"playlist/{INNER}.xml"] = b"<playlist/>"
    state = restore(stocked, packed(archive))
    assert state.status == "fault"
    assert state.fault.startswith("3 of 5 items could not be restored: ")
    for name in (f"audioClip/{ONE}.xml", f"audioClip/{TWO}.xml", f"playlist/{INNER}.xml"):
        assert f"{name}: " in state.fault
    assert set(shown(stocked)) == {str(STREAM), str(OUTER)}


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({f"audioClip/{ONE}": b"x"}, "its metadata document is not in the backup"),
        ({f"audioClip/{ONE}.xml": titled("x").encode()}, "its audio is not in the backup"),
        (
            {f"audioClip/{ONE}.xml": titled("x").encode(), f"audioClip/{ONE}": b""},
            "its audio is not in the backup",
        ),
        (
            {f"audioClip/{ONE}.xml": titled("x").encode(), f"audioClip/{ONE}": b"no sound"},
            "is-text",
        ),
        ({f"audioClip/{ONE}.xml": b"<!DOCTYPE x><audioClip/>"}, "document type"),
        ({f"audioClip/{ONE}.xml": b" " * (4 * 2**20 + 1)}, "more than"),
        ({f"audioClip/{ONE}.xml": b"\xff\xfe\0"}, "well-formed"),
        ({f"playlist/{INNER}.xml": titled("x").encode()}, "playlist expected"),
        (
            {
                f"playlist/{INNER}.xml": document(INNER, element(1, sub(OUTER))).encode(),
                f"playlist/{OUTER}.xml": document(OUTER, element(1, sub(INNER))).encode(),
            },
            "would hold itself",
        ),
    ],
)
def test_what_cannot_be_restored_is_named_with_the_reason(services, files, reason):
    found = restored(services, packed(files))
    assert len(found.failures) == 1
    assert found.failures[0].item in files
    assert reason in found.failures[0].reason


def test_an_id_of_something_else_is_not_taken(stocked, high):
    before = shown(stocked)
    found = restored(
        stocked,
        packed(
            {
                f"audioClip/{INNER}": high,
                f"audioClip/{INNER}.xml": titled("x").encode(),
                f"audioClip/{OUTER}.xml": STREAM_DOCUMENT.encode(),
                f"playlist/{ONE}.xml": document(ONE).encode(),
            }
        ),
    )
    assert [each.reason for each in found.failures] == [
        f"{INNER} is a playlist, not an audio clip",
        f"{OUTER} is a playlist, not a webstream",
        f"{ONE} is an audio clip, not a playlist",
    ]
    assert shown(stocked) == before


def test_a_playlist_that_somebody_changes_is_left_to_them(stocked):
    archive = unpacked(backup(stocked))
    archive[f"playlist/{INNER}.xml"] = document(INNER, title="older").encode()
    before = shown(stocked)
    edit = result_of(stocked.playlists.edit(stocked.caller(), INNER))
    found = restored(stocked, packed(archive))
    assert [each.item for each in found.failures] == [f"playlist/{INNER}.xml"]
    assert "is being changed by maintainer" in found.failures[0].reason
    assert shown(stocked) == before
    result_of(stocked.playlists.revert(edit.token))


def test_nobody_restores_what_they_may_not_write(stocked, low):
    archive = backup(stocked)
    stocked.store_clip(low, gunid=ONE)
    before = shown(stocked)
    deny(stocked, Role.MAINTAINER, Action.WRITE, ONE)
    state = restore(stocked, archive)
    assert (state.status, f"may not change {ONE}" in state.fault) == ("fault", True)
    assert shown(stocked) == before
    with pytest.raises(Forbidden):
        result_of(stocked.restores.open(stocked.caller(Role.CLIENT), ""))


def test_a_fault_names_everything_that_could_not_be_restored(services):
    files = {f"audioClip/{n:016x}.xml": titled("x").encode() for n in range(30)}
    fault = restore(services, packed(files)).fault
    assert fault.startswith("30 of 30 items could not be restored: ")
    assert all(name in fault for name in files)


def test_a_fault_of_thousands_counts_those_it_does_not_name():
    fault = Restored(5, 0, tuple(Failure(str(n), "no") for n in range(1010))).fault()
    assert fault.startswith("1010 of 1015 items could not be restored: 0: no; ")
    assert fault.endswith("; 999: no; and 10 more")


def test_the_parts_of_an_item_are_all_or_nothing(stocked, high, low):
    before = shown(stocked)
    archive = unpacked(backup(stocked))
    archive[f"audioClip/{ONE}"] = low[:-1]
    archive[f"audioClip/{ONE}.xml"] = titled("another").encode()
    assert len(restored(stocked, packed(archive)).failures) == 1
    assert shown(stocked) == before


# -- what is no backup --------------------------------------------------------------------------


def hostile(name, kind=tarfile.REGTYPE):
    entry = tarfile.TarInfo(name)
    entry.type = kind
    entry.linkname = "/etc/passwd"
    return entry.tobuf() + bytes(1024)


@pytest.mark.parametrize(
    ("archive", "reason"),
    [
        (b"no tar" * 1000, "not-tar"),
        (packed({"x": b"y" * 9000})[:5000], "cut-off"),
        (packed({}), "no-backup"),
        (packed({"index.html": b"x"}), "no-backup"),
        (hostile("../audioClip/00000000000000a1.xml"), "bad-name"),
        (hostile("/audioClip/00000000000000a1.xml"), "bad-name"),
        (hostile("audioClip/00000000000000a1", tarfile.SYMTYPE), "not-a-file"),
        (hostile("audioClip/00000000000000a1", tarfile.LNKTYPE), "not-a-file"),
        (hostile("audioClip/00000000000000a1", tarfile.CHRTYPE), "not-a-file"),
        (packed({f"playlist/{ONE}": b"x"}), "unexpected-member"),
        (
            packed({"audioClip/00000000000000A1": b"x", "audioClip/00000000000000a1": b"y"}),
            "duplicate-member",
        ),
    ],
)
def test_what_is_no_backup_is_refused_as_a_whole(stocked, archive, reason):
    before = shown(stocked)
    with pytest.raises(RefusedArchive) as caught:
        restored(stocked, archive)
    assert caught.value.reason == reason
    assert shown(stocked) == before
    assert restore(stocked, archive).fault == str(caught.value)


def test_a_document_that_is_nested_too_deep_fails_alone(stocked, high):
    deep = "<a>" * 3000 + "</a>" * 3000
    files = cowbell(high)
    files[f"audioClip/{ONE}"] = high
    files[f"audioClip/{ONE}.xml"] = titled("one").replace("one", deep).encode()
    done = restored(stocked, packed(files))
    assert done.restored == 1
    (failure,) = done.failures
    assert failure.item == f"audioClip/{ONE}.xml"
    assert "nested deeper" in failure.reason


# -- the upload ---------------------------------------------------------------------------------


def test_the_bytes_must_be_those_that_were_announced(services, high):
    archive = packed(cowbell(high))
    caller = services.caller()
    token = sent(services, archive, "0" * 32)
    with pytest.raises(RefusedArchive, match="MD5"):
        result_of(services.restores.finish_upload(caller, token))
    token = sent(services, archive, hashlib.md5(archive).hexdigest())
    result_of(services.restores.finish_upload(caller, token))


@pytest.mark.parametrize("sent_bytes", [None, 0])
def test_nothing_is_no_backup(services, sent_bytes):
    caller = services.caller()
    token = result_of(services.restores.open(caller, "")).token
    if sent_bytes is not None:
        services.send(token, b"")
    with pytest.raises(RefusedArchive) as caught:
        result_of(services.restores.finish_upload(caller, token))
    assert caught.value.reason == "empty"


def test_half_a_backup_is_not_begun_with(services, high):
    caller = services.caller()
    token = result_of(services.restores.open(caller, "")).token
    receiving = result_of(services.uploads.receive(token, 0, 1000))
    result_of(receiving.append(b"x" * 500))
    with pytest.raises(UploadBusy):
        result_of(services.restores.finish_upload(caller, token))
    result_of(receiving.finish())
    with pytest.raises(RefusedArchive, match="500 of 1000"):
        result_of(services.restores.finish_upload(caller, token))


def test_an_upload_is_restored_by_who_began_it_once(services, high):
    token = sent(services, packed(cowbell(high)))
    with pytest.raises(Forbidden):
        result_of(services.restores.finish_upload(services.caller(Role.ADMIN), token))
    restoring = result_of(services.restores.finish_upload(services.caller(), token))
    with pytest.raises(WrongToken):
        result_of(services.restores.finish_upload(services.caller(), token))
    with pytest.raises(WrongToken):
        result_of(services.uploads.receive(token, None, 5))
    work_off(services)
    assert result_of(services.restores.state(restoring)).status == "success"


def test_a_program_that_may_only_read_restores_nothing(services, high):
    token = sent(services, packed(cowbell(high)))
    reader = replace(services.caller(), scope=Scope.READ)
    with pytest.raises(Forbidden, match="scope"):
        result_of(services.restores.finish_upload(reader, token))


def test_a_token_opens_only_what_it_is_for(services, high):
    caller = services.caller()
    of_a_clip = result_of(services.clips.start_upload(caller, None, "", "x", "")).token
    of_a_backup = result_of(services.backups.start(caller, ALL))
    of_a_restore = sent(services, packed(cowbell(high)))
    for token in (of_a_clip,):
        with pytest.raises(WrongToken):
            result_of(services.restores.finish_upload(caller, token))
    for token in (of_a_clip, of_a_backup, of_a_restore):
        for use in (services.restores.state, services.restores.close):
            with pytest.raises(WrongToken):
                result_of(use(token))
    for use in (services.restores.state, services.restores.close):
        with pytest.raises(UnknownToken):
            result_of(use("0" * 32))


# -- the job ------------------------------------------------------------------------------------


def test_what_was_sent_is_kept_while_a_job_needs_it_and_goes_then(services, high):
    token = sent(services, packed(cowbell(high)))
    restoring = result_of(services.restores.finish_upload(services.caller(), token))
    services.clock.advance(3 * DAY)
    result_of(services.maintenance.tidy())
    assert services.store.staged_size(token) > 0
    work_off(services)
    assert result_of(services.restores.state(restoring)).status == "success"
    result_of(services.maintenance.tidy())
    assert services.store.staged_size(token) == 0
    assert token not in result_of(services.database.run(uploads.tokens))


def test_a_closed_restore_is_forgotten_with_what_was_sent(services, high):
    token = sent(services, packed(cowbell(high)))
    restoring = result_of(services.restores.finish_upload(services.caller(), token))
    result_of(services.restores.close(restoring))
    with pytest.raises(UnknownToken):
        result_of(services.restores.state(restoring))
    result_of(services.maintenance.tidy())
    assert services.store.staged_size(token) == 0
    work_off(services)
    assert shown(services) == {}


@pytest.mark.parametrize("reports", [1, 4, 7, 10])
def test_a_restore_that_was_killed_ends_in_the_same_state(stocked, reports):
    before = shown(stocked)
    archive = backup(stocked)
    delete_everything(stocked)
    token = sent(stocked, archive)
    restoring = result_of(stocked.restores.finish_upload(stocked.caller(), token))
    job = result_of(stocked.jobs.claim(["restore"]))
    told = []

    def report(progress):
        told.append(progress)
        if len(told) == reports:
            raise JobCancelled

    with pytest.raises(JobCancelled):
        result_of(stocked.restores.work(job, report))
    assert told == sorted(told)
    result_of(stocked.jobs.give_back(job))
    work_off(stocked)
    assert result_of(stocked.restores.state(restoring)).status == "success"
    assert shown(stocked) == before


# -- what would cost memory ---------------------------------------------------------------------


def empty_members(count):
    for number in range(count):
        yield tarfile.TarInfo(f"audioClip/{number:016x}.xml").tobuf()
    yield bytes(1024)


def test_a_backup_of_too_many_members_is_refused_as_a_whole(services):
    archive = b"".join(empty_members(2001))
    with pytest.raises(RefusedArchive, match="more than 2000 members") as caught:
        restored(services, archive)
    assert caught.value.reason == "too-many-members"
    assert restore(services, archive).fault == str(caught.value)


def test_members_cost_no_memory_however_many_there_are(tmp_path):
    file = tmp_path / "backup.tar"
    with file.open("wb") as archive:
        archive.writelines(empty_members(20_000))
    tracemalloc.start()
    try:
        with file.open("rb") as archive:
            contents = BackupContents.of(archive, file.stat().st_size, most=20_000)
        items = sum(len(some) for some in contents.clips())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    contents.close()
    assert items == 20_000
    assert peak < 2_000_000  # as objects: 5.6 MB


def test_failures_beyond_those_that_are_named_are_counted(services, monkeypatch):
    monkeypatch.setattr("archive_server.services.unpacking_items._KEPT", 3)
    files = {f"audioClip/{n:016x}.xml": titled("x").encode() for n in range(5)}
    found = restored(services, packed(files))
    assert (len(found.failures), found.unnamed, found.failed) == (3, 2, 5)
    assert found.fault().startswith("5 of 5 items could not be restored: ")


def test_playlists_that_wait_for_others_need_not_all_wait(stocked, monkeypatch):
    monkeypatch.setattr("archive_server.services.unpacking_items._MOST_WAITING", 1)
    before = shown(stocked)
    archive = backup(stocked)
    delete_everything(stocked)
    assert restored(stocked, archive).failures == ()
    assert shown(stocked) == before
