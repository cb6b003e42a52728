"""The configuration file: defaults, what is wrong with it, and showing it."""

import re
import tomllib
from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive_server.config import SECTIONS, Config, ConfigError, Limits, as_dict, load, render
from archive_server.model.gunid import IdStyle
from archive_server.options import Address, to_toml

EXAMPLE = Path(__file__).parents[1] / "conf" / "archive-server.toml"


@pytest.fixture
def config_file(tmp_path):
    return tmp_path / "archive.toml"


def problems_of(config_file, text):
    config_file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(config_file, {})
    assert all(problem.startswith(f"{config_file}: ") for problem in caught.value.problems)
    return [problem.removeprefix(f"{config_file}: ") for problem in caught.value.problems]


def test_without_a_file_the_defaults_hold():
    assert load(None, {}) == Config()


def test_the_example_file_changes_nothing():
    assert load(EXAMPLE, {}) == Config()


def test_the_example_file_shows_every_option_with_its_default():
    uncommented = re.sub(r"(?m)^#(?=[a-z_]+ = )", "", EXAMPLE.read_text(encoding="utf-8"))
    assert tomllib.loads(uncommented) == tomllib.loads(render(Config()))


def test_what_the_file_says_holds(config_file):
    config_file.write_text(
        """
        [server]
        listen = ["0.0.0.0:80", "[::1]:8000"]
        public_url = "https://radio.example.org/archive"
        [ids]
        style = "livesupport"
        [storage]
        refuse_duplicates = true
        """
    )
    config = load(config_file, {})
    assert config.server.listen == ("0.0.0.0:80", "[::1]:8000")
    assert config.server.public_url == "https://radio.example.org/archive"
    assert config.ids.style is IdStyle.LIVESUPPORT
    assert config.storage.refuse_duplicates is True
    assert config.leases == Config().leases


def test_everything_wrong_is_said_at_once(config_file):
    assert problems_of(
        config_file,
        """
        storage = 7
        [servr]
        [server]
        lisen = ["0.0.0.0:80"]
        stop_grace_s = "5"
        [database]
        connections = 0
        """,
    ) == [
        "section [servr] is unknown; did you mean server?",
        "[server] lisen is unknown; did you mean listen?",
        '[server] stop_grace_s: a whole number from 0 to 3600 expected, not "5"',
        "[database] connections: a whole number from 1 to 90 expected, not 0",
        "storage: a section [storage] expected",
    ]


def test_tls_needs_a_certificate_and_its_key(config_file):
    assert problems_of(config_file, '[tls]\nlisten = ["[::]:443"]\ncertificate = "a.pem"') == [
        "[tls] listen: a certificate and a key are needed, too"
    ]


def test_an_unknown_key_like_no_other_gets_the_list_of_keys(config_file):
    (problem,) = problems_of(config_file, "[leases]\nzzz = 1")
    assert problem == "[leases] zzz is unknown; known are idle_hours, file_idle_days"


@pytest.mark.parametrize(
    ("section", "line"),
    [
        ("server", "listen = []"),
        ("server", 'listen = "127.0.0.1:8000"'),
        ("server", "listen = [8000]"),
        ("server", 'listen = [""]'),
        ("server", 'listen = ["8000"]'),
        ("server", 'listen = ["localhost"]'),
        ("server", 'listen = ["localhost:65536"]'),
        ("server", 'listen = ["::1:8000"]'),
        ("server", "stop_grace_s = true"),
        ("server", "stop_grace_s = 1.5"),
        ("server", "stop_grace_s = -1"),
        ("server", 'public_url = "radio.example.org"'),
        ("server", 'public_url = "ftp://radio.example.org"'),
        ("server", 'public_url = "http://radio.example.org:99999"'),
        ("server", 'public_url = "http://radio.example.org/?x=1"'),
        ("database", 'dsn = "no such thing"'),
        ("database", "dsn = 5432"),
        ("ids", 'style = "uuid4"'),
        ("ids", "style = 7"),
        ("storage", "refuse_duplicates = 1"),
        ("audio", "accept = [1]"),
        ("retention", "revisions_days = -1"),
        ("retention", "trash_days = 36501"),  # dates do not reach back so far
        ("sessions", "absolute_days = 99999999"),
        ("uploads", "idle_hours = 99999999"),
        ("database", "statement_timeout_s = 2147484"),
    ],
)
def test_a_bad_value_is_refused_by_section_and_key(config_file, section, line):
    (problem,) = problems_of(config_file, f"[{section}]\n{line}")
    assert problem.startswith(f"[{section}] {line.split()[0]}: ")


