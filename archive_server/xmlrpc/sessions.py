"""`locstor.login` and its like, and the calls that show whether anybody is there."""

from dataclasses import dataclass, replace

from archive_server.errors import BadCredentials, BadRequest, NoSession, TooManyAttempts
from archive_server.model.users import Caller
from archive_server.services.sessions import SessionService
from archive_server.xmlrpc.method import Client, Kind, Member, Method
from archive_server.xmlrpc.parameters import text
from archive_server.xmlrpc.values import Struct

SESSION = Member("sessid", Kind.STRING, "the session id that `login` gave, or an API token")


@dataclass(frozen=True)
class SessionMethods:
    """The calls about sessions."""

    sessions: SessionService
    version: str

    async def get_version(self, client: Client, struct: Struct) -> Struct:
        """Tell the version of the archive."""
        return {"version": self.version}

    async def test(self, client: Client, struct: Struct) -> Struct:
        """Echo, in upper case, for whoever is logged in."""
        session_id = text(struct, "sessid")
        caller = await caller_of(self.sessions, client, struct)
        return {
            "str": text(struct, "teststring").upper(),
            "login": caller.login,
            "sessid": session_id,
        }

    async def authenticate(self, client: Client, struct: Struct) -> Struct:
        """Tell whether a password is right."""
        return {
            "authenticate": await self.sessions.authenticate(
                text(struct, "login"), text(struct, "pass"), client.address
            )
        }

    async def log_in(self, client: Client, struct: Struct) -> Struct:
        """Begin a session."""
        login, password = text(struct, "login"), text(struct, "pass")
        session_id = await self.sessions.log_in(login, password, client.address)
        client.traces["user"] = login
        return {"sessid": session_id}

    async def log_out(self, client: Client, struct: Struct) -> Struct:
        """End a session."""
        await self.sessions.log_out(text(struct, "sessid"), client.address)
        return {"status": True}


async def caller_of(sessions: SessionService, client: Client, struct: Struct) -> Caller:
    """Find out who calls, by `sessid`; the log learns it too. Raises BadRequest, NoSession."""
    caller = await sessions.caller(text(struct, "sessid"))
    client.traces["user"] = caller.login
    return replace(caller, address=client.address or None)


_LOGIN = Member("login", Kind.STRING, "the user's name")
_PASS = Member("pass", Kind.STRING, "the password")

METHODS = (
    Method(
        "locstor.getVersion",
        "Tells the version of the archive.",
        takes=(),
        gives=(Member("version", Kind.STRING, "the version"),),
        call=SessionMethods.get_version,
        since="2005-04",
    ),
    Method(
        "locstor.test",
        "Shows that calls arrive and who makes them.",
        takes=(Member("teststring", Kind.STRING, "any text"), SESSION),
        gives=(
            Member("str", Kind.STRING, "the text in upper case"),
            Member("login", Kind.STRING, "the name of the user whose session it is"),
            Member("sessid", Kind.STRING, "the session id"),
        ),
        call=SessionMethods.test,
        raises=(BadRequest, NoSession),
        since="2005-01",
    ),
    Method(
        "locstor.authenticate",
        "Tells whether a password is right, without logging in.",
        takes=(_LOGIN, _PASS),
        gives=(Member("authenticate", Kind.BOOLEAN, "whether it is right"),),
        call=SessionMethods.authenticate,
        raises=(BadRequest, TooManyAttempts),
        since="2005-01",
    ),
    Method(
        "locstor.login",
        "Begins a session. It ends with `logout`, or some time after its last use.",
        takes=(_LOGIN, _PASS),
        gives=(Member("sessid", Kind.STRING, "the session id, 32 hex digits"),),
        call=SessionMethods.log_in,
        raises=(BadRequest, BadCredentials, TooManyAttempts),
        since="2005-01",
    ),
    Method(
        "locstor.logout",
        "Ends a session.",
        takes=(SESSION,),
        gives=(Member("status", Kind.BOOLEAN, "true"),),
        call=SessionMethods.log_out,
        raises=(BadRequest, NoSession),
        since="2005-01",
    ),
)
