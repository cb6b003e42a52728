"""Every change of the library is one event, in the transaction that makes the change."""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from datetime import timedelta
from typing import Any

import psycopg2
import pytest
from fixtures.fix_services import Services
from services.conftest import sound
from services.packed import backup, restore
from services.transfers import clip as clip_element
from services.transfers import document, element, read
from support import result_of
from twisted.internet.task import Clock

from archive_server.database import journal
from archive_server.errors import ArchiveError, CursorLost, Forbidden
from archive_server.model.gunid import Gunid, IdStyle
from archive_server.model.journal import AuditKind, EventKind
from archive_server.model.leases import LeaseKind
from archive_server.model.permissions import Object, ObjectKind
from archive_server.model.playlist_archives import ListType
from archive_server.model.rights import Action
from archive_server.model.users import Role
from archive_server.sample import catalogue
from archive_server.services.accesses import Accesses
from archive_server.services.journal import END
from archive_server.services.permissions import PermissionService
from archive_server.services.rendering import Rendering
from archive_server.services.reset import ResetPolicy
from archive_server.workers.jobs import JobRunner

DAY = timedelta(days=1)
DOCUMENT = "<audioClip><metadata><dc:title>New</dc:title></metadata></audioClip>"
URL = "http://radio.example:8000/live"

# Methods that change the library, and those beside them that do not.
CHANGING = {
    "clips": ({"finish_upload", "describe", "delete", "restore"},
              {"start_upload", "exists", "document", "trashed"}),
    "playlists": ({"create", "save", "delete"},
                  {"edit", "revert", "unlock", "edits", "exists", "edit_of"}),
    "webstreams": ({"store"}, set()),
    "imports": ({"close"}, {"open"}),
    "restores": ({"work", "restore"}, {"open", "finish_upload", "state", "close"}),
    "render_work": ({"to_clip"}, {"to_file", "to_feed"}),
    "reset": ({"reset"}, set()),
    "maintenance": ({"tidy", "purge_trash"}, {"sweep"}),
}  # fmt: skip
HARMLESS = {
    "sessions", "uploads", "downloads", "playlist_access", "exports", "simple_get", "puts",
    "search", "journal", "brake", "verification", "integrity", "administration", "preferences",
    "jobs", "rendering", "backups", "sidecars",
}  # fmt: skip
NO_SERVICES = {"clock", "database", "store", "_sessions"}


@dataclass(frozen=True)
class Stage:
    """What operations are played on."""

    services: Services

    def clip(self, hertz: float = 440, gunid: Gunid | None = None) -> Gunid:
        return self.services.store_clip(sound(0.2, hertz), gunid=gunid, file_name="a.wav")

    def playlist(self, *clips: Gunid) -> Gunid:
        caller = self.services.caller()
        gunid = result_of(self.services.playlists.create(caller, None, "list.xml"))
        if clips:
            self.save(self.edit(gunid), gunid, *clips)
        return gunid

    def edit(self, gunid: Gunid) -> str:
        return result_of(self.services.playlists.edit(self.services.caller(), gunid)).token

    def save(self, token: str, gunid: Gunid, *clips: Gunid) -> None:
        held = [element(n, clip_element(each)) for n, each in enumerate(clips, start=1)]
        xml = document(gunid, *held)
        result_of(self.services.playlists.save(self.services.caller(), token, xml))

    def stream(self, gunid: Gunid | None = None) -> Gunid:
        caller = self.services.caller()
        return result_of(self.services.webstreams.store(caller, gunid, "", "live", URL))

    def delete(self, gunid: Gunid, *, forced: bool) -> None:
        service: Any = self.services.clips
        if result_of(self.services.playlists.exists(self.services.caller(), gunid)):
            service = self.services.playlists
        result_of(service.delete(self.services.caller(), gunid, forced=forced))

    def render(self, gunid: Gunid) -> Gunid:
        services, kind = self.services, Rendering.CLIP
        token = result_of(services.rendering.start(services.caller(), gunid, kind, "http://x"))
        runner = JobRunner(services.jobs, services.render_work.by_kind(), Clock())
        runner.start()
        result_of(runner.stop(0))
        rendered = result_of(services.rendering.check(token, kind))
        assert rendered.gunid is not None, rendered.fault
        return rendered.gunid

    def reset(self, *, load_sample: bool) -> None:
        allowed = replace(self.services.reset, policy=ResetPolicy(True, IdStyle.UUID7))
        result_of(allowed.reset(load_sample=load_sample, end_sessions=False))


