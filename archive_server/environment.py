"""What the surroundings of the process tell: read here, and nowhere else."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from archive_server.options import ConfigError


@dataclass(frozen=True, slots=True)
class Environment:
    """What the process's surroundings tell."""

    admin_password: str | None = field(default=None, repr=False)  # for the first user
    runtime_dir: Path | None = None  # for sockets; it goes when the service or the user does
    notify_socket: str = ""  # of the service manager; empty: there is none that listens
    watchdog_s: float = 0  # it wants to hear from us so often; 0: it does not


def read_environment(environ: Mapping[str, str]) -> Environment:
    """Take in what there is. Raises ConfigError."""
    # systemd sets the first for services with RuntimeDirectory= (of several, separated by colons,
    # the first will do), and the second for people.
    runtime = environ.get("RUNTIME_DIRECTORY", "").split(":")[0] or environ.get("XDG_RUNTIME_DIR")
    return Environment(
        admin_password=environ.get("ARCHIVE_ADMIN_PASSWORD")
        or credential(environ, "admin-password"),
        runtime_dir=Path(runtime) if runtime else None,
        notify_socket=environ.get("NOTIFY_SOCKET", ""),
        watchdog_s=_watchdog_s(environ),
    )


def credential(environ: Mapping[str, str], name: str) -> str | None:
    """The first line of what the service manager hands over in secret (systemd.exec(5)).

    None: nothing of this name. Raises ConfigError where it cannot be read.
    """
    directory = environ.get("CREDENTIALS_DIRECTORY")
    if not directory:
        return None
    try:
        text = (Path(directory) / name).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError):
        raise ConfigError([f"credential {name}: cannot be read"]) from None
    return text.partition("\n")[0].rstrip("\r") or None


def _watchdog_s(environ: Mapping[str, str]) -> float:
    """How long the service manager waits for a sign of life (sd_watchdog_enabled(3))."""
    if environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return 0  # it is for who started us
    microseconds = environ.get("WATCHDOG_USEC", "")
    return int(microseconds) / 1e6 if microseconds.isdecimal() else 0
