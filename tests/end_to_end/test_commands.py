"""The command line, beside a running server and without one."""

import json
import stat
import subprocess
import sys
import tomllib
import xmlrpc.client
from pathlib import Path

import pytest
from fixtures.clients import Client, ask, metadata
from fixtures.fix_audio import noise, tone, wav
from fixtures.fix_server import ArchiveProcess, external

S = 44100


@pytest.fixture
def server(new_archive, dsn) -> ArchiveProcess:
    return new_archive(external(dsn)).start()


def succeed(server: ArchiveProcess, *words: str, given: str = "") -> str:
    """What a command prints that must succeed."""
    done = server.command(*words, given=given)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    return done.stdout


def fail(server: ArchiveProcess, *words: str, code: int = 1, given: str = "") -> str:
    """The sentence of a command that must fail."""
    done = server.command(*words, given=given)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("Error: ") or code != 1
    return done.stderr


def test_the_console_script_is_the_program():
    script = Path(sys.executable).with_name("archive-server")
    if not script.exists():
        pytest.skip("the package is not installed beside this Python")
    done = subprocess.run([script, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("archive-server, version ")


def test_users_are_added_changed_and_removed_beside_a_running_server(server):
    succeed(
        server, "user", "add", "anna", "--role", "maintainer", "--password-file", "-", given="one\n"
    )
    with Client(server.url, "anna", "one") as anna:
        gunid = anna.store(wav(tone(S)), "a.wav")
        succeed(server, "user", "passwd", "anna", "--password-file", "-", given="two\n")
        assert anna.fault("existsAudioClip", gunid=gunid)[0] == 805  # her sessions have ended
    with Client(server.url, "anna", "two") as anna:
        assert anna.call("existsAudioClip", gunid=gunid) == {"exists": True}
        listed = json.loads(succeed(server, "user", "list", "--json"))
        assert listed == [
            {"login": "anna", "role": "maintainer"},
            {"login": "root", "role": "admin"},
        ]
        assert "already" in fail(server, "user", "add", "anna")
        succeed(server, "user", "remove", "anna")
        assert anna.fault("existsAudioClip", gunid=gunid)[0] == 805
    for command in ("remove", "passwd"):
        assert "anna" in fail(server, "user", command, "anna")
    fail(server, "user", "add", "", code=2)
    fail(server, "user", "add", "berta", "--role", "king", code=2)
    made_up = succeed(server, "user", "add", "berta")
    password = made_up.splitlines()[0].removeprefix("password: ")
    with Client(server.url, "berta", password) as berta:
        assert berta.call("existsAudioClip", gunid=gunid) == {"exists": True}
    with Client(server.url) as root:
        assert root.fetch(gunid)  # a user goes, the clips stay


def test_the_trash_is_listed_restored_and_purged(server):
    with Client(server.url) as client:
        kept, gone = (
            client.store(wav(noise(S, seed=n)), f"{n}.wav", document=metadata(dc_title=f"T{n}"))
            for n in (1, 2)
        )
        whole = client.fetch(kept)
        lease = client.lease(gone)
        for gunid in kept, gone:
            client.call("deleteAudioClip", gunid=gunid, forced=False)
        listed = json.loads(succeed(server, "trash", "list", "--json"))
        assert [(each["gunid"], each["file_name"]) for each in listed] == [
            (kept, "1.wav"),
            (gone, "2.wav"),
        ]
        assert len(succeed(server, "trash", "list").splitlines()) == 2
        assert succeed(server, "trash", "restore", kept) == f"restored {kept}\n"
        assert client.fetch(kept) == whole
        assert client.find("dc:title", "=", "t1") == [kept]
        assert "not in the trash" in fail(server, "trash", "restore", kept)
        fail(server, "trash", "restore", "../../evil")
        assert succeed(server, "trash", "purge", "--older-than", "1") == "purged 0 clips\n"
        assert succeed(server, "trash", "purge", "--older-than", "0") == "purged 1 clips\n"
        fail(server, "trash", "purge", code=2)
        assert succeed(server, "trash", "list", "--json").strip() == "[]"
        assert ask("GET", lease["url"]).status == 200  # who reads it goes on
        client.call("downloadRawAudioDataClose", token=lease["token"])
        succeed(server, "trash", "purge", "--older-than", "0")
    assert server.check() == []
    contents = server.data_dir / "store" / "content"
    assert len([path for path in contents.rglob("*") if path.is_file()]) == 1


def content_files(server: ArchiveProcess) -> list[Path]:
    contents = server.data_dir / "store" / "content"
    return sorted(path for path in contents.rglob("*") if path.is_file())


@pytest.mark.parametrize("harm", ["missing", "shorter", "flipped"])
def test_check_finds_planted_damage(server, harm):
    with Client(server.url) as client:
        for seed in range(3):
            client.store(wav(noise(S, seed=seed)), "a.wav")
        file = content_files(server)[1]
        if harm == "missing":
            file.unlink()
        else:
            file.chmod(0o600)
            with file.open("r+b") as opened:
                if harm == "shorter":
                    opened.truncate(1000)
                else:
                    opened.seek(5000)
                    opened.write(b"x")
        # Sizes alone do not show a flipped bit.
        assert server.command("check", "--quick").returncode == (0 if harm == "flipped" else 3)
        text = server.command("check")
        assert text.returncode == 3
        assert text.stdout.splitlines()[-1].startswith("DAMAGED: 3 contents, ")
        assert file.name in text.stdout
        found = server.command("check", "--json")
        report = json.loads(found.stdout)
        assert (found.returncode, report["clean"], report["contents"]) == (3, False, 3)
        (finding,) = report["findings"]
        assert (finding["severity"], finding["subject"]) == ("damage", file.name)
        damaged = [
            hit["gunid"]
            for hit in client.call("searchMetadata", criteria={})["results"]
            if is_refused(client, hit["gunid"])
        ]
        assert finding["clips"] == damaged
        assert len(damaged) == 1


def is_refused(client: Client, gunid: str) -> bool:
    """Whether a lease is refused, as one of damaged audio is."""
    try:
        client.fetch(gunid)
    except xmlrpc.client.Fault as fault:
        assert fault.faultCode == 804
        return True
    return False


def test_check_shows_what_a_crash_left_as_no_loss(server):
    with Client(server.url) as client:
        client.store(wav(tone(S)), "a.wav")
    store = server.data_dir / "store"
    (store / "staging" / ("ab" * 16)).write_bytes(b"half")
    orphan = store / "content" / "ab" / "cd" / ("abcd" + "0" * 60)
    orphan.parent.mkdir(mode=0o700)
    orphan.write_bytes(b"nobody's")
    findings = server.check()
    assert {each["severity"] for each in findings} == {"left-over"}
    assert len(findings) == 2
    (store / "staging" / "README").write_text("not ours")
    assert server.check() == findings


def test_commands_work_without_a_server_on_the_embedded_database(new_archive):
    server = new_archive().start()
    with Client(server.url) as client:
        gunid = client.store(wav(tone(S)), "a.wav")
    assert server.stop() == 0
    assert server.check() == []
    succeed(server, "user", "add", "anna", "--password-file", "-", given="one\n")
    assert succeed(server, "migrate") == "the schema is up to date\n"
    assert json.loads(succeed(server, "migrate", "--json")) == {"applied": []}
    assert not (server.data_dir / "postgres" / "postmaster.pid").exists()
    server.start()
    with Client(server.url, "anna", "one") as anna:
        assert anna.call("existsAudioClip", gunid=gunid) == {"exists": True}


def test_commands_on_no_archive_say_so(new_archive, tmp_path):
    server = new_archive(name="nothing")
    for command in (["check"], ["user", "list"], ["trash", "list"], ["migrate"]):
        assert "there is no archive" in fail(server, *command)
    assert not server.data_dir.exists()


def test_the_first_start_makes_up_a_password_once(new_archive, dsn, monkeypatch):
    server = new_archive(external(dsn))
    program = [*server.program, "serve", "--data", str(server.data_dir)]
    monkeypatch.delenv("ARCHIVE_ADMIN_PASSWORD", raising=False)
    started = subprocess.Popen(
        [*program, "--config", str(server.config), "--listen", "127.0.0.1:0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert started.stdout is not None
        first, ready = started.stdout.readline(), started.stdout.readline()
    finally:
        started.terminate()
        started.communicate(timeout=30)
    file = server.data_dir / "admin-password"
    password = file.read_text().strip()
    assert first == f"first user: root, password: {password} (also in {file})\n"
    assert ready.startswith("archive-server is ready at http://127.0.0.1:")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    server.start()
    with Client(server.url, "root", password):
        pass


def test_the_configuration_is_shown_and_checked(new_archive, dsn):
    server = new_archive(external(f"{dsn} password=hush") + "[audio]\nlongest_hours = 3\n")
    shown = tomllib.loads(succeed(server, "config", "show"))
    assert shown == json.loads(succeed(server, "config", "show", "--json"))
    assert shown["audio"]["longest_hours"] == 3
    assert "hush" not in str(shown)
    assert "the configuration is good" in succeed(server, "config", "check")
    checked = json.loads(succeed(server, "config", "check", "--json"))
    assert checked["problems"] == []
    assert set(checked["found"]) == {"postgresql", "pyogg", "sandbox"}


def test_a_wrong_configuration_stops_every_command(new_archive):
    server = new_archive("[servr]\nlisten = []\n[audio]\nlongest_hours = 'three'\n")
    for command in (["config", "check"], ["config", "show"], ["serve"], ["check"]):
        sentence = fail(server, *command)
        assert "did you mean server?" in sentence
        assert "longest_hours: a whole number" in sentence
    assert not server.data_dir.exists()


def test_a_bad_address_is_a_wrong_call(new_archive):
    server = new_archive()
    assert "HOST:PORT expected" in fail(server, "serve", "--listen", "everywhere", code=2)