Happened = tuple[str, Gunid, str, int | None, str | None]
Operation = Callable[[Stage], Iterator[list[Happened]]]
OPERATIONS: list[Operation] = []


def operation(play: Operation) -> Operation:
    """Prepares, yields nothing, does it, and yields the events expected of it."""
    OPERATIONS.append(play)
    return play


ME = "maintainer"


@operation
def store_a_clip(stage):
    yield []
    yield [("created", stage.clip(), "audioclip", 1, ME)]


@operation
def replace_a_clip(stage):
    gunid = stage.clip()
    yield []
    stage.clip(880, gunid)
    yield [("replaced", gunid, "audioclip", 2, ME)]


@operation
def store_a_clip_that_was_in_the_trash(stage):
    gunid = stage.clip()
    stage.delete(gunid, forced=False)
    yield []
    stage.clip(880, gunid)
    yield [("replaced", gunid, "audioclip", 2, ME)]


@operation
def describe_a_clip(stage):
    gunid = stage.clip()
    yield []
    result_of(stage.services.clips.describe(stage.services.caller(), gunid, DOCUMENT))
    yield [("updated", gunid, "audioclip", 1, ME)]


@operation
def describe_a_webstream(stage):
    gunid = stage.stream()
    yield []
    result_of(stage.services.clips.describe(stage.services.caller(), gunid, DOCUMENT))
    yield [("updated", gunid, "webstream", None, ME)]


@operation
def describe_a_playlist(stage):
    gunid = stage.playlist()
    yield []
    result_of(stage.services.clips.describe(stage.services.caller(), gunid, DOCUMENT))
    yield [("updated", gunid, "playlist", 2, ME)]


@operation
def trash_a_clip(stage):
    gunid = stage.clip()
    yield []
    stage.delete(gunid, forced=False)
    yield [("trashed", gunid, "audioclip", 1, ME)]


@operation
def trash_a_playlist(stage):
    gunid = stage.playlist(stage.clip())
    yield []
    stage.delete(gunid, forced=False)
    yield [("trashed", gunid, "playlist", 2, ME)]


@operation
def delete_a_clip_for_good(stage):
    gunid = stage.clip()
    yield []
    stage.delete(gunid, forced=True)
    yield [("deleted", gunid, "audioclip", 1, ME)]


@operation
def delete_a_playlist_for_good(stage):
    gunid = stage.playlist()
    yield []
    stage.delete(gunid, forced=True)
    yield [("deleted", gunid, "playlist", 1, ME)]


@operation
def delete_a_webstream_for_good(stage):
    gunid = stage.stream()
    yield []
    stage.delete(gunid, forced=True)
    yield [("deleted", gunid, "webstream", None, ME)]


@operation
def take_a_clip_out_of_the_trash(stage):
    gunid = stage.clip()
    stage.delete(gunid, forced=False)
    yield []
    result_of(stage.services.clips.restore(gunid))
    yield [("restored", gunid, "audioclip", 1, None)]


@operation
def empty_the_trash(stage):
    gunid = stage.clip()
    stage.delete(gunid, forced=False)
    yield []
    result_of(stage.services.maintenance.purge_trash(stage.services.clock()))
    yield [("deleted", gunid, "audioclip", 1, None)]


@operation
def tidy_up_after_a_month(stage):
    gunid = stage.playlist()
    stage.delete(gunid, forced=False)
    stage.services.clock.advance(31 * DAY)
    yield []
    result_of(stage.services.maintenance.tidy())
    yield [("deleted", gunid, "playlist", 1, None)]


@operation
def make_a_playlist(stage):
    yield []
    yield [("created", stage.playlist(), "playlist", 1, ME)]


@operation
def save_a_playlist(stage):
    gunid = stage.playlist()
    clip, token = stage.clip(), stage.edit(gunid)
    yield []
    stage.save(token, gunid, clip)
    yield [("replaced", gunid, "playlist", 2, ME)]


