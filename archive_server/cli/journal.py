"""`archive-server journal`: what happened to the library, and what happens."""

import contextlib
import json
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import click

from archive_server.cli.offline import Target, failures, finished
from archive_server.cli.options import config_option, data_option
from archive_server.model.journal import AuditEvent, AuditPage, Event, EventPage
from archive_server.services.journal import BEGINNING, END, JournalService

# Not NOTIFY: PostgreSQL commits transactions that notify one after the other, and looking costs it
# a fifth of a millisecond.
_LOOK_EVERY_S = 1
_PAGE = 1000

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
    if follow:
        target.require_running()  # or nothing would happen, and nobody could start it
    if since is None:
        since = END if follow else BEGINNING
    with (
        target.database("journal") as database,
        failures(),
        contextlib.suppress(KeyboardInterrupt),
    ):
        service = JournalService(database, _PAGE)
        read = service.audit if audit else service.read
        for page in _pages(read, since, follow=follow):
            for event in page.events:
                click.echo(
                    json.dumps(_told(event), ensure_ascii=False) if as_json else _line(event)
                )


def _pages(read: _Read, cursor: int, *, follow: bool) -> Iterator[EventPage | AuditPage]:
    while True:
        page = finished(read(cursor))
        yield page
        cursor = page.cursor
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
