"""Walks the table of methods: what each answers to callers who get it wrong."""

import xmlrpc.client

import pytest

from archive_server.errors import NoSession
from archive_server.model.users import Role
from archive_server.problems import fault_code_of
from archive_server.xmlrpc.method import Kind, Method
from archive_server.xmlrpc.methods import METHODS

STRUCT_METHODS = [method for method in METHODS if not method.is_plain]
EVERY = pytest.mark.parametrize("method", STRUCT_METHODS, ids=lambda method: method.name)
IN_SESSION = pytest.mark.parametrize(
    "method",
    [
        method
        for method in STRUCT_METHODS
        if any(member.name == "sessid" and not member.optional for member in method.takes)
    ],
    ids=lambda method: method.name,
)
MEMBERS = pytest.mark.parametrize(
    ("method", "member"),
    [
        pytest.param(method, member, id=f"{method.name}-{member.name}")
        for method in STRUCT_METHODS
        for member in method.takes
        if not member.meaning.startswith("ignored")
    ],
)
GUNID = "00000000000000aa"
WRONG = {
    Kind.STRING: [5, True, 1.5, [], {}, b"bytes"],
    Kind.BOOLEAN: [[], {}, 1.5],
    Kind.STRUCT: [5, "text", ["x"]],
    Kind.ARRAY: [5, True, 1.5, b"bytes"],
}


@pytest.fixture
def call_of(services):
    """The members that a method takes, all of the right types."""
    session_id = services.session_id(Role.MAINTAINER)

    def members(method: Method) -> dict[str, object]:
        examples = {
            "sessid": session_id,
            "gunid": GUNID,
            "plid": GUNID,
            "plids": [GUNID],
            "type": "lspl",
            "newPlaylist": f"<playlist id='{GUNID}'/>",
            "url": "http://radio.example:8000/live",
            "token": "0" * 32,
            "metadata": "<audioClip><metadata/></audioClip>",
            "chsum": "0" * 32,
            "action": "read",
            "object": "archive",
            "role": "client",
            "criteria": {},
            "forced": True,
            "recursive": True,
        }
        return {member.name: examples.get(member.name, "title") for member in method.takes}

    return members


@pytest.fixture
def unchanged(services, wav):
    """Fails a test that has changed the archive."""
    tables = ("clip", "upload", "lease", "document", "journal")

    def counts() -> list[int]:
        with services.database.connection.cursor() as cursor:
            found = []
            for table in tables:
                cursor.execute(f"SELECT count(*) FROM {table}")
                found += cursor.fetchone()
            return found

    before = counts()
    yield
    assert counts() == before


@EVERY
def test_the_example_is_understood(client, call_of, method):
    """Else the tests below would test nothing."""
    try:
        client.call(method.name, call_of(method))
    except xmlrpc.client.Fault as fault:
        assert "expected" not in str(fault)
        assert "internal error" not in str(fault)


@IN_SESSION
def test_nothing_is_done_without_a_session(client, call_of, unchanged, method):
    members = call_of(method)
    for session_id in ("", "0" * 32, "'; DROP TABLE session; --", "x" * 9999):
        code, _ = client.fault(method.name, members | {"sessid": session_id})
        assert code == fault_code_of(method.name, NoSession)


@IN_SESSION
def test_a_session_that_has_expired_is_none(client, call_of, services, unchanged, method):
    members = call_of(method)
    services.clock.advance(services.sessions.policy.absolute)
    assert client.fault(method.name, members)[0] == fault_code_of(method.name, NoSession)


@MEMBERS
def test_a_member_of_a_wrong_type_is_named(client, call_of, unchanged, method, member):
    for wrong in WRONG[member.kind]:
        code, text = client.fault(method.name, call_of(method) | {member.name: wrong})
        short = method.name.rpartition(".")[2]
        assert (code, text) == (805, f"xr_{short}: {member.name}: {member.kind} expected")


@MEMBERS
def test_a_member_may_be_missing_only_if_it_is_optional(client, call_of, unchanged, method, member):
    members = call_of(method)
    del members[member.name]
    complaint = f"{member.name}: {member.kind} expected"
    if member.optional:
        try:
            client.call(method.name, members | {"sessid": ""})
        except xmlrpc.client.Fault as fault:
            assert complaint not in str(fault)
    else:
        code, text = client.fault(method.name, members)
        assert code == 805
        assert text.endswith(complaint)


@EVERY
def test_every_method_says_what_it_is(method):
    assert method.summary.endswith(".")
    assert method.since
    assert method.gives
