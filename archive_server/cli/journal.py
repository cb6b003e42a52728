"""`archive-server journal`: what happened to the library, and what happens."""

import contextlib
import json
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from archive_server.cli.offline import CommandFailed, Target, finished
from archive_server.cli.options import config_option, data_option
from archive_server.errors import Unavailable
from archive_server.model.journal import AuditEvent, AuditPage, Event, EventPage
from archive_server.services.journal import BEGINNING, END, JournalService

# Not NOTIFY: PostgreSQL commits transactions that notify one after the other, and looking costs it
# a fifth of a millisecond.
_LOOK_EVERY_S = 1
_PAGE = 1000
_RETURNS_S = 10  # the database, when it was restarted


_Read = Callable[[int], Coroutine[Any, Any, EventPage | AuditPage]]


@click.command()
@click.option("--follow", is_flag=True, help="Go on with what happens, until Ctrl-C.")
@click.option(
    "--since",
    type=click.IntRange(min=0),
    metavar="NUMBER",
    help="Only what happened after the event of this number. Without it: all that is kept, or"
    " with --follow, only what happens from now on.",
)
@click.option(
    "--audit",
    is_flag=True,
    help="Instead who logged in or was refused, what was changed about users, groups, permissions"
    " and tokens, and who replaced or deleted something.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON an event.")
@data_option
@config_option
def journal(
    follow: bool,
    since: int | None,
    audit: bool,
    as_json: bool,
    data_dir: Path,
    config_file: Path | None,
) -> None:
    """Show what happened to clips, playlists and webstreams, or to those who use them."""
    target = Target(data_dir, config_file)
    if since is None:
        since = END if follow else BEGINNING
    with contextlib.suppress(KeyboardInterrupt):
        _Reading(target, audit, as_json, since).go_on(follow=follow)


@dataclass
class _Reading:
    """Showing events, from one to the next, whatever becomes of the database meanwhile."""

    target: Target
    audit: bool
    as_json: bool
    cursor: int
    lost_at: float | None = None

    def go_on(self, *, follow: bool) -> None:
        """Show what there is, or all that happens. Raises CommandFailed."""
        while True:
            try:
                if follow:
                    # Or nothing would happen, and nobody could start it.
                    self.target.require_running()
                self._show(follow=follow)
            except CommandFailed as error:
                if self.lost_at is None:
                    raise
                if time.monotonic() > self.lost_at + _RETURNS_S:
                    raise CommandFailed(f"the database cannot be reached: {error}") from error
            else:
                if not follow:
                    return
            time.sleep(_LOOK_EVERY_S)

    def _show(self, *, follow: bool) -> None:
        """Show it on one connection; where one follows, until that is lost."""
        with self.target.database("journal") as database:
            service = JournalService(database, _PAGE)
            read: _Read = service.audit if self.audit else service.read
            while True:
                try:
                    page = finished(read(self.cursor))
                except Unavailable:
                    if not follow:
                        raise
                    self.lost_at = self.lost_at or time.monotonic()
                    return
                self.lost_at = None
                for event in page.events:
                    click.echo(_json(event) if self.as_json else _line(event))
                self.cursor = page.cursor
                if not page.has_more:
                    if not follow:
                        return
                    time.sleep(_LOOK_EVERY_S)


def _line(event: Event | AuditEvent) -> str:
    """An event for people: its fields between tabs, and `-` for what there is not."""
    at = f"{event.at:%Y-%m-%d %H:%M:%S}"
    return "\t".join(str(field or "-") for field in {**_told(event), "at": at}.values())


def _json(event: Event | AuditEvent) -> str:
    return json.dumps(_told(event), ensure_ascii=False)


def _told(event: Event | AuditEvent) -> dict[str, object]:
    """An event for programs."""
    begin = {"number": event.number, "at": event.at.isoformat(), "event": event.kind.value}
    end = {"login": event.login, "address": event.address}
    if isinstance(event, AuditEvent):
        return {**begin, "subject": event.subject, "detail": event.detail, **end}
    return {
        **begin,
        "type": event.file_type and event.file_type.value,
        "gunid": str(event.gunid),
        "revision": event.revision,
        **end,
    }
