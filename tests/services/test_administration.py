"""Users, groups and permissions: who may administer them, and what stays as it is."""

import pytest
from fixtures.fix_services import PASSWORD
from support import result_of

from archive_server.database import users
from archive_server.errors import (
    BadCredentials,
    BadRequest,
    Conflict,
    Forbidden,
    NoSession,
    NotFound,
    UnknownGroup,
)
from archive_server.model.permissions import Object
from archive_server.model.rights import Action
from archive_server.model.users import Caller, Role
from archive_server.services import passwords

HASH = passwords.hashed(PASSWORD)
ARCHIVE = Object.parse("archive")
HOME = Object.parse("home:maintainer")

CALLS = {
    "add a user": (Action.SUBJECTS, lambda a, c: a.users.add(c, "new", "secret", Role.CLIENT)),
    "remove a user": (Action.SUBJECTS, lambda a, c: a.users.remove(c, "maintainer")),
    "change a password": (Action.SUBJECTS, lambda a, c: a.users.change_password(c, "client", "x")),
    "change a role": (
        Action.SUBJECTS,
        lambda a, c: a.users.change_role(c, "client", Role.ADMIN),
    ),
    "list users": (Action.SUBJECTS, lambda a, c: a.users.list_users(c)),
    "add a group": (Action.SUBJECTS, lambda a, c: a.groups.add(c, "new")),
    "remove a group": (Action.SUBJECTS, lambda a, c: a.groups.remove(c, "editors")),
    "list groups": (Action.SUBJECTS, lambda a, c: a.groups.list_groups(c)),
    "join": (Action.SUBJECTS, lambda a, c: a.groups.join(c, "maintainer", "Admins")),
    "leave": (Action.SUBJECTS, lambda a, c: a.groups.leave(c, "admin", "editors")),
    "allow": (
        Action.EDIT_RIGHTS,
        lambda a, c: a.permissions.put(c, "All", Action.ANY, HOME, allows=True),
    ),
    "revoke": (
        Action.EDIT_RIGHTS,
        lambda a, c: a.permissions.revoke(c, "Maintainers", Action.WRITE, ARCHIVE),
    ),
    "list permissions": (Action.EDIT_RIGHTS, lambda a, c: a.permissions.list_permissions(c)),
    "test": (
        Action.EDIT_RIGHTS,
        lambda a, c: a.permissions.test(c, "client", Action.READ, ARCHIVE),
    ),
    "add a class": (Action.CLASSES, lambda a, c: a.permissions.add_class(c, "new")),
    "remove a class": (Action.CLASSES, lambda a, c: a.permissions.remove_class(c, "jingles")),
    "list classes": (Action.CLASSES, lambda a, c: a.permissions.list_classes(c)),
    "classify": (
        Action.CLASSES,
        lambda a, c: a.permissions.classify(c, "jingles", HOME, is_in=True),
    ),
}


@pytest.fixture
def admin(services):
    """What is administered, with somebody and something in it."""
    with services.database.connection.cursor() as cursor:
        for role in Role:
            users.add(cursor, role.value, HASH, role)
    administration = services.administration
    result_of(administration.groups.add(None, "editors"))
    result_of(administration.groups.join(None, "admin", "editors"))
    result_of(administration.permissions.add_class(None, "jingles"))
    return administration


def caller(services, role):
    """Somebody of this role, without the time it takes to log in."""
    with services.database.connection.cursor() as cursor:
        user, _ = users.find(cursor, role.value)
    return Caller(user.user_id, user.login, role)


def everything(services):
    tables = ("users", "user_group", "membership", "rule", "object_class", "class_member")
    with services.database.connection.cursor() as cursor:
        rows = []
        for table in tables:
            cursor.execute(f"SELECT {table}::text FROM {table} ORDER BY 1")
            rows.append(cursor.fetchall())
    return rows


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("role", [Role.CLIENT, Role.MAINTAINER])
def test_who_has_no_right_to_administer_changes_nothing(services, admin, name, role):
    _, call = CALLS[name]
    before = everything(services)
    with pytest.raises(Forbidden, match=f"user {role} may not change the "):
        result_of(call(admin, caller(services, role)))
    assert everything(services) == before


@pytest.mark.parametrize("name", CALLS)
def test_administrators_and_the_operator_administer(services, admin, name):
    _, call = CALLS[name]
    with services.database.connection.cursor() as cursor:
        cursor.execute("SAVEPOINT before")
        result_of(call(admin, caller(services, Role.ADMIN)))
        cursor.execute("ROLLBACK TO SAVEPOINT before")
        result_of(call(admin, None))


@pytest.mark.parametrize("name", CALLS)
def test_the_one_right_that_it_takes_is_enough(services, admin, name):
    action, call = CALLS[name]
    client = caller(services, Role.CLIENT)
    for other in (Action.SUBJECTS, Action.EDIT_RIGHTS, Action.CLASSES):
        allows = other is action
        result_of(admin.permissions.put(None, "client", other, ARCHIVE, allows=allows))
    result_of(call(admin, client))


