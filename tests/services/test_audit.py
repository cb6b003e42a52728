"""Who came in, who governed, and who took something away: noted where it happens, for auditors."""

from dataclasses import replace

import pytest
from fixtures.fix_services import PASSWORD
from services.conftest import sound
from support import result_of

from archive_server.errors import BadCredentials, Conflict, Forbidden
from archive_server.model.permissions import Object, ObjectKind
from archive_server.model.rights import Action
from archive_server.model.users import Role
from archive_server.services.journal import END

HERE = "127.0.0.1"
THERE = "192.0.2.7"


@pytest.fixture
def audit(services):
    """What has happened since the test began, as (kind, subject, detail, who, from where)."""
    admin = services.caller(Role.ADMIN)
    services.caller(Role.MAINTAINER)
    start = result_of(services.journal.audit(END)).cursor

    def found():
        return [
            (event.kind.value, event.subject, event.detail, event.login, event.address)
            for event in result_of(services.journal.audit_for(admin, start)).events
        ]

    return found


@pytest.fixture
def admin(services):
    """An administrator, who calls from somewhere."""
    return replace(services.caller(Role.ADMIN), address=THERE)


def test_logins_good_and_refused_and_logouts_are_noted(services, audit):
    session = result_of(services.sessions.log_in("maintainer", PASSWORD, THERE))
    result_of(services.sessions.log_out(session, HERE))
    for login in ("maintainer", "a password typed into the wrong field"):
        with pytest.raises(BadCredentials):
            result_of(services.sessions.log_in(login, "wrong", THERE))
    assert not result_of(services.sessions.authenticate("maintainer", "wrong", HERE))
    assert audit() == [
        ("logged-in", "user:maintainer", "", "maintainer", THERE),
        ("logged-out", "user:maintainer", "", "maintainer", HERE),
        ("login-refused", "user:maintainer", "", None, THERE),
        ("login-refused", "nobody", "", None, THERE),
        ("login-refused", "user:maintainer", "", None, HERE),
    ]


def test_changes_of_users_are_noted(services, audit, admin):
    service = services.administration.users
    result_of(service.add(admin, "kim", "a secret", Role.CLIENT))
    result_of(service.change_password(None, "kim", "another secret"))
    result_of(service.change_role(admin, "kim", Role.MAINTAINER))
    result_of(service.remove(admin, "kim"))
    assert audit() == [
        ("user-added", "user:kim", "role client", "admin", THERE),
        ("password-changed", "user:kim", "", None, None),
        ("role-changed", "user:kim", "role maintainer", "admin", THERE),
        ("user-removed", "user:kim", "", "admin", THERE),
    ]


def test_changes_of_groups_are_noted(services, audit, admin):
    service = services.administration.groups
    result_of(service.add(admin, "night"))
    result_of(service.join(admin, "user:maintainer", "night"))
    result_of(service.leave(admin, "user:maintainer", "night"))
    result_of(service.remove(admin, "night"))
    assert audit() == [
        ("group-added", "group:night", "", "admin", THERE),
        ("group-joined", "group:night", "user:maintainer", "admin", THERE),
        ("group-left", "group:night", "user:maintainer", "admin", THERE),
        ("group-removed", "group:night", "", "admin", THERE),
    ]


def test_changes_of_permissions_are_noted(services, audit, admin):
    service, archive = services.administration.permissions, Object(ObjectKind.ARCHIVE)
    result_of(service.put(admin, "user:maintainer", Action.WRITE, archive, allows=False))
    result_of(service.revoke(admin, "user:maintainer", Action.WRITE, archive))
    result_of(service.add_class(admin, "jingles"))
    home = Object(ObjectKind.HOME, "maintainer")
    result_of(service.classify(admin, "jingles", home, is_in=True))
    result_of(service.classify(admin, "jingles", home, is_in=False))
    result_of(service.remove_class(admin, "jingles"))
    assert [event[:3] for event in audit()] == [
        ("permission-set", "user:maintainer", "user:maintainer may not write archive"),
        ("permission-revoked", "user:maintainer", "write on archive"),
        ("class-added", "class:jingles", ""),
        ("class-joined", "class:jingles", "home:maintainer"),
        ("class-left", "class:jingles", "home:maintainer"),
        ("class-removed", "class:jingles", ""),
    ]


def test_who_replaces_or_deletes_is_noted_and_who_adds_is_not(services, audit):
    gunid = services.store_clip(sound(0.2))
    services.store_clip(sound(0.3), gunid=gunid)
    caller = replace(services.caller(), address=THERE)
    result_of(services.clips.delete(caller, gunid, forced=False))
    result_of(services.clips.delete(caller, gunid, forced=True))
    assert audit() == [
        ("replaced", str(gunid), "", "maintainer", None),
        ("trashed", str(gunid), "", "maintainer", THERE),
        ("deleted", str(gunid), "", "maintainer", THERE),
    ]


def test_what_is_refused_or_fails_is_not_noted(services, audit, admin):
    service = services.administration.users
    with pytest.raises(Forbidden):
        result_of(service.add(services.caller(), "kim", "a secret", Role.CLIENT))
    with pytest.raises(Conflict):
        result_of(service.add(admin, "maintainer", "a secret", Role.CLIENT))
    assert audit() == []


def test_only_administrators_may_read_it(services):
    for role in (Role.CLIENT, Role.MAINTAINER):
        with pytest.raises(Forbidden):
            result_of(services.journal.audit_for(services.caller(role), 0))


def test_followers_of_the_library_see_nothing_of_it(services, audit, admin):
    before = result_of(services.journal.read(END)).cursor
    result_of(services.administration.groups.add(admin, "night"))
    page = result_of(services.journal.events(services.caller(Role.CLIENT), before))
    assert page.events == []
    assert page.cursor > before
    assert [event[0] for event in audit()][-2:] == ["group-added", "logged-in"]


def test_pages_hold_every_event_once(services, audit, admin):
    start = result_of(services.journal.audit(END)).cursor
    for name in "abcde":
        result_of(services.administration.groups.add(admin, name))
    cursor, found = start, []
    while True:
        page = result_of(services.journal.audit_for(admin, cursor, 2))
        found += [event.subject for event in page.events]
        cursor = page.cursor
        if not page.has_more:
            break
    assert found == [f"group:{name}" for name in "abcde"]
