"""What a new archive needs once: a store, and a user who can log in."""

import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from archive_server.database import journal, stores, users
from archive_server.errors import Conflict
from archive_server.model.journal import AuditKind
from archive_server.model.users import Role
from archive_server.services import passwords
from audio_store import AudioStore, Sidecars
from audio_store.sidecars import ARCHIVE

FIRST_USER = "root"
PASSWORD_FILE = "admin-password"  # noqa: S105  the name of a file


def find_or_make_store(cursor: Any, root: Path) -> AudioStore:
    """The store of this archive; made if there never was one.

    One that is away is not made again: what is expected is the store that was there, and every
    use of it says "unavailable" until it is back. Raises StoreAway where the very first one
    cannot be made, Conflict where there is one that another database knows.
    """
    store_id = stores.find(cursor)
    if store_id is not None:
        return AudioStore.expected(root, store_id)
    store = AudioStore.create(root)
    if any(True for _ in store.contents()) or Sidecars(store).path(ARCHIVE).exists():
        # A wrong dsn, a disk that is not mounted. No row of this database names that audio, so the
        # janitor would take all of it for what a crash left behind; and what the sidecars say of
        # users and groups, ours would replace.
        raise Conflict(
            f"{root} holds an archive that this new, empty database knows nothing of;"
            " to make the database of it anew: archive-server rebuild"
        )
    stores.add(cursor, store.store_id)
    return store


@dataclass(frozen=True, slots=True)
class MadeUp:
    """A password that only this program and its file know."""

    login: str
    password: str = field(repr=False)
    file: Path


def make_first_user(cursor: Any, data_dir: Path, password: str | None) -> MadeUp | None:
    """Make the user `root` where there are no users yet.

    Without a password it makes one up, writes it to `DIR/admin-password` and returns it.
    """
    if users.list_users(cursor):
        return None
    made_up = None
    if not password:
        password = secrets.token_urlsafe(12)
        made_up = MadeUp(FIRST_USER, password, data_dir / PASSWORD_FILE)
        # The file first: a user whose password nobody knows could never log in.
        _write_private(made_up.file, f"{password}\n")
    users.add(cursor, FIRST_USER, passwords.hashed(password), Role.ADMIN)
    journal.add_audit(cursor, AuditKind.USER_ADDED, f"user:{FIRST_USER}", by=None)
    return made_up


def _write_private(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