def test_a_user_is_added_and_can_log_in(services, admin):
    result_of(admin.users.add(None, "anna", "secret", Role.MAINTAINER))
    assert result_of(services.sessions.log_in("anna", "secret", "::1"))
    with pytest.raises(Conflict, match="there is a user anna already"):
        result_of(admin.users.add(None, "anna", "other", Role.CLIENT))


def test_a_changed_password_ends_sessions(services, admin):
    session_id = services.session_id(Role.CLIENT)
    result_of(admin.users.change_password(None, "client", "changed"))
    with pytest.raises(NoSession):
        result_of(services.sessions.caller(session_id))
    with pytest.raises(BadCredentials):
        result_of(services.sessions.log_in("client", PASSWORD, "::1"))
    assert result_of(services.sessions.log_in("client", "changed", "::1"))


def test_a_changed_role_counts_at_once(services, admin, high):
    session_id = services.session_id(Role.CLIENT)
    caller = result_of(services.sessions.caller(session_id))
    with pytest.raises(Forbidden):
        result_of(services.clips.start_upload(caller, None, "", "a.wav", ""))
    result_of(admin.users.change_role(None, "client", Role.MAINTAINER))
    assert result_of(services.clips.start_upload(caller, None, "", "a.wav", ""))
    result_of(admin.users.change_role(None, "client", Role.CLIENT))
    with pytest.raises(Forbidden):
        result_of(services.clips.start_upload(caller, None, "", "a.wav", ""))


def test_the_first_user_stays_an_administrator(admin):
    with pytest.raises(Conflict):
        result_of(admin.users.change_role(None, "root", Role.CLIENT))


def test_root_stays(admin):
    result_of(admin.users.add(None, "root", "secret", Role.ADMIN))
    with pytest.raises(Conflict, match="user root stays"):
        result_of(admin.users.remove(None, "root"))
    assert "root" in {user.login for user in result_of(admin.users.list_users(None))}


@pytest.mark.parametrize("name", ["", "x" * 256, "a\nb", "a\x00b"])
def test_names_that_can_be_none_are_refused(admin, name):
    for call in (
        admin.users.add(None, name, "secret", Role.CLIENT),
        admin.groups.add(None, name),
        admin.permissions.add_class(None, name),
    ):
        with pytest.raises(BadRequest, match="printable"):
            result_of(call)


@pytest.mark.parametrize("password", ["", "x" * 1025])
def test_passwords_that_nobody_could_log_in_with_are_refused(admin, password):
    with pytest.raises(BadRequest, match="password"):
        result_of(admin.users.add(None, "anna", password, Role.CLIENT))
    with pytest.raises(BadRequest, match="password"):
        result_of(admin.users.change_password(None, "client", password))


def test_who_is_not_there_is_not_found(admin):
    for call in (
        admin.users.remove(None, "nobody"),
        admin.users.change_password(None, "nobody", "x"),
        admin.groups.join(None, "nobody", "editors"),
        admin.permissions.test(None, "nobody", Action.READ, ARCHIVE),
        admin.permissions.list_permissions(None, "nobody"),
        admin.permissions.list_permissions(None, "", Object.parse("00000000000000aa")),
        admin.permissions.test(None, "client", Action.READ, Object.parse("00000000000000aa")),
        admin.permissions.classify(None, "nothing", HOME, is_in=True),
    ):
        with pytest.raises(NotFound):
            result_of(call)
    with pytest.raises(UnknownGroup):
        result_of(admin.groups.join(None, "client", "nobody"))


@pytest.mark.parametrize(
    ("login", "action", "target", "allowed", "reason"),
    [
        ("client", Action.READ, "archive", True, "group:All may read archive"),
        ("client", Action.WRITE, "home:client", False, "nothing is said about it"),
        ("maintainer", Action.WRITE, "home:maintainer", True, "user:maintainer may _all home:"),
        ("maintainer", Action.WRITE, "home:admin", True, "group:Maintainers may write archive"),
        ("admin", Action.SUBJECTS, "archive", True, "group:Admins may _all archive"),
    ],
)
def test_a_decision_is_explained(admin, login, action, target, allowed, reason):
    verdict = result_of(admin.permissions.test(None, login, action, Object.parse(target)))
    assert verdict.is_allowed is allowed
    assert verdict.reason.startswith(reason)


def test_a_decision_about_a_clip_is_explained_by_the_rule_that_decides(services, admin, high):
    target = Object.parse(str(services.store_clip(high)))
    result_of(admin.permissions.put(None, "editors", Action.READ, target, allows=False))
    verdict = result_of(admin.permissions.test(None, "admin", Action.READ, target))
    assert (verdict.is_allowed, verdict.reason) == (
        False,
        f"group:editors may not read {target}",
    )


def test_a_class_itself_is_not_tested(admin):
    with pytest.raises(BadRequest, match="what is in a class is tested"):
        jingles = Object.parse("class:jingles")
        result_of(admin.permissions.test(None, "client", Action.READ, jingles))
