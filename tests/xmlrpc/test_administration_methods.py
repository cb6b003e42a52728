import pytest

from archive_server.model.users import Role
from archive_server.xmlrpc.methods import METHODS

ADMINISTRATION = [method for method in METHODS if method.name.startswith("admin.")]
DOCUMENT = "<audioClip><metadata/></audioClip>"


@pytest.fixture
def admin(client, services):
    """Calls `admin.*` as an administrator."""
    session_id = services.session_id(Role.ADMIN)

    def call(method, **members):
        return client.call(f"admin.{method}", {"sessid": session_id} | members)

    return call


@pytest.mark.parametrize("method", ADMINISTRATION, ids=lambda method: method.name)
@pytest.mark.parametrize("role", [Role.CLIENT, Role.MAINTAINER])
def test_only_administrators_administer(client, services, method, role):
    members = {member.name: "x" for member in method.takes} | {
        "sessid": services.session_id(role),
        "role": "client",
        "scope": "read",
        "days": 1,
        "cursor": 0,
        "limit": 1,
        "action": "read",
        "object": "archive",
    }
    code, text = client.fault(method.name, members)
    assert code == 805
    assert f"user {role} may not change the " in text


def test_a_user_comes_and_goes(client, admin):
    assert admin("addUser", login="anna", **{"pass": "secret"}) == {"status": True}
    assert {"login": "anna", "role": "client"} in admin("listUsers")["users"]
    session_id = client.locstor("login", login="anna", **{"pass": "secret"})["sessid"]
    assert admin("changePassword", login="anna", **{"pass": "changed"}) == {"status": True}
    assert client.fault("locstor.logout", {"sessid": session_id})[0] == 803
    assert client.locstor("login", login="anna", **{"pass": "changed"})["sessid"]
    assert admin("removeUser", login="anna") == {"status": True}
    assert client.fault("locstor.login", {"login": "anna", "pass": "changed"})[0] == 802


def test_a_role_that_is_none_is_named(client, services):
    members = {"login": "anna", "pass": "x", "role": "boss"}
    members["sessid"] = services.session_id(Role.ADMIN)
    code, text = client.fault("admin.addUser", members)
    assert (code, text) == (805, "xr_addUser: role: one of client, maintainer, admin expected")


def test_groups_come_fill_and_go(admin):
    admin("addUser", login="anna", **{"pass": "secret"})
    admin("addGroup", group="inner")
    admin("addGroup", group="outer")
    admin("joinGroup", member="anna", group="inner")
    admin("joinGroup", member="inner", group="outer")
    groups = {each["group"]: each for each in admin("listGroups")["groups"]}
    assert groups["inner"] == {"group": "inner", "includes": "", "members": ["user:anna"]}
    assert groups["outer"]["members"] == ["group:inner"]
    assert groups["Admins"] == {"group": "Admins", "includes": "admin", "members": []}
    admin("leaveGroup", member="anna", group="inner")
    admin("removeGroup", group="outer")
    groups = {each["group"]: each for each in admin("listGroups")["groups"]}
    assert groups["inner"]["members"] == []
    assert "outer" not in groups


@pytest.mark.parametrize(
    ("method", "members", "code", "says"),
    [
        ("removeGroup", {"group": "All"}, 805, "built in"),
        ("removeGroup", {"group": "nobody"}, 820, "there is no group nobody"),
        ("addGroup", {"group": "Admins"}, 805, "already"),
        ("joinGroup", {"member": "Admins", "group": "Admins"}, 805, "in itself"),
        ("joinGroup", {"member": "nobody", "group": "Admins"}, 805, "no user or group nobody"),
        ("leaveGroup", {"member": "admin", "group": "Admins"}, 805, "not put into"),
        ("removeUser", {"login": "nobody"}, 805, "there is no user nobody"),
        ("addUser", {"login": "admin", "pass": "x"}, 805, "already"),
        ("addUser", {"login": "", "pass": "x"}, 805, "login"),
        ("changePassword", {"login": "admin", "pass": ""}, 805, "password"),
        ("allow", {"subject": "All", "action": "fly", "object": "archive"}, 805, "action"),
        ("allow", {"subject": "All", "action": "read", "object": "moon"}, 805, "object"),
        (
            "deny",
            {"subject": "x", "action": "read", "object": "archive"},
            805,
            "no user or group x",
        ),
        ("revoke", {"subject": "All", "action": "write", "object": "archive"}, 805, "no rule"),
        ("testPermission", {"login": "x", "action": "read", "object": "archive"}, 805, "no user x"),
        ("removeClass", {"class": "nothing"}, 805, "no class nothing"),
        ("addToClass", {"class": "nothing", "object": "home:admin"}, 805, "no class nothing"),
    ],
)
def test_what_cannot_be_done_is_named(client, services, method, members, code, says):
    members = members | {"sessid": services.session_id(Role.ADMIN)}
    found, text = client.fault(f"admin.{method}", members)
    assert found == code
    assert says in text


def test_what_is_allowed_and_denied_holds_for_the_next_call(client, services, admin, wav):
    gunid = str(services.store_clip(wav))
    reader = services.session_id(Role.CLIENT)
    described = {"sessid": reader, "gunid": gunid, "metadata": DOCUMENT}
    assert client.fault("locstor.updateAudioClipMetadata", described)[0] == 805
    admin("allow", subject="client", action="write", object=gunid)
    assert client.locstor("updateAudioClipMetadata", **described) == {"status": True}
    admin("deny", subject="group:All", action="read", object="home:maintainer")
    assert client.fault("locstor.getAudioClip", {"sessid": reader, "gunid": gunid})[0] == 805
    assert admin("testPermission", login="client", action="read", object=gunid) == {
        "allowed": False,
        "reason": "group:All may not read home:maintainer",
    }
    assert admin("listPermissions", subject="client", object=gunid)["permissions"] == [
        {"subject": "user:client", "action": "write", "object": gunid, "allows": True}
    ]
    admin("revoke", subject="group:All", action="read", object="home:maintainer")
    assert client.locstor("getAudioClip", sessid=reader, gunid=gunid)["metadata"]


def test_an_archive_begins_with_these_permissions(admin):
    listed = {
        (each["subject"], each["action"], each["object"], each["allows"])
        for each in admin("listPermissions")["permissions"]
    }
    assert listed == {
        ("group:All", "read", "archive", True),
        ("group:Maintainers", "write", "archive", True),
        ("group:Admins", "_all", "archive", True),
        ("user:admin", "_all", "home:admin", True),
    }


def test_classes_come_fill_and_go(client, services, admin, wav):
    gunid = str(services.store_clip(wav))
    described = {"sessid": services.session_id(Role.CLIENT), "gunid": gunid, "metadata": DOCUMENT}
    admin("addClass", **{"class": "jingles"})
    admin("addToClass", **{"class": "jingles", "object": gunid})
    assert admin("listClasses") == {"classes": [{"class": "jingles", "members": [gunid]}]}
    admin("allow", subject="client", action="write", object="class:jingles")
    assert client.locstor("updateAudioClipMetadata", **described) == {"status": True}
    admin("removeFromClass", **{"class": "jingles", "object": gunid})
    assert client.fault("locstor.updateAudioClipMetadata", described)[0] == 805
    admin("removeClass", **{"class": "jingles"})
    assert admin("listClasses") == {"classes": []}
