"""Backup and restore as the old clients do them (LiveSupport storage protocol, 9)."""

import hashlib
import io
import tarfile
from pathlib import Path

import pytest
from services.packed import delete_everything, shown, unpacked, work_off

from archive_server.model.gunid import Gunid
from archive_server.model.users import Role

ONE = Gunid.parse("00000000000000a1")
TWO = Gunid.parse("00000000000000a2")
URL = "http://archive.example:8000"


def titled(title):
    return f"<audioClip><metadata><dc:title>{title}</dc:title></metadata></audioClip>"


@pytest.fixture
def stocked(services, wav):
    services.store_clip(wav, gunid=ONE, document=titled("one"))
    services.store_clip(wav, gunid=TWO, document=titled("two"))
    return services


@pytest.fixture
def sessid(services):
    return services.session_id()


def made(client, services, sessid, **criteria):
    token = client.locstor("createBackupOpen", sessid=sessid, criteria=criteria)["token"]
    work_off(services)
    return token, client.locstor("createBackupCheck", token=token)


def test_a_backup_is_asked_for_made_and_closed(client, stocked, sessid, wav):
    token = client.locstor(
        "createBackupOpen", sessid=sessid, criteria={"filetype": "audioClip", "limit": "1"}
    )["token"]
    assert client.locstor("createBackupCheck", token=token) == {
        "status": "working",
        "token": token,
        "faultString": "",
    }
    work_off(stocked)
    told = client.locstor("createBackupCheck", token=token)
    path = Path(told.pop("tmpfile"))
    assert told == {
        "status": "success",
        "token": token,
        "faultString": "",
        "url": f"{URL}/access/{token}.tar",
    }
    assert unpacked(path.read_bytes())[f"audioClip/{ONE}"] == wav
    assert client.locstor("createBackupClose", token=token) == {"status": True}
    assert not path.exists()
    assert client.fault("locstor.createBackupCheck", {"token": token})[0] == 805


def test_the_fault_of_a_backup_is_told(client, stocked, sessid):
    for content in (stocked.store.root / "content").rglob("*"):
        if content.is_file():
            content.unlink()
    _, told = made(client, stocked, sessid)
    assert told["status"] == "fault"
    assert "cannot be found" in told["faultString"]
    assert set(told) == {"status", "token", "faultString"}


@pytest.mark.parametrize("token", ["", "x", "0" * 16, "0" * 32, "../../etc"])
def test_closing_a_backup_never_faults(client, token):
    assert client.locstor("createBackupClose", token=token) == {"status": True}


def test_the_whole_way_there_and_back(client, stocked, sessid):
    before = shown(stocked)
    backup, told = made(client, stocked, sessid)
    # The scheduler adds what it knows, before anybody fetches the archive.
    with tarfile.open(told["tmpfile"], "a") as tar:
        entry = tarfile.TarInfo("meta-inf/scheduler.xml")
        entry.size = 12
        tar.addfile(entry, io.BytesIO(b"<scheduler/>"))
    archive = Path(told["tmpfile"]).read_bytes()
    client.locstor("createBackupClose", token=backup)
    delete_everything(stocked)
    for _ in range(2):
        opened = client.locstor(
            "restoreBackupOpen", sessid=sessid, chsum=hashlib.md5(archive).hexdigest()
        )
        assert opened["url"] == f"{URL}/upload/{opened['token']}"
        stocked.send(opened["token"], archive)
        token = client.locstor("restoreBackupClosePut", sessid=sessid, token=opened["token"])[
            "token"
        ]
        assert token != opened["token"]
        working = {"status": "working", "faultString": ""}
        assert client.locstor("restoreBackupCheck", token=token) == working
        work_off(stocked)
        success = {"status": "success", "faultString": ""}
        assert client.locstor("restoreBackupCheck", token=token) == success
        # The C++ tests close it so.
        assert client.locstor("createBackupClose", token=token) == {"status": True}
        assert client.locstor("restoreBackupCheck", token=token) == success
        assert client.locstor("restoreBackupClose", token=token) == {"status": True}
        assert shown(stocked) == before


def test_the_fault_of_a_restore_names_the_items(client, services, sessid):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        tar.addfile(tarfile.TarInfo(f"audioClip/{ONE}.xml"))
    token = client.locstor("restoreBackupOpen", sessid=sessid)["token"]
    services.send(token, file.getvalue())
    token = client.locstor("restoreBackupClosePut", sessid=sessid, token=token)["token"]
    work_off(services)
    told = client.locstor("restoreBackupCheck", token=token)
    assert told["status"] == "fault"
    assert f"audioClip/{ONE}.xml" in told["faultString"]


def test_tokens_of_something_else_are_refused_but_by_the_closing_of_backups(
    client, stocked, sessid
):
    backup, _ = made(client, stocked, sessid)
    upload = client.locstor("restoreBackupOpen", sessid=sessid, chsum="")["token"]
    lease = client.locstor("downloadRawAudioDataOpen", sessid=sessid, gunid=str(ONE))["token"]
    for token in (upload, lease, "0" * 32, "x"):
        for method in ("createBackupCheck", "restoreBackupCheck", "restoreBackupClose"):
            assert client.fault(f"locstor.{method}", {"token": token})[0] == 805
    for token in (backup, lease, "0" * 32, "x"):
        members = {"sessid": sessid, "token": token}
        assert client.fault("locstor.restoreBackupClosePut", members)[0] == 805
    assert client.locstor("createBackupCheck", token=backup)["status"] == "success"


def test_who_may_only_read_makes_backups_and_restores_none(client, stocked):
    reader = stocked.session_id(Role.CLIENT)
    assert made(client, stocked, reader)[1]["status"] == "success"
    assert client.fault("locstor.restoreBackupOpen", {"sessid": reader, "chsum": ""})[0] == 805


@pytest.mark.parametrize(
    "criteria",
    [{"filetype": "song"}, {"limit": "x"}, {"limit": -1}, {"conditions": [{"cat": "x"}]}],
)
def test_criteria_that_make_no_sense_begin_nothing(client, services, sessid, criteria):
    members = {"sessid": sessid, "criteria": criteria}
    assert client.fault("locstor.createBackupOpen", members)[0] == 805
    with services.database.connection.cursor() as cursor:
        cursor.execute("SELECT FROM job")
        assert cursor.rowcount == 0
