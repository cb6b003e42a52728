"""`user`, `group`, `permission` and `class`, on a database that others use at the same time."""

import json
import os

import pytest
from click.testing import CliRunner
from support import result_of

from archive_server.cli.main import main
from archive_server.model.users import Role


@pytest.fixture
def run(dsn, tmp_path):
    """Runs a command, which must end well, or with the exit code given; gives its output."""
    config = tmp_path / "archive-server.toml"
    config.write_text(f'[database]\ndsn = "{dsn}"\n', encoding="utf-8")

    def command(*words, code=0):
        options = ["--config", str(config), "--data", str(tmp_path)]
        result = CliRunner().invoke(main, [*words, *options], input="secret\n")
        assert result.exit_code == code, result.output
        return result.output.strip()

    def command_as_json(*words):
        return json.loads(command(*words, "--json"))

    command.json = command_as_json
    return command


@pytest.fixture
def users(run):
    """A user of every role."""
    for role in Role:
        run("user", "add", role.value, "--role", role.value, "--password-file", "-")


def test_users_come_and_go(run, users):
    assert run("user", "list") == "admin\tadmin\nclient\tclient\nmaintainer\tmaintainer"
    assert run("user", "passwd", "client", "--password-file", "-") == (
        "changed the password of client"
    )
    assert run("user", "remove", "client") == "removed client"
    assert "there is no user client" in run("user", "remove", "client", code=1)
    assert "there is a user admin already" in run(
        "user", "add", "admin", "--password-file", "-", code=1
    )


def test_root_stays(run):
    run("user", "add", "root", "--role", "admin", "--password-file", "-")
    assert "user root stays" in run("user", "remove", "root", code=1)


def test_groups_come_fill_and_go(run, users):
    assert run("group", "add", "night shift") == "added group night shift"
    assert run("group", "add", "everyone else") == "added group everyone else"
    assert run("group", "join", "client", "night shift") == "client is in group night shift"
    run("group", "join", "night shift", "everyone else")
    assert run("group", "list").splitlines() == [
        "Admins\trole:admin",
        "All\teverybody",
        "Maintainers\trole:maintainer",
        "StationPrefs\teverybody",
        "everyone else\tgroup:night shift",
        "night shift\tuser:client",
    ]
    assert run.json("group", "list")[4:] == [
        {"name": "everyone else", "includes": None, "members": ["group:night shift"]},
        {"name": "night shift", "includes": None, "members": ["user:client"]},
    ]
    assert "in itself" in run("group", "join", "everyone else", "night shift", code=1)
    run("group", "leave", "client", "night shift")
    assert "was not put into" in run("group", "leave", "client", "night shift", code=1)
    assert run("group", "remove", "night shift") == "removed group night shift"
    assert "built in" in run("group", "remove", "Admins", code=1)


def test_permissions_are_given_explained_and_taken_back(run, users):
    assert run("permission", "list").splitlines() == [
        "group:Admins may _all archive",
        "group:All may read archive",
        "group:Maintainers may write archive",
        "user:admin may _all home:admin",
        "user:maintainer may _all home:maintainer",
    ]
    about = ("client", "write", "home:maintainer")
    assert run("permission", "test", *about) == "denied: nothing is said about it"
    assert run.json("permission", "test", *about) == {"allowed": False, "because": None}
    assert run("permission", "allow", *about) == "user:client may write home:maintainer"
    assert run("permission", "test", *about) == "allowed: user:client may write home:maintainer"
    assert run("permission", "deny", *about) == "user:client may not write home:maintainer"
    rule = {
        "subject": "user:client",
        "action": "write",
        "object": "home:maintainer",
        "allows": False,
    }
    assert run.json("permission", "test", *about) == {"allowed": False, "because": rule}
    assert run.json("permission", "list", "--subject", "client") == [rule]
    assert rule in run.json("permission", "list", "--object", "home:maintainer")
    run("permission", "revoke", *about)
    assert "there is no rule" in run("permission", "revoke", *about, code=1)
    assert run.json("permission", "list", "--subject", "client") == []


def test_classes_come_fill_and_go(run, users):
    run("class", "add", "presenters")
    run("class", "put", "presenters", "home:maintainer")
    run("permission", "allow", "client", "write", "class:presenters")
    assert run("class", "list") == "presenters\thome:maintainer"
    assert run.json("class", "list") == [{"name": "presenters", "members": ["home:maintainer"]}]
    assert run("permission", "test", "client", "write", "home:maintainer") == (
        "allowed: user:client may write class:presenters"
    )
    run("class", "take", "presenters", "home:maintainer")
    assert run("permission", "test", "client", "write", "home:maintainer").startswith("denied")
    run("class", "remove", "presenters")
    assert run("class", "list") == ""


def test_a_server_that_runs_meanwhile_obeys_at_once(run, users, services, wav):
    client = result_of(services.sessions.caller(log_in(services, "client")))
    run("permission", "allow", "client", "write", "home:client")
    upload = result_of(services.clips.start_upload(client, None, "", "a.wav", ""))
    services.send(upload.token, wav)
    gunid = str(result_of(services.clips.finish_upload(client, upload.token)))
    assert run("permission", "test", "client", "write", gunid) == (
        "allowed: user:client may write home:client"
    )
    run("permission", "deny", "client", "_all", gunid)
    assert run("permission", "test", "client", "read", gunid) == (
        f"denied: user:client may not _all {gunid}"
    )


def log_in(services, login):
    return result_of(services.sessions.log_in(login, "secret", "::1"))


@pytest.mark.parametrize(
    "words",
    [
        ("permission", "allow", "client", "fly", "archive"),
        ("permission", "test", "client", "_all", "archive"),
        ("permission", "allow", "client", "read"),
        ("group", "join", "client"),
    ],
)
def test_a_command_that_is_called_wrongly_ends_with_2(run, words):
    run(*words, code=2)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("permission", "allow", "client", "read", "moon"), "object: archive, home:LOGIN"),
        (("permission", "allow", "nobody", "read", "archive"), "no user or group nobody"),
        (("permission", "allow", "client", "read", "home:nobody"), "no user nobody"),
        (("permission", "list", "--object", "00000000000000aa"), "no clip 00000000000000aa"),
        (("permission", "test", "nobody", "read", "archive"), "no user nobody"),
        (("permission", "test", os.fsdecode(b"\xff"), "read", "archive"), "printable"),
        (("group", "remove", "nobody"), "no group nobody"),
        (("group", "remove", os.fsdecode(b"\xff")), "printable"),
        (("group", "join", os.fsdecode(b"\xff"), "All"), "printable"),
        (("class", "put", "nothing", "home:client"), "no class nothing"),
        (("class", "remove", os.fsdecode(b"\xff")), "printable"),
    ],
)
def test_a_command_that_cannot_be_done_ends_with_1_and_a_sentence(run, users, words, says):
    assert says in run(*words, code=1)
