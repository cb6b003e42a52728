"""`archive-server token`, beside a real server: what it makes works at once, and ends at once."""

import json
import xmlrpc.client

import pytest
from fixtures.clients import Client, ask
from fixtures.fix_http import tone


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_token_is_made_used_listed_and_removed(new_archive, workers):
    server = new_archive(f"[server]\nworkers = {workers}\n").start()
    with Client(server.url) as root:
        gunid = root.store(tone(440, 0.2), "a.wav")
    made = server.command("token", "add", "root", "playout", "--days", "30")
    assert made.returncode == 0, made.stderr
    token = made.stdout.strip()
    url = f"{server.url}/clips/{gunid}/audio.wav"
    bearer = {"authorization": f"Bearer {token}"}
    with xmlrpc.client.ServerProxy(f"{server.url}/RPC2") as proxy:
        calls = proxy.locstor
        for _ in range(8):  # all workers know it, and remember it
            assert ask("GET", url, headers=bearer).body == tone(440, 0.2)
        assert calls.existsAudioClip({"sessid": token, "gunid": gunid}) == {"exists": True}
        with pytest.raises(xmlrpc.client.Fault, match="scope, read, is not enough"):
            calls.deleteAudioClip({"sessid": token, "gunid": gunid})
        (listed,) = json.loads(server.command("token", "list", "--json").stdout)
        assert (listed["login"], listed["name"], listed["scope"]) == ("root", "playout", "read")
        assert listed["last_used_at"]
        line = server.command("token", "list", "root").stdout
        assert line.startswith("root\tplayout\tread\t20")
        assert server.command("token", "remove", "root", "playout").returncode == 0
        for _ in range(8):
            assert ask("GET", url, headers=bearer).status == 401
        with pytest.raises(xmlrpc.client.Fault, match="was removed"):
            calls.existsAudioClip({"sessid": token, "gunid": gunid})
    assert token not in server.errors.read_text()


def test_what_is_wrong_is_said(new_archive):
    server = new_archive().start()
    failed = server.command("token", "add", "nobody", "x")
    assert (failed.returncode, "there is no user nobody" in failed.stderr) == (1, True)
    failed = server.command("token", "remove", "root", "x")
    assert (failed.returncode, "has no token x" in failed.stderr) == (1, True)
    assert server.command("token", "list").stdout == ""
    made = server.command("token", "add", "root", "x", "--days", "0", "--json")
    assert json.loads(made.stdout)["token"].startswith("archive_")
