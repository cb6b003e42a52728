"""Walks the table of methods: what each answers to callers who get it wrong."""

import contextlib
import xmlrpc.client

import pytest
from services.transfers import packed, read
from support import result_of

from archive_server.errors import NoSession, NotFound, WrongToken
from archive_server.model.rights import Scope
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
    Kind.INT: ["x", 1.5, [], {}],
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
            "cursor": 0,
            "limit": 10,
            "days": 1,
            "scope": "read",
            "types": ["created"],
            "forced": True,
            "recursive": True,
        }
        return {member.name: examples.get(member.name, "title") for member in method.takes}

    return members


@pytest.fixture
def unchanged(services, wav):
    """Fails a test that has changed the archive, be it one value of one row."""
    before = rows_of(services)
    yield
    assert rows_of(services) == before


def rows_of(services) -> dict[str, list[tuple[object, ...]]]:
    """All that the database holds; sessions are used by every call."""
    with services.database.connection.cursor() as cursor:
        cursor.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
            " AND tablename <> 'session' ORDER BY tablename"
        )
        rows = {}
        for (table,) in cursor.fetchall():
            cursor.execute(f"SELECT t::text FROM {table} t ORDER BY 1")
            rows[table] = cursor.fetchall()
    assert {"clip", "job", "lease", "upload", "user_preference"} <= set(rows)
    return rows


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


# -- tokens, ids and documents that are of something else -------------------------------------

# What begins each of them, and the calls that take its token.
KINDS_OF_TOKEN = {
    "storeAudioClipOpen": {"storeAudioClipClose"},
    "importPlaylistOpen": {"importPlaylistClose"},
    "restoreBackupOpen": {"restoreBackupClosePut"},
    "openPut": {"closePut"},
    "accessRawAudioData": {"releaseRawAudioData"},
    "downloadRawAudioDataOpen": {"downloadRawAudioDataClose"},
    "downloadMetadataOpen": {"downloadMetadataClose"},
    "editPlaylist": {"savePlaylist", "revertEditedPlaylist"},
    "accessPlaylist": {"releasePlaylist"},
    "exportPlaylistOpen": {"exportPlaylistClose"},
    "renderPlaylistToFileOpen": {"renderPlaylistToFileCheck", "renderPlaylistToFileClose"},
    "renderPlaylistToStorageOpen": {"renderPlaylistToStorageCheck"},
    "renderPlaylistToRSSOpen": {"renderPlaylistToRSSCheck", "renderPlaylistToRSSClose"},
    "createBackupOpen": {"createBackupCheck", "createBackupClose"},
}
NO_TOKENS = ("", "x", "0" * 16, "0" * 32, "../../etc/passwd", "'; DROP TABLE lease; --")
TAKING_TOKENS = [
    method for method in STRUCT_METHODS if any(member.name == "token" for member in method.takes)
]
NAMING = pytest.mark.parametrize(
    ("method", "name"),
    [
        pytest.param(method, member.name, id=method.name)
        for method in STRUCT_METHODS
        for member in method.takes
        if member.name in ("gunid", "plid", "plids")
    ],
)
# What describes playlists as well as clips; and what makes what is not there yet.
OF_ANY_KIND = ("downloadMetadataOpen", "getAudioClip", "updateAudioClipMetadata")
MAKING = ("storeAudioClipOpen", "storeWebstream", "createPlaylist")
DOCUMENTS = pytest.mark.parametrize(
    ("method", "name"),
    [
        pytest.param(method, member.name, id=method.name)
        for method in STRUCT_METHODS
        for member in method.takes
        if member.name in ("metadata", "newPlaylist")
    ],
)


@pytest.fixture
def stocked(client, services, call_of, wav):
    """A clip and a playlist of the user who calls: their ids."""
    (create,) = [method for method in METHODS if method.name == "locstor.createPlaylist"]
    clip = str(services.store_clip(wav, file_name="one.wav"))
    sessid = call_of(create)["sessid"]
    return {"clip": clip, "playlist": client.locstor("createPlaylist", sessid=sessid)["plid"]}


