"""`archive-server journal`, beside a real server."""

import contextlib
import json
import os
import signal
import subprocess
import threading
import time
import xmlrpc.client

import pytest
from fixtures.clients import Client


@pytest.fixture
def serving(new_archive):
    """A server that runs, and a client that has logged in."""
    server = new_archive().start()
    with Client(server.url) as client:
        yield server, client


def make(client, gunid=""):
    return client.call("createPlaylist", plid=gunid, fname="x")["plid"]


def test_events_are_shown_in_lines_and_as_json(serving):
    server, client = serving
    gunid = make(client)
    shown = server.command("journal")
    number, _, *fields = shown.stdout.strip().split("\t")
    assert fields == ["created", "playlist", gunid, "1", "root", "127.0.0.1"]
    (line,) = server.command("journal", "--json").stdout.splitlines()
    event = json.loads(line)
    assert (event["number"], event["gunid"], event["event"]) == (int(number), gunid, "created")
    assert server.command("journal", "--since", number).stdout == ""


def test_a_number_that_was_never_reached_is_refused(serving):
    server, _ = serving
    failed = server.command("journal", "--since", "1000000")
    assert failed.returncode == 1
    assert "ahead of this archive" in failed.stderr


def test_following_shows_what_happens_from_now_on(serving):
    server, client = serving
    make(client)
    words = ["journal", "--follow", "--data", str(server.data_dir), "--config", str(server.config)]
    following = subprocess.Popen(
        [*server.program, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        made, shown = [], []
        reader = threading.Thread(target=lambda: shown.append(following.stdout.readline()))
        reader.start()
        deadline = time.monotonic() + 60
        while not shown:  # it begins some time after it was started
            assert time.monotonic() < deadline
            made.append(make(client))
            time.sleep(0.2)
        reader.join()
        assert shown[0].split("\t")[4] in made
        following.send_signal(signal.SIGINT)
        assert following.wait(30) == 0
        assert following.stderr.read() == ""
    finally:
        following.kill()
        following.communicate()


@pytest.mark.slow
@pytest.mark.parametrize("whole", [False, True])
def test_following_goes_on_when_the_database_or_the_archive_is_restarted(serving, whole):
    server, client = serving
    words = ["journal", "--follow", "--since", "0", "--data", str(server.data_dir)]
    following = subprocess.Popen(
        [*server.program, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        made = [make(client)]
        shown = [following.stdout.readline()]
        if whole:
            server.kill()
            server.start("{}:{}".format(*server.address))
        else:
            pid = (server.data_dir / "postgres" / "postmaster.pid").read_text().split()[0]
            os.kill(int(pid), signal.SIGKILL)
        while len(made) < 2:
            with contextlib.suppress(xmlrpc.client.Fault):
                made.append(make(client))
        shown.append(following.stdout.readline())
        assert [line.split("\t")[4] for line in shown] == made
    finally:
        following.kill()
        following.communicate()


@pytest.mark.slow
def test_following_ends_with_a_sentence_when_the_database_goes(serving):
    server, client = serving
    words = ["journal", "--follow", "--since", "0", "--data", str(server.data_dir)]
    following = subprocess.Popen(
        [*server.program, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        make(client)
        assert following.stdout.readline()
        server.stop()
        _, errors = following.communicate(timeout=30)
        assert following.returncode == 1
        assert errors.startswith("Error: the database cannot be reached")
    finally:
        following.kill()
        following.communicate()


def test_nothing_is_followed_that_nobody_serves(serving):
    server, _ = serving
    server.stop()
    refused = server.command("journal", "--follow")
    assert refused.returncode == 1
    assert "nobody serves the archive" in refused.stderr
    assert server.command("journal").returncode == 0


def test_the_audit_is_shown_apart_from_the_library(serving):
    server, client = serving
    make(client)
    assert server.command("user", "add", "kim", "--role", "maintainer").returncode == 0
    lines = [
        line.split("\t")[2:] for line in server.command("journal", "--audit").stdout.split("\n")
    ]
    assert lines == [
        ["user-added", "user:root", "-", "-", "-"],
        ["logged-in", "user:root", "-", "root", "127.0.0.1"],
        ["user-added", "user:kim", "role maintainer", "-", "-"],
        [],
    ]
    last = server.command("journal", "--audit", "--json").stdout.splitlines()[-1]
    assert json.loads(last)["subject"] == "user:kim"
    assert len(server.command("journal").stdout.splitlines()) == 1
