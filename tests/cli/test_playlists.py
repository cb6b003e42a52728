"""`playlist locked` and `playlist unlock`, while the server runs."""

import json

import pytest
from click.testing import CliRunner
from support import result_of

from archive_server.cli.main import main
from archive_server.database import stores
from archive_server.errors import UnknownToken
from archive_server.model.gunid import Gunid

GUNID = "00000000000000a1"


@pytest.fixture
def token(services, dsn):
    """The right to change a playlist, which somebody has taken and forgotten."""
    result_of(services.database.run(stores.add, services.store.store_id))
    caller = services.caller()
    result_of(services.playlists.create(caller, Gunid.parse(GUNID), "a.xml"))
    return result_of(services.playlists.edit(caller, Gunid.parse(GUNID))).token


@pytest.fixture
def run(services, dsn, tmp_path):
    """Runs a command, which must end with the exit code given; gives its output."""
    config = tmp_path / "archive-server.toml"
    config.write_text(f'[database]\ndsn = "{dsn}"\n', encoding="utf-8")

    def command(*words, code=0):
        services.database.connection.commit()  # the command waits for nobody
        options = ["--config", str(config), "--data", str(tmp_path)]
        result = CliRunner().invoke(main, ["playlist", *words, *options])
        assert result.exit_code == code, result.output
        return result.output.strip()

    return command


def test_a_forgotten_lock_is_shown_and_taken_away(services, token, run):
    (shown,) = json.loads(run("locked", "--json"))
    assert (shown["gunid"], shown["login"]) == (GUNID, "maintainer")
    assert run("locked").startswith(GUNID + "\t")
    assert run("unlock", GUNID.upper()) == f"unlocked {GUNID}, changed by maintainer"
    assert run("locked") == ""
    xml = f'<playlist id="{GUNID}"/>'
    with pytest.raises(UnknownToken):
        result_of(services.playlists.save(services.caller(), token, xml))
    result_of(services.playlists.edit(services.caller(), Gunid.parse(GUNID)))


def test_what_is_not_locked_is_not_unlocked(token, run):
    assert "nobody changes 00000000000000a2" in run("unlock", "00000000000000a2", code=1)
    assert "gunid" in run("unlock", "x", code=1)