@pytest.fixture
def tokens(client, call_of, stocked):
    """One of each kind, by the method that gave it."""
    by_name = {method.name: method for method in METHODS}
    ids = {"gunid": stocked["clip"], "plid": stocked["playlist"], "plids": [stocked["playlist"]]}
    ids["chsum"] = ""
    given = {}
    for name in KINDS_OF_TOKEN:
        members = call_of(by_name[f"locstor.{name}"]) | ids
        given[name] = client.locstor(name, **members)["token"]
    return given


@pytest.mark.parametrize("method", TAKING_TOKENS, ids=lambda method: method.name)
def test_tokens_of_all_other_kinds_are_refused(client, services, call_of, tokens, method):
    short = method.name.rpartition(".")[2]
    wrong = [token for name, token in tokens.items() if short not in KINDS_OF_TOKEN[name]]
    before = rows_of(services)
    for token in [*wrong, *NO_TOKENS]:
        members = call_of(method) | {"token": token}
        if short == "createBackupClose":  # the C++ tests close restores with it
            assert client.call(method.name, members) == {"status": True}
        else:
            code, _ = client.fault(method.name, members)
            assert code in (805, fault_code_of(method.name, WrongToken))
            assert token in wrong or code == 805
    assert rows_of(services) == before


@NAMING
def test_what_is_not_there_is_not_found(client, call_of, stocked, unchanged, method, name):
    short = method.name.rpartition(".")[2]
    if short in MAKING:
        return
    members = call_of(method) | {"forced": False}
    if short.startswith("exists"):
        assert client.call(method.name, members) == {"exists": False}
    else:
        code, text = client.fault(method.name, members)
        assert code == fault_code_of(method.name, NotFound)
        assert GUNID in text


@NAMING
def test_what_is_of_another_kind_is_refused(client, services, call_of, stocked, method, name):
    short = method.name.rpartition(".")[2]
    if short in OF_ANY_KIND:
        return
    other = stocked["playlist" if name == "gunid" else "clip"]
    before = rows_of(services)
    for forced in (False, True):
        members = call_of(method) | {name: [other] if name == "plids" else other, "forced": forced}
        if short.startswith("exists"):
            assert client.call(method.name, members) == {"exists": False}
        else:
            code, text = client.fault(method.name, members)
            assert code in (805, fault_code_of(method.name, NotFound))
            assert other in text
    assert rows_of(services) == before


@DOCUMENTS
@pytest.mark.parametrize(
    "document",
    [
        "/etc/passwd",
        "<",
        "<audioClip>",
        "<smil/>",
        "<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><audioClip>&b;</audioClip>",
        "<audioClip><metadata>" * 20,
        "<a>" * 9999,
        f"<audioClip><metadata><dc:title>{'x' * 200_000}</dc:title></metadata></audioClip>",
    ],
    ids=lambda document: document[:24],
)
def test_a_document_that_is_none_or_too_large_is_refused(
    client, services, call_of, tokens, stocked, method, name, document
):
    before = rows_of(services)
    ids = {"gunid": stocked["clip"], "token": tokens["editPlaylist"]}
    code, _ = client.fault(method.name, call_of(method) | ids | {name: document})
    assert code == 805
    assert rows_of(services) == before


# -- tokens of another user ---------------------------------------------------------------------

# Tokens are capabilities (livesupport-protocol 2.1): who has one may use it, whoever got it. But to
# make something of what a token began takes a session, and it must be of the user who began.
OF_THEIR_OWNER = {"storeAudioClipClose", "restoreBackupClosePut", "savePlaylist"}
ONLY_LOOKING = {
    "renderPlaylistToFileCheck",
    "renderPlaylistToStorageCheck",
    "renderPlaylistToRSSCheck",
    "createBackupCheck",
    "restoreBackupCheck",
}


