"""Where the socket of the embedded PostgreSQL is: a private directory with a short name.

The path of a socket has at most 107 bytes, a data directory may be anywhere. So the directory is
a temporary one, and the link `DIR/socket` says where; `psql -h DIR/socket` works where DIR itself
is short.
"""

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from archive_server.database.accounts import Account
from archive_server.database.embedded_errors import EmbeddedError

_PREFIX = "archive-"
_LONGEST_PARENT = 107 - len(f"/{_PREFIX}12345678/.s.PGSQL.5432")  # bytes


def make_socket_directory(data_dir: Path, account: Account, runtime_dir: Path | None) -> Path:
    """Make the directory, and the link to it. Raises EmbeddedError if there is no place for it."""
    remove_socket_directory(data_dir)
    for parent in _parents(runtime_dir):
        if _is_suitable(parent) and account.can_reach(parent / "x"):
            return _make(parent, _link(data_dir), account)
    raise EmbeddedError(
        f"no place for a socket of PostgreSQL: {' and '.join(map(str, _parents(runtime_dir)))}"
        " cannot be written to, or have too long a name"
    )


def remove_socket_directory(data_dir: Path) -> None:
    """Remove the directory and the link, also those that a crash left. Repeatable."""
    link = _link(data_dir)
    if link.is_symlink():
        made = link.readlink()
        # Whoever can write to the data directory could link to anything.
        if made.name.startswith(_PREFIX) and not made.is_symlink():
            shutil.rmtree(made, ignore_errors=True)
        link.unlink()


def _make(parent: Path, link: Path, account: Account) -> Path:
    """Make a directory of a name that nobody has. Raises OSError.

    The link comes first: a crash leaves no directory that no link tells of.
    """
    made = parent / f"{_PREFIX}{secrets.token_urlsafe(6)}"
    link.symlink_to(made)
    try:
        made.mkdir(0o700)
    except BaseException:
        link.unlink()  # what lies there is somebody else's
        raise
    account.own(made)
    return made


def _parents(runtime_dir: Path | None) -> Iterator[Path]:
    """Places for it, best first."""
    if runtime_dir is not None:
        yield runtime_dir
    yield Path(tempfile.gettempdir())
    yield Path("/tmp")  # noqa: S108 - a private directory is made there


def _is_suitable(parent: Path) -> bool:
    # libpq reads a comma as the end of a host's name.
    is_short = len(os.fsencode(parent)) <= _LONGEST_PARENT and "," not in str(parent)
    return is_short and os.access(parent, os.W_OK | os.X_OK)


def _link(data_dir: Path) -> Path:
    return data_dir / "socket"
