"""What clients keep for users and groups, as `locstor.*` calls."""

from dataclasses import dataclass

from archive_server.errors import (
    BadRequest,
    Forbidden,
    NoSession,
    TooLarge,
    UnknownGroup,
    UnknownPreference,
)
from archive_server.model.users import Caller
from archive_server.services.preferences import PreferenceService
from archive_server.services.sessions import SessionService
from archive_server.xmlrpc.method import Client, Kind, Member, Method
from archive_server.xmlrpc.parameters import text
from archive_server.xmlrpc.sessions import SESSION, caller_of
from archive_server.xmlrpc.values import Struct


@dataclass(frozen=True)
class PreferenceMethods:
    """The calls about preferences."""

    sessions: SessionService
    preferences: PreferenceService

    async def load(self, client: Client, struct: Struct) -> Struct:
        """Give what the user keeps under a key."""
        caller = await self._caller(client, struct)
        return {"value": await self.preferences.load(caller, text(struct, "key"))}

    async def save(self, client: Client, struct: Struct) -> Struct:
        """Keep something for the user."""
        caller = await self._caller(client, struct)
        await self.preferences.save(caller, text(struct, "key"), text(struct, "value"))
        return {"status": True}

    async def remove(self, client: Client, struct: Struct) -> Struct:
        """Forget what the user keeps under a key."""
        caller = await self._caller(client, struct)
        await self.preferences.remove(caller, text(struct, "key"))
        return {"status": True}

    async def load_of_group(self, client: Client, struct: Struct) -> Struct:
        """Give what a group keeps under a key."""
        caller = await self._caller(client, struct)
        group, key = text(struct, "group"), text(struct, "key")
        return {"value": await self.preferences.load_of_group(caller, group, key)}

    async def save_of_group(self, client: Client, struct: Struct) -> Struct:
        """Keep something for a group."""
        caller = await self._caller(client, struct)
        group, key = text(struct, "group"), text(struct, "key")
        await self.preferences.save_of_group(caller, group, key, text(struct, "value"))
        return {"status": True}

    async def _caller(self, client: Client, struct: Struct) -> Caller:
        return await caller_of(self.sessions, client, struct)


_KEY = Member("key", Kind.STRING, "the name it is kept under, 1 to 255 characters")
_VALUE = Member("value", Kind.STRING, "what is kept: any text, of 1 MiB at most")
_GROUP = Member("group", Kind.STRING, "the group's name, `StationPrefs` say")
_STATUS = Member("status", Kind.BOOLEAN, "true")

METHODS = (
    Method(
        "locstor.loadPref",
        "Gives what the user keeps under a key.",
        takes=(SESSION, _KEY),
        gives=(_VALUE,),
        call=PreferenceMethods.load,
        raises=(BadRequest, NoSession, UnknownPreference),
        since="2005-01",
    ),
    Method(
        "locstor.savePref",
        "Keeps something for the user, in the place of what was kept under this key.",
        takes=(SESSION, _KEY, _VALUE),
        gives=(_STATUS,),
        call=PreferenceMethods.save,
        raises=(BadRequest, NoSession, TooLarge),
        since="2005-01",
    ),
    Method(
        "locstor.delPref",
        "Forgets what the user keeps under a key.",
        takes=(SESSION, _KEY),
        gives=(_STATUS,),
        call=PreferenceMethods.remove,
        raises=(BadRequest, NoSession, UnknownPreference),
        since="2005-01",
    ),
    Method(
        "locstor.loadGroupPref",
        "Gives what a group keeps under a key; everybody may read it.",
        takes=(SESSION, _GROUP, _KEY),
        gives=(_VALUE,),
        call=PreferenceMethods.load_of_group,
        raises=(BadRequest, NoSession, UnknownGroup, UnknownPreference),
        since="2005-01",
    ),
    Method(
        "locstor.saveGroupPref",
        "Keeps something for a group that the user is in, directly or through other groups.",
        takes=(SESSION, _GROUP, _KEY, _VALUE),
        gives=(_STATUS,),
        call=PreferenceMethods.save_of_group,
        raises=(BadRequest, NoSession, Forbidden, UnknownGroup, TooLarge),
        since="2005-01",
    ),
)
