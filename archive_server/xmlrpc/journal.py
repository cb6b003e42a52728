"""Following what happens, as calls that the old archive had not."""

from dataclasses import dataclass

from archive_server.errors import BadRequest, CursorLost, Forbidden, NoSession
from archive_server.model.journal import AUDITED, AuditEvent, AuditKind, Event, EventKind
from archive_server.services.journal import JournalService
from archive_server.services.sessions import SessionService
from archive_server.xmlrpc.method import Client, Kind, Member, Method
from archive_server.xmlrpc.parameters import items, text, whole
from archive_server.xmlrpc.sessions import SESSION, caller_of
from archive_server.xmlrpc.values import Struct


@dataclass(frozen=True)
class JournalMethods:
    """The calls that read the journal."""

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

    async def get_audit(self, client: Client, struct: Struct) -> Struct:
        """Give what auditors want to know after a cursor, and the next cursor."""
        after, limit = whole(struct, "cursor"), whole(struct, "limit")
        caller = await caller_of(self.sessions, client, struct)
        page = await self.journal.audit_for(caller, after, limit)
        return {
            "events": [_audit_event(event) for event in page.events],
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
        **_core(event),
        "gunid": str(event.gunid),
        "type": event.file_type.value if event.file_type else "",
        "revision": event.revision or 0,
    }


def _audit_event(event: AuditEvent) -> Struct:
    return {**_core(event), "subject": event.subject, "detail": event.detail}


def _core(event: Event | AuditEvent) -> Struct:
    return {
        "number": event.number,
        "at": event.at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "event": event.kind.value,
        "login": event.login or "",
        "address": event.address or "",
    }


_CURSOR = Member(
    "cursor",
    Kind.INT,
    "as the answer before gave it; 0 or absent: from the first event that is kept; "
    "-1: no events, only the cursor after all there are",
    optional=True,
)
_LIMIT = Member("limit", Kind.INT, "how many at most; 0 or absent: a full page", optional=True)
_NEXT = (
    Member("cursor", Kind.INT, "to be sent with the next call"),
    Member("more", Kind.BOOLEAN, "whether there may be more at once"),
)

METHODS = (
    Method(
        "locstor.getEvents",
        "Tells what has happened to the library after a cursor, in an order in which nothing is "
        "missed: who goes on from the cursor of each answer gets every event once.",
        takes=(
            SESSION,
            _CURSOR,
            _LIMIT,
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
            *_NEXT,
        ),
        call=JournalMethods.get_events,
        raises=(BadRequest, NoSession, Forbidden, CursorLost),
        since="2026-11, an extension",
    ),
    Method(
        "admin.getAudit",
        "Tells who logged in or was refused, what was changed about users, groups, permissions and "
        "tokens, and who replaced or deleted something; by a cursor, as `locstor.getEvents`.",
        takes=(SESSION, _CURSOR, _LIMIT),
        gives=(
            Member(
                "events",
                Kind.ARRAY,
                f"structs of `number`, `at` (ISO 8601, UTC), `event` ({', '.join(AuditKind)}, or "
                f"{', '.join(AUDITED)}), `subject` (to whom or what: `user:NAME`, `group:NAME`, "
                "`class:NAME`, an id; `nobody`: a login name that nobody has), `detail` (what has "
                "changed), `login` (who did it; empty: nobody who had logged in, or a command), "
                "`address` (where the call came from; empty: not known)",
            ),
            *_NEXT,
        ),
        call=JournalMethods.get_audit,
        raises=(BadRequest, NoSession, Forbidden, CursorLost),
        since="2026-11, an extension",
    ),
)
