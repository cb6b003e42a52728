"""Playlists that several people save at the same time."""

import threading
from datetime import UTC, datetime, timedelta

import pytest

from archive_server.database import clips, leases, users
from archive_server.database import playlists as playlist_rows
from archive_server.database.transactions import Transactions
from archive_server.errors import ArchiveError, BadDocument, Conflict, UnknownToken
from archive_server.model.gunid import Gunid
from archive_server.model.leases import LeaseKind
from archive_server.model.playlists import Playlist
from archive_server.model.users import Caller, Role
from archive_server.services import leasing, playlist_saving, playlists

GUNIDS = [Gunid.parse(f"{n:016x}") for n in range(1, 7)]
AT = datetime(2026, 11, 21, tzinfo=UTC)


@pytest.fixture
def transactions(dsn):
    made = Transactions(dsn)
    yield made
    made.close()


@pytest.fixture
def caller(transactions):
    user = transactions.perform(users.add, "maintainer", "", Role.MAINTAINER)
    return Caller(user.user_id, user.login, user.role)


def holding(*gunids):
    inside = "".join(
        f'<playlistElement id="{n}" relativeOffset="{n}"><playlist id="{gunid}"/></playlistElement>'
        for n, gunid in enumerate(gunids)
    )
    return Playlist.parse(f'<playlist id="{GUNIDS[0]}">{inside}</playlist>')


def save(cursor, caller, gunid, playlist):
    playlist_saving.lock(cursor, gunid, playlist)
    clip = clips.find(cursor, gunid)
    playlist_saving.save(cursor, caller, clip, gunid, playlist, "a.xml", AT)


def all_at_once(*works):
    """What each of these functions raised (or None), when all begin together."""
    gate = threading.Barrier(len(works))
    raised = [None] * len(works)

    def do(place, work):
        gate.wait()
        try:
            work()
        except ArchiveError as error:
            raised[place] = error

    threads = [threading.Thread(target=do, args=each) for each in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    return raised


def test_together_they_make_no_circle(transactions, caller):
    """Each holds the next, and the last the first: alone each is right, and one must fail."""
    for gunid in GUNIDS:
        transactions.perform(save, caller, gunid, holding())
    for _ in range(5):
        for gunid in GUNIDS:
            transactions.perform(save, caller, gunid, holding())

        def saving(gunid, held):
            return lambda: transactions.perform(save, caller, gunid, holding(held))

        ring = zip(GUNIDS, [*GUNIDS[1:], GUNIDS[0]], strict=True)
        raised = all_at_once(*(saving(gunid, held) for gunid, held in ring))
        assert [type(error) for error in raised if error] == [BadDocument]
        assert "would hold itself" in str(next(error for error in raised if error))


def test_of_several_who_want_to_change_it_one_may(transactions, caller):
    transactions.perform(save, caller, GUNIDS[0], holding())

    def edit(cursor, token):
        return playlists._edit(cursor, caller, token, GUNIDS[0], AT)

    raised = all_at_once(
        *(lambda n=n: transactions.perform(edit, f"{n:032x}") for n in range(1, 7))
    )
    assert [type(error) for error in raised if error] == [Conflict] * 5
    (edit_,) = transactions.perform(playlist_rows.list_edits)
    assert edit_.gunid == GUNIDS[0]


def test_of_several_who_make_it_all_make_the_same_one(transactions, caller):
    def create(cursor):
        playlists._create(cursor, caller, GUNIDS[0], "a.xml", AT)

    raised = all_at_once(*(lambda: transactions.perform(create) for _ in range(6)))
    assert [type(error) for error in raised if error] == [Conflict] * 5


def test_a_token_saves_once(transactions, caller):
    transactions.perform(save, caller, GUNIDS[0], holding())
    token = "0" * 32
    transactions.perform(playlists._edit, caller, token, GUNIDS[0], AT)
    xml = holding(GUNIDS[1]).to_xml()

    def save_edited(cursor):
        playlists._save_edited(cursor, caller, token, xml, 10_000, AT)

    raised = all_at_once(*(lambda: transactions.perform(save_edited) for _ in range(4)))
    assert sum(error is None for error in raised) == 1
    assert transactions.perform(playlist_rows.list_edits) == []


def test_of_who_saves_and_who_gives_up_one_learns_that_it_was_too_late(transactions, caller):
    transactions.perform(save, caller, GUNIDS[0], holding())
    xml = holding(GUNIDS[1]).to_xml()
    for number in range(20):
        token = f"{number:032x}"
        transactions.perform(playlists._edit, caller, token, GUNIDS[0], AT)

        def save_edited(cursor, token=token):
            playlists._save_edited(cursor, caller, token, xml, 10_000, AT)

        def revert(cursor, token=token):
            leasing.close(cursor, token, LeaseKind.EDIT, AT)

        raised = all_at_once(
            *(lambda work=work: transactions.perform(work) for work in (save_edited, revert))
        )
        assert [type(error) for error in raised if error] == [UnknownToken]
        assert transactions.perform(playlist_rows.list_edits) == []


def test_of_several_who_close_a_lease_one_does(transactions, caller):
    transactions.perform(save, caller, GUNIDS[0], holding())
    for number in range(10):
        token = f"{number:032x}"
        clip = transactions.perform(clips.find, GUNIDS[0])
        transactions.perform(leases.add_document, token, clip, user_id=caller.user_id, at=AT)

        def close(cursor, token=token):
            leasing.close(cursor, token, LeaseKind.DOCUMENT, AT - timedelta(days=1))

        raised = all_at_once(*(lambda: transactions.perform(close) for _ in range(3)))
        assert [type(error) for error in raised if error] == [UnknownToken] * 2