@operation
def store_a_webstream(stage):
    yield []
    yield [("created", stage.stream(), "webstream", None, ME)]


@operation
def replace_a_webstream(stage):
    gunid = stage.stream()
    yield []
    stage.stream(gunid)
    yield [("replaced", gunid, "webstream", None, ME)]


@operation
def import_a_playlist(stage):
    services, caller = stage.services, stage.services.caller()
    clip = stage.clip()
    gunid = stage.playlist(clip)
    token = result_of(services.exports.open(caller, [gunid], ListType.LSPL, standalone=False))
    archive = read(services, token)
    result_of(services.downloads.close(token, LeaseKind.EXPORT))
    stage.delete(gunid, forced=True)
    yield []
    upload = result_of(services.imports.open(caller, ""))
    services.send(upload.token, archive)
    result_of(services.imports.close(upload.token))
    yield [("replaced", clip, "audioclip", 2, ME), ("created", gunid, "playlist", 1, ME)]


@operation
def restore_a_backup(stage):
    kept, lost, stream = stage.clip(), stage.clip(880), stage.stream()
    playlist = stage.playlist(kept)
    archive = backup(stage.services)
    for gunid in (lost, stream, playlist):
        stage.delete(gunid, forced=True)
    yield []
    state = restore(stage.services, archive)
    if state.fault:  # told by the job, as it was raised
        raise ArchiveError(state.fault)
    yield [
        ("created", lost, "audioclip", 1, ME),
        ("created", stream, "webstream", None, ME),
        ("created", playlist, "playlist", 1, ME),
    ]


@operation
def render_a_playlist_to_a_clip(stage):
    gunid = stage.playlist(stage.clip())
    yield []
    yield [("created", stage.render(gunid), "audioclip", 1, ME)]


@operation
def reset_the_archive(stage):
    stage.services.session_id(Role.ADMIN)
    clip, stream = stage.clip(), stage.stream()
    stage.delete(stream, forced=False)
    yield []
    stage.reset(load_sample=False)
    yield [("deleted", clip, "audioclip", 1, None), ("deleted", stream, "webstream", None, None)]


# What the archive does by itself, or a command tells it: no rule is about that.
OWN = (take_a_clip_out_of_the_trash, empty_the_trash, tidy_up_after_a_month, reset_the_archive)
EVERY = pytest.mark.parametrize("play", OPERATIONS, ids=lambda play: play.__name__)


@pytest.fixture
def stage(services, dsn):
    """Where transactions are real, and a change of a clip without its one event is an error."""
    with services.database.connection as connection, connection.cursor() as cursor:
        cursor.execute(
            """
            CREATE FUNCTION require_event() RETURNS trigger LANGUAGE plpgsql AS $$
            DECLARE
                events integer;
            BEGIN
                SELECT count(*) INTO events FROM journal
                WHERE gunid = coalesce(NEW.gunid, OLD.gunid)
                AND xmin::text = pg_current_xact_id()::xid::text;
                IF events <> 1 THEN
                    RAISE '% events of a change in one transaction', events;
                END IF;
                RETURN NULL;
            END $$;
            CREATE CONSTRAINT TRIGGER clip_has_one_event AFTER INSERT OR UPDATE OR DELETE ON clip
                DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION require_event();
            """
        )
    return Stage(services)


def happened(services, after=0):
    """The events, as the operations tell them."""
    return [
        (event.kind, event.gunid, event.file_type, event.revision, event.login)
        for event in result_of(services.journal.read(after)).events
    ]


def library(services):
    """All rows that the library is made of, and the journal."""
    tables = ("clip", "revision", "document", "playlist_revision", "playlist_link",
              "search_clip", "search_shown", "journal")  # fmt: skip
    with services.database.connection as connection, connection.cursor() as cursor:
        found = {}
        for table in tables:
            only = "WHERE gunid IS NOT NULL" if table == "journal" else ""  # who came is not of it
            cursor.execute(f"SELECT t::text FROM {table} t {only} ORDER BY 1")
            found[table] = cursor.fetchall()
        return found


@EVERY
def test_a_change_is_one_event_in_its_own_transaction(stage, play):
    playing = play(stage)
    assert next(playing) == []
    before = result_of(stage.services.journal.read(END)).cursor
    expected = next(playing)
    assert happened(stage.services, before) == expected


