"""Damaged files under a real server: they are found, kept, not handed out, and mended."""

import contextlib
import json
import signal
import subprocess
import time
import xmlrpc.client
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2
import pytest
from fixtures.clients import Client, ask
from fixtures.fix_audio import noise, wav
from fixtures.fix_server import ArchiveProcess

from archive_server.database import embedded

SECOND = 44100


def audio(seed: int, seconds: float = 0.5) -> bytes:
    return wav(noise(int(seconds * SECOND), seed=seed))


def files(server: ArchiveProcess, place: str = "content") -> list[Path]:
    return sorted(path for path in (server.data_dir / "store" / place).rglob("*") if path.is_file())


def flip(path: Path) -> None:
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.seek(5000)
        byte = file.read(1)
        file.seek(5000)
        file.write(bytes([byte[0] ^ 1]))


def await_true(is_true, most_s=30.0):
    deadline = time.monotonic() + most_s
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def in_database(server: ArchiveProcess, statement: str) -> int:
    """Carry out a statement; return how many rows it concerned."""
    running = embedded.attach(server.data_dir)
    assert running is not None
    with contextlib.closing(psycopg2.connect(running.dsn())) as connection, connection:
        cursor = connection.cursor()
        cursor.execute(statement)
        return int(cursor.rowcount)


def part(server: ArchiveProcess, name: str) -> dict:
    """How a part is, and why."""
    checks = json.loads(ask("GET", f"{server.url}/health").body)["checks"]
    (found,) = (check[0] for key, check in checks.items() if key.startswith(f"{name}:"))
    return found


def fault_of(client: Client, gunid: str) -> str:
    with pytest.raises(xmlrpc.client.Fault) as refused:
        client.fetch(gunid)
    assert refused.value.faultCode == 804
    return refused.value.faultString


@pytest.mark.slow
def test_the_server_finds_damage_by_itself_and_equal_bytes_mend_it(new_archive):
    server = new_archive("[server]\nworkers = 2\n").start()
    with Client(server.url) as client:
        gunids = {seed: client.store(audio(seed), "a.wav") for seed in range(3)}
    in_database(server, "UPDATE content SET looked_at = now() - interval '20 days'")
    damaged = files(server)[1]
    whole = damaged.read_bytes()
    (seed,) = (seed for seed in gunids if audio(seed) == whole)
    flip(damaged)
    assert server.stop() == 0
    server.start()
    await_true(lambda: "is damaged, and in quarantine" in server.errors.read_text())
    assert not damaged.exists()
    (held,) = files(server, "quarantine")
    assert held.name == f"{damaged.name}.1"
    with Client(server.url) as client:
        assert "damaged" in fault_of(client, gunids[seed])
        url = f"{server.url}/clips/{gunids[seed]}/audio.wav?sessid={client.session_id}"
        answer = ask("GET", url)
        assert (answer.status, answer.problem["title"]) == (503, "Audio damaged")
        for other in set(gunids) - {seed}:
            assert client.fetch(gunids[other]) == audio(other)
        await_true(lambda: part(server, "integrity")["status"] == "warn")
        assert part(server, "integrity")["output"].startswith("1 damaged")
        metrics = ask("GET", f"{server.url}/metrics").body.decode()
        assert "archive_damaged_contents 1.0" in metrics
        assert "archive_oldest_verification_age_seconds" in metrics
        client.store(whole, "again.wav")
        assert client.fetch(gunids[seed]) == whole
    assert server.check() == []
    assert held.exists()


def test_what_is_found_damaged_is_refused_by_all_workers_that_know_it(new_archive):
    server = new_archive("[server]\nworkers = 2\n").start()
    with Client(server.url) as client:
        lease = client.lease(client.store(audio(1), "a.wav"))
        path = urlsplit(lease["url"]).path
        statuses = {ask("GET", server.url + path).status for _ in range(20)}
        assert statuses == {200}
        flip(files(server)[0])
        assert server.command("check").returncode == 3
        await_true(lambda: {ask("GET", server.url + path).status for _ in range(20)} == {503})
        assert client.call("downloadRawAudioDataClose", token=lease["token"])


