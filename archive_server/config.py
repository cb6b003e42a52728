"""What an administrator can decide: the sections of the configuration file, and their defaults.

The defaults are here and nowhere else; `conf/archive-server.toml` shows them with explanations.
What the surroundings of the process tell is read in `environment`.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from archive_server.environment import Environment, credential, read_environment
from archive_server.model.forwarding import ProxyHeader
from archive_server.model.gunid import IdStyle
from archive_server.options import (
    ConfigError,
    Problems,
    address,
    dsn,
    masked_dsn,
    network,
    option,
    origin,
    read_section,
    read_toml,
    to_toml,
    web_address,
)

_MIB = 2**20
_DAY_S = 24 * 3600
# A century, for those who mean "for ever": there are no dates so long ago that more would matter.
_MOST_DAYS = 36_500
_MOST_HOURS = 24 * _MOST_DAYS


@dataclass(frozen=True, slots=True)
class Server:
    """Where and how it is reached."""

    listen: tuple[str, ...] = option(("127.0.0.1:8000",), check=address, least=1)
    public_url: str = option("", check=web_address)  # empty: what the client called us
    stop_grace_s: int = option(5, most=3600)
    workers: int = option(1, least=1, most=64)  # processes that serve
    trusted_proxies: tuple[str, ...] = option((), check=network)
    proxy_header: ProxyHeader = option(ProxyHeader.X_FORWARDED)  # noqa: RUF009 - a field
    allowed_origins: tuple[str, ...] = option((), check=origin)  # of web pages


@dataclass(frozen=True, slots=True)
class Tls:
    """Where it is reached securely without a proxy, and what it shows there."""

    listen: tuple[str, ...] = option((), check=address)
    certificate: str = option("")  # paths of PEM files
    key: str = option("")


@dataclass(frozen=True, slots=True)
class Database:
    """Where rows are kept."""

    dsn: str = option("", check=dsn)  # empty: the embedded server
    connections: int = option(8, least=1, most=90)  # of each worker, and as many for small reads
    statement_timeout_s: int = option(
        60, most=2_000_000
    )  # 0: none; PostgreSQL counts ms in 31 bits
    run_as: str = option("")  # the embedded server's user when started as root; empty: usual ones


@dataclass(frozen=True, slots=True)
class Sessions:
    """When a session ends by itself."""

    idle_hours: int = option(7 * 24, least=1, most=_MOST_HOURS)
    absolute_days: int = option(90, least=1, most=_MOST_DAYS)


@dataclass(frozen=True, slots=True)
class Uploads:
    """What may be sent, and how long an upload may rest."""

    idle_hours: int = option(24, least=1, most=_MOST_HOURS)
    largest_bytes: int = option(0)  # 0: as much as the disk takes
    per_user: int = option(200)  # open at a time; 0: any number
    user_bytes: int = option(0)  # that a user may own; 0: any number


@dataclass(frozen=True, slots=True)
class Leases:
    """How long a lease that nobody uses is kept."""

    idle_hours: int = option(24, least=1, most=_MOST_HOURS)
    file_idle_days: int = option(0, most=_MOST_DAYS)  # 0: until it is released


@dataclass(frozen=True, slots=True)
class Retention:
    """How long what was deleted or replaced can be brought back."""

    trash_days: int = option(30, most=_MOST_DAYS)
    revisions_days: int = option(7, most=_MOST_DAYS)
    journal_days: int = option(0, most=_MOST_DAYS)  # 0: for ever
    orphans_s: int = option(24 * 3600, least=10, most=_MOST_HOURS * 3600)  # bytes that no row knows


@dataclass(frozen=True, slots=True)
class Backup:
    """Where backups are, and how often it has to be proven that they can be restored."""

    directory: str = option("")  # empty: each command names it
    keep: int = option(0)  # snapshots; 0: all
    drill_days: int = option(40, least=1, most=_MOST_DAYS)


@dataclass(frozen=True, slots=True)
class Journal:
    """What is noted of what happens."""

    accesses: bool = option(default=False)


@dataclass(frozen=True, slots=True)
class Ids:
    """What new ids look like."""

    style: IdStyle = option(IdStyle.UUID7)  # noqa: RUF009 - a field


@dataclass(frozen=True, slots=True)
class Audio:
    """How audio is judged."""

    accept: tuple[str, ...] = option(())  # codes of refusals that shall be warnings
    probe_workers: int = option(2, least=1, most=64)  # processes
    longest_hours: int = option(24, least=1)


@dataclass(frozen=True, slots=True)
class Storage:
    """What the store takes."""

    refuse_duplicates: bool = option(default=False)


@dataclass(frozen=True, slots=True)
class Integrity:
    """How bytes are looked after, and how much may vanish at once."""

    verify_days: int = option(30, most=_MOST_DAYS)  # 0: nothing is read again by itself
    brake_contents: int = option(1000)  # 0: any number
    brake_percent: int = option(10, most=100)  # 100: any share


@dataclass(frozen=True, slots=True)
class Limits:
    """What a request may ask for."""

    request_bytes: int = option(16 * _MIB, least=1024)  # the body of an XML-RPC call
    document_bytes: int = option(4 * _MIB, least=1024)
    import_members: int = option(4000, least=10, most=100_000)  # files of an archive
    restore_members: int = option(2_500_000, least=10)  # files of a backup
    jobs_per_user: int = option(20)  # that wait or are being done
    page: int = option(10_000, least=1)  # hits, or values, in one answer
    # Of each worker: what clients may take of it, and for how long.
    connections: int = option(8000, least=10)
    connections_per_address: int = option(1000, least=1)
    idle_s: int = option(60, least=1, most=_DAY_S)
    head_s: int = option(60, least=1, most=_DAY_S)
    body_pause_s: int = option(60, least=1, most=_DAY_S)
    slowest_sender: int = option(100)  # bytes a second
    reader_pause_s: int = option(3600, least=1, most=_DAY_S)
    waiting_bytes: int = option(256 * _MIB, least=_MIB)


@dataclass(frozen=True, slots=True)
class Operations:
    """Who may watch it, and when they are warned."""

    allow: tuple[str, ...] = option(("127.0.0.0/8", "::1"), check=network)
    warn_free_bytes: int = option(10 * 1024 * _MIB)


class LogFormat(StrEnum):
    """How events are written to the log."""

    KEY_VALUE = "key=value"
    JSON = "json"
    TEXT = "text"  # for people


@dataclass(frozen=True, slots=True)
class Log:
    """What the log looks like."""

    format: LogFormat = option(LogFormat.KEY_VALUE)  # noqa: RUF009 - a field


@dataclass(frozen=True, slots=True)
class Testing:
    """What only an archive may do that nobody would miss."""

    allow_reset: bool = option(default=False)


@dataclass(frozen=True, slots=True)
class Config:
    """Everything that can be decided."""

    server: Server = field(default_factory=Server)
    tls: Tls = field(default_factory=Tls)
    database: Database = field(default_factory=Database)
    sessions: Sessions = field(default_factory=Sessions)
    uploads: Uploads = field(default_factory=Uploads)
    leases: Leases = field(default_factory=Leases)
    retention: Retention = field(default_factory=Retention)
    backup: Backup = field(default_factory=Backup)
    journal: Journal = field(default_factory=Journal)
    ids: Ids = field(default_factory=Ids)
    audio: Audio = field(default_factory=Audio)
    storage: Storage = field(default_factory=Storage)
    integrity: Integrity = field(default_factory=Integrity)
    limits: Limits = field(default_factory=Limits)
    operations: Operations = field(default_factory=Operations)
    log: Log = field(default_factory=Log)
    testing: Testing = field(default_factory=Testing)
    environment: Environment = field(default_factory=Environment)


SECTIONS: dict[str, type] = {
    "server": Server,
    "tls": Tls,
    "database": Database,
    "sessions": Sessions,
    "uploads": Uploads,
    "leases": Leases,
    "retention": Retention,
    "backup": Backup,
    "journal": Journal,
    "ids": Ids,
    "audio": Audio,
    "storage": Storage,
    "integrity": Integrity,
    "limits": Limits,
    "operations": Operations,
    "log": Log,
    "testing": Testing,
}


def load(path: Path | None, environ: Mapping[str, str]) -> Config:
    """Read a configuration file (None: defaults only) and the environment.

    Raises ConfigError, which holds everything that is wrong.
    """
    problems = Problems(str(path) if path is not None else "")
    given = read_toml(path, problems) if path is not None else {}
    problems.unknown(given, SECTIONS, "section [{}]")
    sections: dict[str, Any] = {
        name: read_section(section, name, given.get(name, {}), problems)
        for name, section in SECTIONS.items()
    }
    tls = sections["tls"]
    if tls.listen and not (tls.certificate and tls.key):
        problems.add("[tls] listen: a certificate and a key are needed, too")
    problems.raise_any()
    secret_dsn = credential(environ, "database-dsn")
    if secret_dsn and not sections["database"].dsn:
        sections["database"] = _with_dsn(sections["database"], secret_dsn)
    return Config(**sections, environment=read_environment(environ))


def as_dict(config: Config) -> dict[str, dict[str, Any]]:
    """The configuration in plain values, for people: passwords are hidden."""
    shown = {name: asdict(getattr(config, name)) for name in SECTIONS}
    shown["database"]["dsn"] = masked_dsn(config.database.dsn)
    return shown


def render(config: Config) -> str:
    """The configuration as a TOML file that would give it, but for hidden passwords."""
    return to_toml(as_dict(config))


def _with_dsn(database: Database, text: str) -> Database:
    try:
        dsn(text)
    except ValueError as error:
        raise ConfigError([f"credential database-dsn: {error}"]) from None
    return replace(database, dsn=text)


__all__ = ["Config", "ConfigError", "as_dict", "load", "render"]
