"""Following what happens to the library, as a `locstor.*` call that the old archive had not."""

from dataclasses import dataclass

from archive_server.errors import BadRequest, CursorLost, Forbidden, NoSession
from archive_server.model.journal import Event, EventKind
from archive_server.services.journal import JournalService
from archive_server.services.sessions import SessionService
from archive_server.xmlrpc.method import Client, Kind, Member, Method
from archive_server.xmlrpc.parameters import items, text, whole
from archive_server.xmlrpc.sessions import SESSION, caller_of
from archive_server.xmlrpc.values import Struct


@dataclass(frozen=True)
class JournalMethods:
    """The call that reads the journal."""

    sessions: SessionService
    journal: JournalService

    async def get_events(self, client: Client, struct: Struct) -> Struct:
        """Give the events after a cursor, and the next cursor."""
        after, limit = whole(struct, "cursor"), whole(struct, "limit")
        kinds = [_kind(text({"types": each}, "types")) for each in items(struct, "types")]
        caller = await caller_of(self.sessions, client, struct)
        page = await self.journal.events(caller, after, limit, kinds)
        return {
            "events": [_event(event) for event in page.events],
            "cursor": page.cursor,
            "more": page.has_more,
        }


def _kind(word: str) -> EventKind:
    try:
        return EventKind(word)
    except ValueError as error:
        known = ", ".join(EventKind)
        raise BadRequest(f"types: {known} expected, not {word[:80]}") from error


def _event(event: Event) -> Struct:
    return {
        "number": event.number,
        "at": event.at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "event": event.kind.value,
        "gunid": str(event.gunid),
        "type": event.file_type.value if event.file_type else "",
        "revision": event.revision or 0,
        "login": event.login or "",
        "address": event.address or "",
    }


METHODS = (
    Method(
        "locstor.getEvents",
        "Tells what has happened to the library after a cursor, in an order in which nothing is "
        "missed: who goes on from the cursor of each answer gets every event once.",
        takes=(
            SESSION,
            Member(
                "cursor",
                Kind.INT,
                "as the answer before gave it; 0 or absent: from the first event that is kept; "
                "-1: no events, only the cursor after all there are",
                optional=True,
            ),
            Member("limit", Kind.INT, "how many at most; 0 or absent: a full page", optional=True),
            Member(
                "types",
                Kind.ARRAY,
                f"which events: {', '.join(EventKind)}; none or absent: all",
                optional=True,
            ),
        ),
        gives=(
            Member(
                "events",
                Kind.ARRAY,
                "structs of `number`, `at` (ISO 8601, UTC), `event`, `gunid`, `type` (audioclip, "
                "playlist, webstream), `revision` (the one it left, or that was read; 0: it has "
                "none), `login` (empty: the archive itself, or a command), `address` (where the "
                "call came from; empty: not known)",
            ),
            Member("cursor", Kind.INT, "to be sent with the next call"),
            Member("more", Kind.BOOLEAN, "whether there may be more at once"),
        ),
        call=JournalMethods.get_events,
        raises=(BadRequest, NoSession, Forbidden, CursorLost),
        since="2026-11, an extension",
    ),
)
