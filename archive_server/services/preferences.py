"""What clients keep for users and groups between sessions (LiveSupport storage protocol, 8)."""

from dataclasses import dataclass
from typing import Any

from archive_server.blocking import Database
from archive_server.database import groups, preferences
from archive_server.errors import BadRequest, Forbidden, TooLarge
from archive_server.model.rights import Action
from archive_server.model.users import Caller
from archive_server.services.rights import require_scope

_LONGEST_KEY = 255  # characters
_LARGEST_VALUE = 2**20  # bytes; a studio's scratch pad takes some kilobytes


@dataclass(frozen=True)
class PreferenceService:
    """Preferences: a user's own, and those of groups, which everybody may read."""

    database: Database

    async def load(self, caller: Caller, key: str) -> str:
        """What the caller keeps under a key. Raises UnknownPreference, BadRequest."""
        return await self.database.run(preferences.get, caller.user_id, _checked_key(key))

    async def save(self, caller: Caller, key: str, value: str) -> None:
        """Keep something for the caller. Raises Forbidden, BadRequest, TooLarge."""
        require_scope(caller, Action.WRITE)
        await self.database.run(
            preferences.save, caller.user_id, _checked_key(key), _checked_value(value)
        )

    async def remove(self, caller: Caller, key: str) -> None:
        """Forget what the caller keeps under a key.

        Raises Forbidden, UnknownPreference, BadRequest.
        """
        require_scope(caller, Action.WRITE)
        await self.database.run(preferences.remove, caller.user_id, _checked_key(key))

    async def load_of_group(self, caller: Caller, group: str, key: str) -> str:
        """What a group keeps under a key. Raises UnknownGroup, UnknownPreference, BadRequest."""
        return await self.database.run(_load_of_group, group, _checked_key(key))

    async def save_of_group(self, caller: Caller, group: str, key: str, value: str) -> None:
        """Keep something for a group that the caller is in.

        Raises UnknownGroup, Forbidden, BadRequest, TooLarge.
        """
        require_scope(caller, Action.WRITE)
        await self.database.run(
            _save_of_group, caller, group, _checked_key(key), _checked_value(value)
        )


def _checked_key(key: str) -> str:
    if not 0 < len(key) <= _LONGEST_KEY or "\0" in key:
        raise BadRequest(f"key: 1 to {_LONGEST_KEY} characters expected")
    return key


def _checked_value(value: str) -> str:
    if "\0" in value:
        raise BadRequest("value: text without NUL expected")
    if len(value.encode()) > _LARGEST_VALUE:
        raise TooLarge(f"value: more than {_LARGEST_VALUE} bytes")
    return value


def _load_of_group(cursor: Any, group: str, key: str) -> str:
    return preferences.get_of_group(cursor, groups.get_id(cursor, group), key)


def _save_of_group(cursor: Any, caller: Caller, group: str, key: str, value: str) -> None:
    group_id = groups.get_id(cursor, group)
    if not groups.is_member(cursor, caller.user_id, group_id):
        raise Forbidden(f"user {caller.login} is not in group {group}")
    preferences.save_of_group(cursor, group_id, key, value)
