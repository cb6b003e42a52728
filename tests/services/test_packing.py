import contextlib
import io
import os
import resource
import shutil
import signal
import tarfile
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from services.packed import ALL, backup, unpacked, work_off
from services.transfers import clip, deny, document, element, save
from support import result_of

from archive_server.errors import BadCriteria, NotFound, Unavailable, UnknownToken
from archive_server.model.backups import criteria, kept
from archive_server.model.gunid import Gunid
from archive_server.model.jobs import JobCancelled
from archive_server.model.rights import Action
from archive_server.model.search import Criteria
from archive_server.model.users import Role
from archive_server.services.jobs import fault_of

ONE = Gunid.parse("00000000000000a1")
TWO = Gunid.parse("00000000000000a2")
LIST = Gunid.parse("00000000000000b1")
STREAM = Gunid.parse("f000000000000001")

WEBSTREAM = (
    "<audioClip><metadata><dc:title>News</dc:title><ls:url>http://localhost/y</ls:url>"
    "<dcterms:extent>01:00:00.000000</dcterms:extent></metadata></audioClip>"
)


def titled(title):
    return f"<audioClip><metadata><dc:title>{title}</dc:title></metadata></audioClip>"


@pytest.fixture
def stocked(services, high, low):
    """An archive with two clips, a webstream, and a playlist."""
    services.store_clip(high, gunid=ONE, document=titled("one"))
    services.store_clip(low, gunid=TWO, document=titled("two"))
    caller = services.caller()
    result_of(services.webstreams.store(caller, STREAM, WEBSTREAM, "news.xml", ""))
    save(services, LIST, document(LIST, element(1, clip(ONE)), title="my list"))
    return services


def started(services, criteria=ALL, role=Role.MAINTAINER):
    return result_of(services.backups.start(services.caller(role), criteria))


def ended(services, token):
    work_off(services)
    return result_of(services.backups.state(token))


def test_a_backup_has_the_layout_of_the_original(stocked, high, low):
    files = unpacked(backup(stocked))
    assert set(files) == {
        "meta-inf/storage.xml",
        f"audioClip/{ONE}",
        f"audioClip/{ONE}.xml",
        f"audioClip/{TWO}",
        f"audioClip/{TWO}.xml",
        f"audioClip/{STREAM}.xml",
        f"playlist/{LIST}.xml",
    }
    assert (files[f"audioClip/{ONE}"], files[f"audioClip/{TWO}"]) == (high, low)
    caller = stocked.caller()
    for gunid in (ONE, STREAM):
        xml = result_of(stocked.clips.document(caller, gunid))
        assert files[f"audioClip/{gunid}.xml"].decode() == xml


def test_the_note_tells_what_it_is_and_when_and_where_it_was_made(stocked):
    note = ElementTree.fromstring(unpacked(backup(stocked))["meta-inf/storage.xml"])
    assert note.tag == "storage"
    assert (note.get("type"), note.get("version")) == ("backup", "1.0")
    assert note.get("ctime") == str(int(stocked.clock().timestamp()))
    assert note.get("hostname") == os.uname().nodename


@pytest.mark.parametrize(
    ("criteria", "expected"),
    [
        (Criteria.build(file_type="audioclip"), {ONE, TWO}),
        (Criteria.build(file_type="webstream"), {STREAM}),
        (Criteria.build(conditions=[("dc:title", "=", "two")]), {TWO}),
        (Criteria.build(limit=1), {ONE}),
        (Criteria.build(limit=2, offset=1, order_by=[("dc:title", True)]), {STREAM, ONE}),
        (
            Criteria.build(
                operator="or",
                conditions=[("dc:title", "=", "one"), ("dc:title", "prefix", "MY")],
            ),
            {ONE, LIST},
        ),
        (Criteria.build(conditions=[("dc:title", "=", "three")]), set()),
    ],
)
def test_it_holds_exactly_what_meets_the_criteria(stocked, criteria, expected):
    names = unpacked(backup(stocked, criteria))
    found = {name.partition("/")[2].removesuffix(".xml") for name in names}
    assert found == {str(gunid) for gunid in expected} | {"storage"}


def test_criteria_that_cannot_be_answered_are_refused_at_once(stocked):
    with pytest.raises(BadCriteria):
        started(stocked, Criteria.build(conditions=[("dc:nonsense", "=", "x")]))
    assert result_of(stocked.jobs.claim(["backup"])) is None


def test_nobody_gets_a_backup_of_what_they_may_not_read(stocked):
    deny(stocked, Role.CLIENT, Action.READ, TWO)
    state = ended(stocked, started(stocked, role=Role.CLIENT))
    assert (state.status, state.path) == ("fault", None)
    assert state.fault == f"user client may not read {TWO}"
    only_one = Criteria.build(conditions=[("dc:title", "=", "one")])
    assert ended(stocked, started(stocked, only_one, Role.CLIENT)).status == "success"


def test_a_backup_for_which_there_is_no_room_does_not_take_the_rest(stocked, monkeypatch):
    """It would fill the disk first, on which all others store."""
    real, free = shutil.disk_usage, []

    def nearly_full(path):
        free.append(path)
        return real(path)._replace(free=1000)

    monkeypatch.setattr(shutil, "disk_usage", nearly_full)
    token = started(stocked)
    state = ended(stocked, token)
    assert (state.status, "No space left" in state.fault) == ("fault", True)
    assert len(free) == 1
    assert not stocked.jobs.files(token).exists()


def test_what_goes_while_a_backup_waits_is_not_in_it(stocked):
    token = started(stocked)
    result_of(stocked.clips.delete(stocked.caller(), ONE, forced=True))
    result_of(stocked.clips.delete(stocked.caller(), TWO, forced=False))
    path = ended(stocked, token).path
    assert f"audioClip/{STREAM}.xml" in unpacked(path.read_bytes())
    assert f"audioClip/{ONE}" not in unpacked(path.read_bytes())
    assert f"audioClip/{TWO}" not in unpacked(path.read_bytes())


