"""Tar archives that the scheduler may write to until they are fetched."""

import io
import tarfile

import pytest
from services.packed import ALL, unpacked, work_off
from support import result_of

from archive_server.http.sending import BLOCK
from archive_server.model.gunid import Gunid

ONE = Gunid.parse("00000000000000a1")


@pytest.fixture
def backup(services, wav):
    """The token of a backup that is ready."""
    services.store_clip(wav, gunid=ONE)
    token = result_of(services.backups.start(services.caller(), ALL))
    work_off(services)
    return token


def append(services, token, size=12):
    path = result_of(services.backups.state(token)).path
    with tarfile.open(path, "a") as tar:
        entry = tarfile.TarInfo("meta-inf/scheduler.xml")
        entry.size = size
        tar.addfile(entry, io.BytesIO(bytes(size)))


def test_a_backup_is_sent_as_a_tar_archive(front, services, backup, wav):
    answer = front.ask("GET", f"/access/{backup}.tar")
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/x-tar"
    assert answer.headers["content-length"] == str(len(answer.body))
    assert 'filename="backup.tar"' in answer.headers["content-disposition"]
    assert answer.headers["repr-digest"] is None
    assert unpacked(answer.body)[f"audioClip/{ONE}"] == wav


def test_head_tells_what_get_would(front, backup):
    got, told = (front.ask(verb, f"/access/{backup}.tar") for verb in ("GET", "HEAD"))
    assert told.body == b""
    for name in ("content-length", "etag", "last-modified", "accept-ranges"):
        assert told.headers[name] == got.headers[name]


def test_a_part_is_what_was_asked_for_as_long_as_it_is_the_same_file(front, services, backup):
    whole = front.ask("GET", f"/access/{backup}.tar")
    headers = {"range": "bytes=100-1099", "if-range": whole.headers["etag"]}
    part = front.ask("GET", f"/access/{backup}.tar", headers)
    assert (part.status, part.body) == (206, whole.body[100:1100])
    append(services, backup)
    other = front.ask("GET", f"/access/{backup}.tar", headers)
    assert other.status == 200
    assert other.headers["etag"] != whole.headers["etag"]
    assert "meta-inf/scheduler.xml" in unpacked(other.body)
    assert front.ask(
        "GET", f"/access/{backup}.tar", {"if-match": whole.headers["etag"]}
    ).status == (412)


def test_a_download_breaks_off_when_the_file_is_changed(front, services, backup, monkeypatch):
    append(services, backup, 6 * BLOCK)
    wire = front.connect()
    write = wire.transport.write

    def write_and_be_full(some):
        write(some)
        wire.channel.pauseProducing()

    monkeypatch.setattr(wire.transport, "write", write_and_be_full)
    wire.send(f"GET /access/{backup}.tar HTTP/1.1\r\nhost: x\r\n\r\n".encode())
    append(services, backup)
    assert not wire.transport.is_aborted
    for _ in range(2):  # what had been read before is still sent
        wire.channel.resumeProducing()
    assert wire.transport.is_aborted
    assert len(wire.unread) < 3 * BLOCK


def test_what_is_not_ready_closed_or_never_was_is_not_found(front, services, backup):
    waiting = result_of(services.backups.start(services.caller(), ALL))
    assert front.ask("GET", f"/access/{waiting}.tar").status == 404
    assert front.ask("GET", f"/access/{backup}.xml").status == 404
    result_of(services.backups.close(backup))
    assert front.ask("GET", f"/access/{backup}.tar").status == 404
    assert front.ask("GET", f"/access/{'0' * 32}.tar").status == 404


def test_a_clip_is_no_archive(front, services, wav):
    lease = result_of(services.downloads.open_audio(services.caller(), services.store_clip(wav)))
    assert front.ask("GET", f"/access/{lease.token}.tar").status == 404
    assert front.ask("GET", f"/access/{lease.token}.wav").status == 200