@pytest.fixture
def ready(client, services, call_of, tokens, stocked, wav):
    """For each method that takes a token, members with which its owner succeeds."""
    archive = read(services, tokens["exportPlaylistOpen"])
    services.send(tokens["storeAudioClipOpen"], wav)
    services.send(tokens["importPlaylistOpen"], archive)
    services.send(tokens["openPut"], wav)
    services.send(tokens["restoreBackupOpen"], packed({"meta-inf/storage.xml": b"<storage/>"}))
    (begin,) = [each for each in TAKING_TOKENS if each.name == "locstor.restoreBackupClosePut"]

    def members(method: Method) -> dict[str, object]:
        short = method.name.rpartition(".")[2]
        found = call_of(method) | {"newPlaylist": f"<playlist id='{stocked['playlist']}'/>"}
        if "chsum" in found:
            found["chsum"] = ""
        if short in ("restoreBackupCheck", "restoreBackupClose"):
            token = client.call(begin.name, members(begin))["token"]
        else:
            (token,) = [tokens[name] for name, users in KINDS_OF_TOKEN.items() if short in users]
        return {name: found[name] for name in found if name in _names(method)} | {"token": token}

    return members


def _names(method: Method) -> set[str]:
    return {member.name for member in method.takes}


@pytest.mark.parametrize("method", TAKING_TOKENS, ids=lambda method: method.name)
@pytest.mark.parametrize("role", [Role.CLIENT, Role.ADMIN])
def test_the_token_of_another_user(client, services, ready, method, role):
    """Where a session counts it is refused, also to who may do everything; else it is a right."""
    short = method.name.rpartition(".")[2]
    own = ready(method)
    others = own | {"sessid": services.session_id(role)}
    before = rows_of(services)
    if short in OF_THEIR_OWNER:
        code, text = client.fault(method.name, others)
        assert (code, rows_of(services)) == (805, before)
        assert role.value in text
        client.call(method.name, own)
        return
    assert "sessid" not in {member.name for member in method.takes if not member.optional}
    client.call(method.name, others)
    if short in ONLY_LOOKING:
        assert rows_of(services) == before
    elif short != "createBackupClose":  # which no token is too old for
        assert rows_of(services) != before
        assert client.fault(method.name, own)[0] == 805


def test_no_method_that_takes_a_token_is_left_out():
    shorts = {method.name.rpartition(".")[2] for method in TAKING_TOKENS}
    users = set().union(*KINDS_OF_TOKEN.values())
    assert shorts == users | {"restoreBackupCheck", "restoreBackupClose"}


# What a token changes that may only read: what reading takes.
_READING = {"lease", "job", "export_member", "api_token"}


def changed_by(services, client, method, members):
    """The tables in which a call changes something; it is taken back."""
    connection = services.database.connection
    with connection.cursor() as cursor:
        cursor.execute("SAVEPOINT changed_by")
        before = rows_of(services)
        with contextlib.suppress(xmlrpc.client.Fault):
            client.call(method.name, members)
        after = rows_of(services)
        cursor.execute("ROLLBACK TO SAVEPOINT changed_by")
    return {table for table in after if after[table] != before[table]}


def test_a_token_that_may_only_read_changes_nothing(client, services, call_of, stocked):
    """And one that may write governs nobody; each time for a user who may do everything."""
    services.session_id(Role.ADMIN)
    made = services.administration.tokens
    ids = {"gunid": stocked["clip"], "plid": stocked["playlist"], "plids": [stocked["playlist"]]}
    ids |= {"pass": "a password", "login": "client"}
    services.session_id(Role.CLIENT)
    changed = {}
    for scope in Scope:
        token = result_of(made.add(None, "admin", scope.value, scope, 0))
        for method in IN_SESSION.args[1]:
            members = call_of(method) | ids | {"sessid": token}
            for name in ("gunid", "plid"):
                members |= {name: stocked["playlist" if "laylist" in method.name else "clip"]}
            changed[scope, method.name] = changed_by(services, client, method, members) - _READING
    read = {name for (scope, name), tables in changed.items() if scope is Scope.READ and tables}
    assert read == set()
    write = {name for (scope, name), tables in changed.items() if scope is Scope.WRITE and tables}
    assert {name for name in write if name.startswith("admin.")} == set()
    assert {"locstor.savePref", "locstor.storeAudioClipOpen", "locstor.deleteAudioClip"} < write
    every = {name for (scope, name), tables in changed.items() if scope is Scope.ADMIN and tables}
    assert {"admin.removeUser", "admin.addGroup", "admin.addToken"} < every