def test_a_clip_that_is_replaced_while_it_is_copied_is_copied_as_it_was(
    stocked, high, low, tmp_path
):
    replaced = []

    def report(_):
        if not replaced:
            replaced.append(stocked.store_clip(low, gunid=ONE, document=titled("new")))

    path = tmp_path / "mine.tar"
    only_one = Criteria.build(conditions=[("dc:title", "=", "one")])
    assert result_of(stocked.backups.write(stocked.caller(), only_one, path, report)) == 1
    assert replaced == [ONE]
    files = unpacked(path.read_bytes())
    assert files[f"audioClip/{ONE}"] == high
    assert b"<dc:title>one<" in files[f"audioClip/{ONE}.xml"]


def test_progress_grows_to_the_end(stocked, tmp_path):
    told = []
    result_of(stocked.backups.write(stocked.caller(), ALL, tmp_path / "mine.tar", told.append))
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1)


def test_a_backup_is_cancelled_between_blocks(stocked, tmp_path):
    def report(_):
        raise JobCancelled

    with pytest.raises(JobCancelled):
        result_of(stocked.backups.write(stocked.caller(), ALL, tmp_path / "mine.tar", report))


@pytest.mark.parametrize("damage", ["other bytes", "shorter", "gone"])
def test_damaged_audio_is_not_backed_up_as_if_it_were_whole(stocked, high, damage):
    (content,) = [
        path
        for path in (stocked.store.root / "content").rglob("*")
        if path.is_file() and path.read_bytes() == high
    ]
    content.chmod(0o600)
    if damage == "gone":
        content.unlink()
    else:
        content.write_bytes(high[:-1] + b"?" * (damage == "other bytes"))
    state = ended(stocked, started(stocked))
    assert state.status == "fault"
    assert ("cannot be found" if damage == "gone" else f"clip {ONE}: the audio is damaged") in (
        state.fault
    )


def test_the_file_can_be_appended_to_and_is_sent_as_it_then_is(stocked):
    token = started(stocked)
    path = ended(stocked, token).path
    assert path.is_absolute()
    assert path.stat().st_mode & 0o777 == 0o666
    before = result_of(stocked.backups.open(token))
    with before.content:
        append(path)
        with pytest.raises(Unavailable, match="was changed"):
            before.read(range(10))
    after = result_of(stocked.backups.open(token))
    with after.content:
        assert after.version != before.version
        archive = after.read(range(after.size))
    assert unpacked(archive)["meta-inf/scheduler.xml"] == b"<scheduler/>"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_the_user_of_the_scheduler_can_append_to_it(stocked):
    path = ended(stocked, started(stocked)).path
    opened_up = [each for each in path.parents[2:] if not each.stat().st_mode & 0o001]
    for directory in opened_up:  # those of pytest, above the archive's
        directory.chmod(directory.stat().st_mode | 0o011)
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            append(path)
            os._exit(0)
        except BaseException:  # noqa: BLE001  the child must never come back
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert "meta-inf/scheduler.xml" in unpacked(path.read_bytes())


def append(path):
    with tarfile.open(path, "a") as tar:
        entry = tarfile.TarInfo("meta-inf/scheduler.xml")
        entry.size = 12
        tar.addfile(entry, io.BytesIO(b"<scheduler/>"))


def test_the_end_mark_is_found_from_either_side(stocked):
    archive = backup(stocked)
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        last = tar.getmembers()[-1]
    content_end = last.offset_data + -(-last.size // 512) * 512
    assert len(archive) == content_end + 1024
    assert archive[content_end:] == bytes(1024)


def test_a_backup_that_is_not_ready_cannot_be_read(stocked):
    token = started(stocked)
    with pytest.raises(NotFound):
        result_of(stocked.backups.open(token))


def test_a_file_that_is_gone_is_unavailable(stocked):
    token = started(stocked)
    ended(stocked, token).path.unlink()
    with pytest.raises(Unavailable):
        result_of(stocked.backups.open(token))


def test_closing_removes_the_file_and_anything_else_is_left_alone(stocked):
    token = started(stocked)
    path = ended(stocked, token).path
    upload = result_of(stocked.restores.open(stocked.caller(), ""))
    for other in ("", "no token", "0" * 32, upload.token):
        result_of(stocked.backups.close(other))
    assert path.exists()
    assert result_of(stocked.uploads.find(upload.token))
    for _ in range(2):
        result_of(stocked.backups.close(token))
    assert not path.parent.exists()
    with pytest.raises(UnknownToken):
        result_of(stocked.backups.state(token))


def test_a_full_disk_ends_a_backup(stocked, tmp_path):
    token = started(stocked)
    job = replace(result_of(stocked.jobs.claim(["backup"])), directory=tmp_path)
    with pytest.raises(OSError, match="File too large") as caught, limited_files(2000):
        result_of(stocked.backups.work(job, lambda progress: None))
    assert fault_of(caught.value) == "there is no room on the archive's disk"
    assert result_of(stocked.backups.state(token)).path is None


@contextlib.contextmanager
def limited_files(largest):
    """Let no file grow beyond so many bytes."""
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest, old[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
        signal.signal(signal.SIGXFSZ, handler)


def test_criteria_are_kept_with_a_job_as_they_were():
    wanted = Criteria.build(
        file_type="playlist",
        operator="or",
        conditions=[("dc:title", "partial", "x"), ("ls:year", ">=", "1999")],
        limit=3,
        offset=4,
        order_by=[("dc:creator", True)],
    )
    assert criteria(kept(wanted)) == wanted