@EVERY
def test_a_change_that_fails_in_the_end_is_no_event_and_no_change(stage, play):
    playing = play(stage)
    next(playing)
    before = library(stage.services)
    with stage.services.database.connection as connection, connection.cursor() as cursor:
        cursor.execute(
            """
            CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN RAISE 'not committed'; END $$;
            CREATE CONSTRAINT TRIGGER fails AFTER INSERT ON journal
                DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.gunid IS NOT NULL)
                EXECUTE FUNCTION fail();
            """
        )
    with pytest.raises((psycopg2.Error, ArchiveError, AssertionError)):
        next(playing)
    assert library(stage.services) == before


@pytest.mark.parametrize(
    "play", [play for play in OPERATIONS if play not in OWN], ids=lambda play: play.__name__
)
def test_a_change_that_is_not_allowed_is_no_event(stage, play):
    playing = play(stage)
    next(playing)
    before = library(stage.services)
    deny_everything(stage.services)
    with pytest.raises((ArchiveError, AssertionError)):  # the latter where a job tells it
        next(playing)
    assert library(stage.services) == before


def deny_everything(services):
    permissions = PermissionService(services.database)
    services.caller()
    for kind, name in ((ObjectKind.ARCHIVE, ""), (ObjectKind.HOME, "maintainer")):
        result_of(
            permissions.put(None, "user:maintainer", Action.ANY, Object(kind, name), allows=False)
        )


def test_every_method_that_changes_the_library_is_walked():
    """Whoever adds one adds it here, and an operation above."""
    services = {field.name: field.type for field in fields(Services)}
    assert services.keys() == CHANGING.keys() | HARMLESS | NO_SERVICES
    for name, (changing, others) in CHANGING.items():
        methods = {
            method
            for method, _ in inspect.getmembers(services[name], inspect.iscoroutinefunction)
            if not method.startswith("_")
        }
        assert methods == changing | others, name


def test_the_sample_is_in_the_journal_too(stage):
    stage.services.session_id(Role.ADMIN)
    stage.reset(load_sample=True)
    count = len(catalogue.CLIPS) + len(catalogue.PLAYLISTS) + 1
    assert [kind for kind, *_ in happened(stage.services)] == ["created"] * count


def test_a_restore_that_changes_nothing_is_no_event(stage):
    stage.playlist(stage.clip())
    stage.stream()
    archive = backup(stage.services)
    before = happened(stage.services)
    assert restore(stage.services, archive).fault == ""
    assert happened(stage.services) == before


def test_where_a_call_came_from_is_noted(stage):
    caller = replace(stage.services.caller(), address="192.0.2.7")
    result_of(stage.services.playlists.create(caller, None, "list"))
    (event,) = result_of(stage.services.journal.read(0)).events
    assert event.address == "192.0.2.7"


# -- accesses ---------------------------------------------------------------------------------


@pytest.fixture
def noted(services):
    """The services of a station that notes accesses."""
    accesses = Accesses(are_noted=True)
    downloads = replace(services.downloads, accesses=accesses)
    return replace(
        services,
        downloads=downloads,
        playlist_access=replace(services.playlist_access, downloads=downloads),
        exports=replace(services.exports, accesses=accesses),
        simple_get=replace(services.simple_get, downloads=downloads),
    )


def access_all(services, clip, playlist):
    caller = services.caller()
    result_of(services.downloads.open_audio(caller, clip))
    result_of(services.downloads.open_file(caller, clip))
    result_of(services.downloads.current(caller, clip)).content.close()
    result_of(services.downloads.revision(caller, clip, 1)).content.close()
    result_of(services.simple_get.open(caller, clip)).content.close()
    result_of(services.playlist_access.open(caller, playlist, recursive=True))
    result_of(services.exports.open(caller, [playlist], ListType.LSPL, standalone=False))


def test_who_reads_what_is_noted_where_that_is_wanted(noted):
    stage = Stage(noted)
    clip = stage.clip()
    playlist = stage.playlist(clip)
    stage.clip(880, clip)
    before = result_of(noted.journal.read(END)).cursor
    access_all(noted, clip, playlist)
    now, old = (("accessed", clip, "audioclip", number, ME) for number in (2, 1))
    whole = ("accessed", playlist, "playlist", 2, ME)
    assert happened(noted, before) == [now, now, now, old, now, whole, now, whole, now]


