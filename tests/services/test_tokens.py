"""API tokens: who may make them, what they are good for, and when they end."""

from dataclasses import replace
from datetime import timedelta

import pytest
from support import result_of

from archive_server.database import tokens, users
from archive_server.errors import BadRequest, Conflict, Forbidden, NoSession, NotFound
from archive_server.model.rights import Action, Scope
from archive_server.model.users import Role
from archive_server.services.memories import Memories
from archive_server.services.remembering import Hearing
from archive_server.services.tokens import TokenService, digest_of

DAY = timedelta(days=1)


@pytest.fixture
def service(services):
    services.caller(Role.MAINTAINER)
    return TokenService(services.database, services.clock)


def made(service, scope=Scope.ADMIN, days=0, name="playout"):
    return result_of(service.add(None, "maintainer", name, scope, days))


def caller_of(services, token):
    return result_of(services.sessions.caller(token))


def test_a_token_acts_for_its_user_within_its_scope(services, service):
    caller = caller_of(services, made(service, Scope.WRITE))
    assert (caller, caller.scope) == (services.caller(Role.MAINTAINER), Scope.WRITE)
    assert services.caller().scope is Scope.ADMIN


@pytest.mark.parametrize(
    ("scope", "allowed"),
    [
        (Scope.READ, {Action.READ}),
        (Scope.WRITE, {Action.READ, Action.WRITE}),
        (Scope.ADMIN, set(Action)),
    ],
)
def test_what_a_scope_allows(scope, allowed):
    assert {action for action in Action if scope.allows(action)} == allowed


def test_a_scope_adds_nothing_to_what_the_user_may(services, service):
    caller = caller_of(services, made(service, Scope.ADMIN))
    with pytest.raises(Forbidden, match="may not change the users"):
        result_of(services.administration.users.list_users(caller))


def test_only_its_digest_is_kept(services, service, cursor):
    token = made(service)
    assert token.startswith("archive_")
    assert len(token) == 8 + 48
    cursor.execute("SELECT t::text FROM api_token t")
    ((row,),) = cursor.fetchall()
    assert digest_of(token).hex() in row
    assert token[8:] not in row
    cursor.execute("SELECT string_agg(j::text, ' ') FROM journal j")
    assert token[8:] not in cursor.fetchone()[0]


def test_it_ends_when_it_expires(services, service):
    token, other = made(service, days=2), made(service, name="for ever")
    services.clock.advance(2 * DAY - timedelta(seconds=1))
    caller_of(services, token)
    services.clock.advance(timedelta(seconds=1))
    with pytest.raises(NoSession, match="expired"):
        caller_of(services, token)
    services.clock.advance(400 * DAY)
    caller_of(services, other)


def test_it_ends_when_it_is_removed_or_the_user_is(services, service):
    token, other = made(service), made(service, name="other")
    result_of(service.remove(None, "maintainer", "playout"))
    with pytest.raises(NoSession):
        caller_of(services, token)
    caller_of(services, other)
    result_of(services.administration.users.remove(None, "maintainer"))
    with pytest.raises(NoSession):
        caller_of(services, other)
    assert result_of(service.list_tokens(None)) == []


def test_its_last_use_is_noted_to_the_minute(services, service):
    token = made(service)
    (listed,) = result_of(service.list_tokens(None, "maintainer"))
    assert listed.last_used_at is None
    first = services.clock()
    caller_of(services, token)
    services.clock.advance(timedelta(seconds=59))
    caller_of(services, token)
    (listed,) = result_of(service.list_tokens(None))
    assert listed.last_used_at == first
    services.clock.advance(timedelta(seconds=2))
    caller_of(services, token)
    (listed,) = result_of(service.list_tokens(None))
    assert listed.last_used_at == services.clock()
    assert result_of(service.list_tokens(None, "nobody")) == []


def test_only_who_may_change_users_makes_lists_and_removes_them(services, service):
    for role in (Role.CLIENT, Role.MAINTAINER):
        caller = services.caller(role)
        with pytest.raises(Forbidden):
            result_of(service.add(caller, role.value, "own", Scope.READ, 1))
        with pytest.raises(Forbidden):
            result_of(service.list_tokens(caller, role.value))
        with pytest.raises(Forbidden):
            result_of(service.remove(caller, role.value, "own"))
    admin = services.caller(Role.ADMIN)
    result_of(service.add(admin, "maintainer", "own", Scope.READ, 1))
    assert len(result_of(service.list_tokens(admin))) == 1
    result_of(service.remove(admin, "maintainer", "own"))