def test_a_file_that_is_not_there_is_said_so(config_file):
    with pytest.raises(ConfigError, match=r"archive\.toml: cannot be read: No such file"):
        load(config_file, {})


@pytest.mark.parametrize("content", [b"[server", b"[server]\nlisten = [\xff]", b"= 1"])
def test_a_file_that_is_not_toml_is_said_so(config_file, content):
    config_file.write_bytes(content)
    with pytest.raises(ConfigError, match="is not TOML"):
        load(config_file, {})


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1:8000", "127.0.0.1", 8000),
        ("archive.example.org:0", "archive.example.org", 0),
        ("[::1]:8000", "::1", 8000),
        ("[fe80::1%eth0]:80", "fe80::1%eth0", 80),
    ],
)
def test_addresses_are_read(text, host, port):
    assert Address.parse(text) == Address(host, port)


def test_what_is_shown_gives_the_same_configuration(config_file):
    config = Config(
        server=replace(Config().server, listen=("[::]:80", "localhost:0")),
        database=replace(Config().database, dsn="host=db dbname='an \"archive\"'"),
        audio=replace(Config().audio, accept=("mp3-vbr", "öde\tLänge")),
    )
    config_file.write_text(render(config), encoding="utf-8")
    assert load(config_file, {}) == config


@given(st.text(st.characters(exclude_characters="\x7f", exclude_categories=["Cs"])))
def test_any_text_survives_rendering(text):
    assert tomllib.loads(to_toml({"section": {"key": text}})) == {"section": {"key": text}}


@pytest.mark.parametrize(
    "dsn",
    [
        "host=db password=open-sesame dbname=archive",
        "postgresql://archive:open-sesame@db/archive",
        "host=db sslkey=k sslpassword=open-sesame",
    ],
)
def test_passwords_are_not_shown(dsn):
    config = Config(database=replace(Config().database, dsn=dsn))
    assert "open-sesame" not in render(config)
    assert "host=db" in as_dict(config)["database"]["dsn"]


def test_every_section_is_shown():
    assert as_dict(Config()).keys() == SECTIONS.keys()


def test_the_environment_is_read():
    environment = load(
        None, {"ARCHIVE_ADMIN_PASSWORD": "x", "RUNTIME_DIRECTORY": "/run/a:/run/b"}
    ).environment
    assert environment.admin_password == "x"
    assert environment.runtime_dir == Path("/run/a")


def test_the_admin_password_is_kept_out_of_messages():
    assert "geheim" not in repr(load(None, {"ARCHIVE_ADMIN_PASSWORD": "geheim"}))


@pytest.fixture
def credentials(tmp_path):
    """The directory of a service's credentials."""
    directory = tmp_path / "credentials"
    directory.mkdir()
    return directory, {"CREDENTIALS_DIRECTORY": str(directory)}


def test_secrets_come_as_credentials_of_the_service_manager(credentials, tmp_path):
    directory, environ = credentials
    assert load(None, environ) == Config()
    (directory / "admin-password").write_text("a secret\n")
    (directory / "database-dsn").write_text("host=db password=hidden\n")
    config = load(None, environ)
    assert config.environment.admin_password == "a secret"
    assert config.database.dsn == "host=db password=hidden"
    assert "hidden" not in render(config)
    file = tmp_path / "config.toml"
    file.write_text('[database]\ndsn = "host=other"\n')
    assert load(file, environ).database.dsn == "host=other"
    assert load(None, environ | {"ARCHIVE_ADMIN_PASSWORD": "y"}).environment.admin_password == "y"


@pytest.mark.parametrize("content", [b"no=such option\n", b"\xff\n"])
def test_a_credential_that_cannot_be_used_is_named_and_not_shown(credentials, content):
    directory, environ = credentials
    (directory / "database-dsn").write_bytes(content)
    with pytest.raises(ConfigError, match="credential database-dsn") as caught:
        load(None, environ)
    assert "no=such" not in str(caught.value)


def test_the_page_about_security_has_every_limit_and_its_default():
    page = (EXAMPLE.parents[1] / "docs" / "security.md").read_text(encoding="utf-8")
    for limit in fields(Limits):
        (line,) = [line for line in page.splitlines() if f"`{limit.name}`" in line][:1]
        default = limit.default
        written = {f"{default:,}", str(default), f"{default // 2**20} MiB"}
        assert any(text in line for text in written), limit.name