def test_else_it_is_not(services):
    stage = Stage(services)
    clip = stage.clip()
    playlist = stage.playlist(clip)
    before = happened(services)
    access_all(services, clip, playlist)
    assert happened(services) == before


# -- reading ----------------------------------------------------------------------------------


@pytest.fixture
def events(services):
    """The numbers of five events, the clip is trashed and taken out twice."""
    stage = Stage(services)
    gunid = stage.clip()
    for _ in range(2):
        stage.delete(gunid, forced=False)
        result_of(services.clips.restore(gunid))
    return [event.number for event in result_of(services.journal.read(0)).events]


def pages(services, limit, kinds=()):
    """All events, page by page."""
    cursor, found = 0, []
    while True:
        page = result_of(services.journal.events(services.caller(), cursor, limit, kinds))
        found += [event.number for event in page.events]
        assert len(page.events) <= limit
        assert page.cursor >= cursor
        cursor = page.cursor
        if not page.has_more:
            return found, cursor


@pytest.mark.parametrize("limit", [1, 2, 5, 6])
def test_pages_hold_every_event_once(services, events, limit):
    assert pages(services, limit) == (events, events[-1])


@pytest.mark.parametrize("limit", [1, 2, 5])
def test_events_of_some_kinds_only(services, events, limit):
    restored = [EventKind.RESTORED, EventKind.ACCESSED]
    assert pages(services, limit, restored) == ([events[2], events[4]], events[-1])
    assert pages(services, limit, [EventKind.DELETED]) == ([], events[-1])


def test_who_begins_at_the_end_sees_what_happens_from_now_on(services, events):
    page = result_of(services.journal.events(services.caller(), END))
    assert (page.events, page.cursor) == ([], events[-1])
    stream = Stage(services).stream()
    page = result_of(services.journal.events(services.caller(), page.cursor))
    assert [event.gunid for event in page.events] == [stream]


def test_it_takes_the_right_to_read(services, events):
    permissions = PermissionService(services.database)
    services.caller(Role.CLIENT)
    archive = Object(ObjectKind.ARCHIVE, "")
    result_of(permissions.put(None, "user:client", Action.READ, archive, allows=False))
    with pytest.raises(Forbidden):
        result_of(services.journal.events(services.caller(Role.CLIENT), 0))


def prune(services, last):
    """Forget everything up to an event."""
    far = services.clock() + DAY
    whole = result_of(services.journal.read(0)).events
    noted = result_of(services.journal.audit(0)).events
    others = sum(isinstance(event.kind, AuditKind) for event in noted)  # who came first
    count = others + [event.number for event in whole].index(last) + 1
    assert result_of(services.database.run(journal.prune, far, count)) == count


def test_a_cursor_that_is_older_than_what_is_kept_is_refused(services, events):
    prune(services, events[2])
    with pytest.raises(CursorLost, match=f"events up to {events[2]} are not kept"):
        result_of(services.journal.read(events[1]))
    assert pages(services, 10)[0] == events[3:]
    page = result_of(services.journal.read(events[2]))
    assert [event.number for event in page.events] == events[3:]


def test_a_cursor_is_good_when_all_that_it_has_read_is_gone(services, events):
    prune(services, events[-1])
    page = result_of(services.journal.read(0))
    assert (page.events, page.cursor) == ([], events[-1])
    assert result_of(services.journal.read(END)).cursor == events[-1]
    assert result_of(services.journal.read(events[-1])).cursor == events[-1]


def test_a_cursor_of_another_archive_is_refused(services, events):
    with pytest.raises(CursorLost, match="ahead of this archive"):
        result_of(services.journal.read(events[-1] + 1000))


@pytest.mark.parametrize(("kept", "left"), [(None, 5), (5 * DAY, 0), (50 * DAY, 5)])
def test_the_janitor_keeps_the_journal_for_as_long_as_is_configured(
    dsn, services, events, kept, left
):
    retention = replace(services.maintenance.retention, journal=kept)
    services.clock.advance(6 * DAY)
    result_of(replace(services.maintenance, retention=retention).tidy())
    assert len(happened(services)) == left
