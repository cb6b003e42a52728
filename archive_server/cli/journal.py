"""`archive-server journal`: what happened to the library, and what happens."""

import contextlib
import json
import time
from collections.abc import Iterator
from pathlib import Path

import click

from archive_server.cli.offline import Target, failures, finished
from archive_server.cli.options import config_option, data_option
from archive_server.model.journal import Event, EventPage
from archive_server.services.journal import BEGINNING, END, JournalService

# Not NOTIFY: PostgreSQL commits transactions that notify one after the other, and looking costs it
# a fifth of a millisecond.
_LOOK_EVERY_S = 1
_PAGE = 1000


@click.command()
@click.option("--follow", is_flag=True, help="Go on with what happens, until Ctrl-C.")
@click.option(
    "--since",
    type=click.IntRange(min=0),
    metavar="NUMBER",
    help="Only what happened after the event of this number. Without it: all that is kept, or"
    " with --follow, only what happens from now on.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON an event.")
@data_option
@config_option
def journal(
    follow: bool, since: int | None, as_json: bool, data_dir: Path, config_file: Path | None
) -> None:
    """Show what happened to clips, playlists and webstreams."""
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
        for page in _pages(JournalService(database, _PAGE), since, follow=follow):
            for event in page.events:
                click.echo(_as_json(event) if as_json else _as_text(event))


def _pages(journal: JournalService, cursor: int, *, follow: bool) -> Iterator[EventPage]:
    while True:
        page = finished(journal.read(cursor))
        yield page
        cursor = page.cursor
        if not page.has_more:
            if not follow:
                return
            time.sleep(_LOOK_EVERY_S)


def _as_text(event: Event) -> str:
    fields = (
        str(event.number),
        f"{event.at:%Y-%m-%d %H:%M:%S}",
        event.kind.value,
        event.file_type.value if event.file_type else "-",
        str(event.gunid),
        str(event.revision or "-"),
        event.login or "-",
        event.address or "-",
    )
    return "\t".join(fields)


def _as_json(event: Event) -> str:
    shown = {
        "number": event.number,
        "at": event.at.isoformat(),
        "event": event.kind.value,
        "gunid": str(event.gunid),
        "type": event.file_type and event.file_type.value,
        "revision": event.revision,
        "login": event.login,
        "address": event.address,
    }
    return json.dumps(shown, ensure_ascii=False)