def test_a_token_of_less_scope_makes_none_of_more(services, service):
    services.caller(Role.ADMIN)
    for scope in (Scope.READ, Scope.WRITE):
        text = result_of(service.add(None, "admin", scope.value, scope, 0))
        with pytest.raises(Forbidden, match="scope"):
            result_of(service.add(caller_of(services, text), "admin", "x", Scope.ADMIN, 0))


@pytest.mark.parametrize(
    ("login", "name", "days", "error"),
    [
        ("nobody", "x", 1, NotFound),
        ("maintainer", "", 1, BadRequest),
        ("maintainer", "two\nlines", 1, BadRequest),
        ("maintainer", "x" * 256, 1, BadRequest),
        ("maintainer", "x", -1, BadRequest),
        ("maintainer", "x", 10**6, BadRequest),
        ("maintainer", "taken", 1, Conflict),
    ],
)
def test_what_cannot_be_made_is_refused(services, service, login, name, days, error):
    made(service, name="taken")
    with pytest.raises(error):
        result_of(service.add(None, login, name, Scope.READ, days))
    assert len(result_of(service.list_tokens(None))) == 1


def test_one_that_is_not_there_cannot_be_removed(service):
    with pytest.raises(NotFound):
        result_of(service.remove(None, "maintainer", "playout"))


def test_a_token_cannot_log_out(services, service):
    token = made(service)
    with pytest.raises(BadRequest):
        result_of(services.sessions.log_out(token))
    caller_of(services, token)


@pytest.mark.parametrize("text", ["archive_", "archive_" + "0" * 47, "archive_" + "G" * 48, "a"])
def test_what_has_not_its_form_is_not_looked_for(services, text):
    with pytest.raises(NoSession, match="log in first"):
        caller_of(services, text)


def test_whoever_makes_and_removes_one_is_in_the_audit(services, service):
    admin = replace(services.caller(Role.ADMIN), address="192.0.2.7")
    result_of(service.add(admin, "maintainer", "playout", Scope.READ, 0))
    result_of(service.remove(admin, "maintainer", "playout"))
    found = result_of(services.journal.audit(0)).events[-2:]
    assert [(each.kind, each.subject, each.detail, each.login, each.address) for each in found] == [
        ("token-added", "user:maintainer", "playout: read", "admin", "192.0.2.7"),
        ("token-removed", "user:maintainer", "playout", "admin", "192.0.2.7"),
    ]


# -- remembered -------------------------------------------------------------------------------


@pytest.fixture
def remembering(services):
    """Sessions that are remembered, and what forgets."""
    memories = Memories(Hearing(lambda: 0.0), most_leases=1)
    memories.heard(0.0)
    return replace(services.sessions, memory=memories.sessions), memories


def test_one_that_is_remembered_expires_all_the_same(services, service, remembering):
    sessions, _ = remembering
    token = made(service, days=1)
    services.clock.advance(DAY - timedelta(seconds=20))
    result_of(sessions.caller(token))
    assert len(sessions.memory) == 1
    services.clock.advance(timedelta(seconds=20))
    with pytest.raises(NoSession):
        result_of(sessions.caller(token))


@pytest.mark.parametrize(
    "change",
    [
        lambda cursor: tokens.remove(cursor, "maintainer", "playout"),
        lambda cursor: users.remove(cursor, "maintainer"),
        lambda cursor: cursor.execute("UPDATE api_token SET scope = 'read'"),
        lambda cursor: cursor.execute("UPDATE api_token SET expires_at = now()"),
    ],
    ids=["removed", "user removed", "scope", "expiry"],
)
def test_a_change_is_told_to_who_remembers(services, service, remembering, change):
    sessions, memories = remembering
    token = made(service)
    result_of(sessions.caller(token))
    assert len(sessions.memory) == 1
    connection = services.database.connection
    connection.notices.clear()
    result_of(services.database.run(change))
    for notice in connection.notices:
        memories.forget(*notice.partition("archive_forget ")[2].split())
    assert len(sessions.memory) == 0


def test_a_use_is_told_to_nobody(services, service):
    token = made(service)
    connection = services.database.connection
    connection.notices.clear()
    caller_of(services, token)
    assert not connection.notices
