"""Nothing that opens anything is told: not in logs, process lists, error texts, nor the journal."""

import base64
import subprocess
import xmlrpc.client
from collections.abc import Iterator
from contextlib import closing, suppress
from hashlib import md5
from pathlib import Path

import psycopg2
import pytest
from fixtures.clients import PASSWORD, Client, ask
from fixtures.fix_http import tone
from fixtures.fix_server import ArchiveProcess, children, external

AUDIO = tone(440, 0.2)
DSN_PASSWORD = "dsn-password-of-the-tests"
USER_PASSWORD = "user-password-of-the-tests"
MISTYPED = "a-password-typed-as-a-name"
WRONG = "a-wrong-password-of-the-tests"
TOO_LONG = "much-too-long-a-password" * 100


def outcome(client: Client, method: str, **members: object) -> str:
    """What a call is answered with, a fault too."""
    try:
        return str(client.call(method, **members))
    except xmlrpc.client.Fault as fault:
        return f"FAULT {fault.faultString}"


def processes(pid: int) -> Iterator[str]:
    """What the list of processes shows of these."""
    for each in {pid, *children(pid)}:
        with suppress(OSError):
            yield Path(f"/proc/{each}/cmdline").read_text().replace("\0", " ")


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_secrets_stay_secret(new_archive, dsn, workers):
    hidden = external(f"{dsn} password={DSN_PASSWORD}")
    server: ArchiveProcess = new_archive(f"[server]\nworkers = {workers}\n{hidden}")
    assert server.command("migrate").returncode == 0
    server.start()
    said, secrets = [], {PASSWORD, DSN_PASSWORD, USER_PASSWORD, MISTYPED, WRONG, TOO_LONG[:24]}

    added = server.command("user", "add", "kim", "--password-file", "-", given=USER_PASSWORD)
    said += [added.stdout, added.stderr]
    token = server.command("token", "add", "kim", "player").stdout.strip()
    secrets.add(token)
    for login, password in (("kim", WRONG), (MISTYPED, "x"), ("kim", TOO_LONG)):
        with pytest.raises(xmlrpc.client.Fault) as refused:
            Client(server.url, login, password)
        said.append(refused.value.faultString)
    with Client(server.url) as root:
        upload = root.open_upload("a.wav", chsum=md5(AUDIO).hexdigest())
        assert ask("PUT", upload["url"], AUDIO).status == 200
        gunid = root.call("storeAudioClipClose", token=upload["token"])["gunid"]
        lease = root.lease(gunid)
        assert ask("GET", lease["url"]).status == 200
        assert ask("GET", f"{server.url}/clips/{gunid}/audio.wav?sessid={token}").status == 200
        secrets |= {root.session_id, upload["token"], lease["token"]}
        # What goes wrong, with secrets in odd places.
        said += [
            outcome(root, "deleteAudioClip", gunid=root.session_id),
            outcome(root, "existsAudioClip", gunid=gunid, sessid=f"{root.session_id}x"),
            outcome(root, "storeAudioClipClose", token=upload["token"]),
            outcome(root, "downloadRawAudioDataClose", token="0" * 32),
            outcome(root, "savePref", key="\0", value=USER_PASSWORD),
        ]
        form = {"content-type": "application/x-www-form-urlencoded"}
        page = ask("POST", f"{server.url}/session", f"login=kim&pass={WRONG}".encode(), form)
        said.append(page.body.decode())
        basic = {"authorization": "Basic " + base64.b64encode(WRONG.encode()).decode()}
        for path in (f"/clips/{gunid}/audio.wav", f"/upload/{lease['token']}", "/access/x.wav"):
            said.append(ask("GET", f"{server.url}{path}", headers=basic).body.decode())
    shown = server.command("config", "show")
    said += [shown.stdout, shown.stderr, *processes(server.pid)]
    assert server.stop() == 0
    # Names of files that were asked for may be echoed to who asked; nobody else is told.
    said = [text.replace(lease["token"], "") if lease["token"] in text else text for text in said]
    told = "\n".join([*said, server.errors.read_text(), *kept(dsn)])
    output = server.data_dir.with_suffix(".out").read_text()
    assert [secret for secret in secrets if secret in told + output] == []
    assert "kim" in told  # it is told of them, but not that


def kept(dsn: str) -> list[str]:
    """All that the database says of who did what; and of passwords and tokens."""
    tables = ("journal", "users", "session", "api_token", "login_failure", "known_address")
    found = []
    with closing(psycopg2.connect(dsn)) as connection, connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"SELECT t::text FROM {table} t")
            # What is counted under the name that was given is forgotten after a quarter of an hour.
            found += [row for (row,) in cursor.fetchall() if not row.startswith('("user ')]
    assert any("login-refused" in row for row in found)
    return found


def test_no_process_shows_the_first_password(new_archive):
    """It comes in the environment, which only the same user reads; and no worker inherits it."""
    server = new_archive("[server]\nworkers = 2\n").start()
    for pid in children(server.pid):
        with suppress(OSError):
            assert PASSWORD.encode() not in Path(f"/proc/{pid}/environ").read_bytes()
    assert all(PASSWORD not in line for line in processes(server.pid))
    listed = subprocess.run(["ps", "axww"], capture_output=True, text=True, check=False).stdout
    assert PASSWORD not in listed