@pytest.mark.slow
def test_a_check_that_was_stopped_goes_on_where_it_was(new_archive):
    server = new_archive().start()
    with Client(server.url) as client:
        for seed in range(10):
            client.store(audio(seed, 2), "a.wav")
    flip(files(server)[0])
    command = [*server.program, "check", "--rate", "1", "--data", str(server.data_dir)]
    checking = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    was_read = "SELECT FROM content WHERE verified_at IS NOT NULL"
    await_true(lambda: in_database(server, was_read) > 0)  # the one after the damaged one
    checking.send_signal(signal.SIGINT)
    _, errors = checking.communicate(timeout=30)
    assert checking.returncode == 130
    assert b"--resume" in errors
    # What was read is not read again; what was found is told again.
    flip(files(server)[0])
    resumed = json.loads(server.command("check", "--resume", "--json").stdout)
    assert (resumed["contents"], len(resumed["findings"])) == (10, 1)
    assert len(files(server, "quarantine")) == 1
    # A check that has come to its end is not gone on with.
    again = json.loads(server.command("check", "--resume", "--json").stdout)
    assert len(again["findings"]) == 2
    # Somebody brings one of them back.
    held = files(server, "quarantine")[0]
    flip(held)
    held.rename(server.data_dir / "store/content" / held.name[:2] / held.name[2:4] / held.stem)
    back = server.command("check", "--damaged", "--json")
    findings = json.loads(back.stdout)["findings"]
    assert (back.returncode, [each["severity"] for each in findings]) == (3, ["damage", "mended"])
    assert findings[1]["subject"] == held.stem
    assert server.command("check", "--quick", "--resume").returncode == 2


@pytest.mark.slow
def test_a_check_that_is_killed_leaves_what_it_found(new_archive):
    server = new_archive().start()
    with Client(server.url) as client:
        gunids = [client.store(audio(seed, 1), "a.wav") for seed in range(4)]
        for file in files(server)[:3]:
            flip(file)
        command = [*server.program, "check", "--rate", "1", "--data", str(server.data_dir)]
        checking = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        await_true(lambda: len(files(server, "quarantine")) >= 2)
        checking.kill()
        checking.communicate(timeout=30)
        resumed = server.command("check", "--resume", "--json")
        assert resumed.returncode == 3
        assert len(json.loads(resumed.stdout)["findings"]) == 3
        refused = 0
        for gunid in gunids:
            try:
                client.fetch(gunid)
            except xmlrpc.client.Fault:
                refused += 1
        assert refused == 3
    assert len(files(server, "quarantine")) == 3


@pytest.mark.slow
def test_the_brake_holds_what_is_too_much_until_it_is_told(new_archive):
    server = new_archive("[integrity]\nbrake_contents = 2\n[retention]\ntrash_days = 0\n").start()
    with Client(server.url) as client:
        for seed in range(4):
            client.call("deleteAudioClip", gunid=client.store(audio(seed), "a.wav"), forced=False)
    assert server.command("brake", "show").stdout == "nothing is held back\n"
    assert server.stop() == 0
    server.start()
    await_true(lambda: "the brake holds" in server.errors.read_text())
    shown = server.command("brake", "show", "--json")
    assert shown.returncode == 3
    (held,) = json.loads(shown.stdout)
    assert (held["job"], held["held"], held["total"]) == ("trash", 4, 4)
    assert part(server, "brake")["status"] == "warn"
    assert (
        'archive_brake_held{job="trash"} 4.0' in ask("GET", f"{server.url}/metrics").body.decode()
    )
    assert len(files(server)) == 4
    assert "4 more" in server.command("brake", "release", "trash").stdout
    assert server.stop() == 0
    server.start()
    await_true(lambda: not files(server))
    assert server.command("brake", "show").returncode == 0
    assert server.command("brake", "release", "everything").returncode == 2