def test_no_method_needs_no_session_but_these():
    """All others are walked above without one, and with one that has expired."""
    in_session = set(IN_SESSION.args[1])
    assert {method.name for method in STRUCT_METHODS if method not in in_session} == {
        "locstor.getVersion",
        "locstor.authenticate",
        "locstor.login",
        "locstor.resetStorage",  # which only the configuration allows
        *(each.name for each in TAKING_TOKENS if each.name.split(".")[1] not in OF_THEIR_OWNER),
    }


# -- calls that cannot be read ------------------------------------------------------------------

ALL = pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)


def body_of(method: Method, *parameters: object) -> bytes:
    return xmlrpc.client.dumps(parameters, method.name).encode()


@pytest.fixture
def parameters_of(call_of):
    """What a method takes, as it is sent."""

    def parameters(method: Method) -> tuple[object, ...]:
        if method.is_plain:
            values = {Kind.STRING: "locstor.login", Kind.ARRAY: []}
            return tuple(values[member.kind] for member in method.takes)
        return (call_of(method),)

    return parameters


def fault_of(answer: bytes) -> int:
    with pytest.raises(xmlrpc.client.Fault) as caught:
        xmlrpc.client.loads(answer)
    return caught.value.faultCode


@ALL
def test_a_call_that_is_not_well_formed_is_refused(client, parameters_of, unchanged, method):
    whole = body_of(method, *parameters_of(method))
    name = f"<methodName>{method.name}</methodName>".encode()
    for malformed in (
        whole[: len(whole) // 2],
        whole.replace(b"</methodCall>", b""),
        whole.replace(name, name + b"</params>"),
        whole.replace(b"<params>", b"<params>&unknown;"),
        whole.replace(b"<methodCall>", b"<!DOCTYPE a [<!ENTITY b 'c'>]><methodCall>"),
        whole.replace(name, name + b"\0"),
    ):
        code = fault_of(client.post(malformed))
        assert code == 7 or 100 < code < 200


@ALL
def test_a_call_that_is_no_call_is_refused(client, parameters_of, unchanged, method):
    whole = body_of(method, *parameters_of(method))
    for other in (
        whole.replace(b"methodCall>", b"methodResponse>"),
        whole.replace(b"params>", b"parameters>"),
        whole.replace(b"</methodName>", b"</methodName><methodName>x</methodName>"),
    ):
        assert fault_of(client.post(other)) == 7


@ALL
def test_a_call_that_is_too_large_is_refused(client, parameters_of, unchanged, method):
    whole = body_of(method, *parameters_of(method))
    padded = whole.replace(b"<params>", b" " * 200_000 + b"<params>")
    assert fault_of(client.post(padded)) == 805


@ALL
def test_other_parameters_than_it_takes_are_refused(client, parameters_of, unchanged, method):
    right = parameters_of(method)
    more = [*right, *right, "one", "too", "many"]
    assert client.fault(method.name, *more)[0] == 3
    if not method.is_plain:
        assert client.fault(method.name)[0] == 3
        for wrong in ("text", 5, True, 1.5, [1], b"bytes"):
            assert client.fault(method.name, wrong)[0] == 801
    elif any(not member.optional for member in method.takes):
        assert client.fault(method.name)[0] == 3
        assert client.fault(method.name, 1.5)[0] == 3


@pytest.mark.parametrize(
    ("method", "member"),
    [
        pytest.param(method, member, id=f"{method.name}-{member.name}")
        for method in STRUCT_METHODS
        for member in method.takes
        if member.kind is Kind.STRING
    ],
)
def test_a_text_beyond_all_measure_is_no_mistake_of_ours(client, services, call_of, method, member):
    before = rows_of(services)
    try:
        client.call(method.name, call_of(method) | {member.name: "x" * 100_000})
    except xmlrpc.client.Fault as fault:
        assert "internal error" not in fault.faultString
        assert len(fault.faultString) < 2000
        after = rows_of(services)
        before.pop("login_failure")  # attempts are counted
        after.pop("login_failure")
        after["journal"] = [row for row in after["journal"] if "login-refused" not in row[0]]
        assert after == before
