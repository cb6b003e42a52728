from datetime import UTC, datetime

import pytest

from archive_server.database import clips, documents, groups, object_classes, permissions, rights
from archive_server.database import users as user_rows
from archive_server.errors import BadRequest, Conflict, NotFound, UnknownGroup
from archive_server.model.clips import FileType
from archive_server.model.gunid import Gunid, IdStyle
from archive_server.model.permissions import Object
from archive_server.model.rights import Action, is_allowed
from archive_server.model.users import Role

READ, WRITE, ANY = Action.READ, Action.WRITE, Action.ANY


@pytest.fixture
def world(cursor):
    return World(cursor)


class World:
    """A client, a maintainer who owns a playlist, and an administrator."""

    def __init__(self, cursor):
        self.cursor = cursor
        self.ids = {
            role.value: user_rows.add(cursor, role.value, "hash", role).user_id for role in Role
        }
        self.gunid = self.owned_by("maintainer")

    def owned_by(self, login):
        gunid = Gunid.new(IdStyle.UUID7)
        clips.add(
            self.cursor,
            gunid,
            FileType.PLAYLIST,
            owner_id=self.ids[login],
            file_name="x",
            document_id=documents.add(self.cursor, "<x/>"),
            at=datetime.now(UTC),
        )
        return gunid

    def may(self, login, action, target="clip"):
        user_id = self.ids[login]
        if target == "clip":
            clip = clips.find(self.cursor, self.gunid)
            found = rights.applicable(
                self.cursor, user_id, action, clip_id=clip.clip_id, home_of=clip.owner_id
            )
        elif target == "archive":
            found = rights.applicable(self.cursor, user_id, action)
        else:
            found = rights.applicable(self.cursor, user_id, action, home_of=self.ids[target])
        return is_allowed(action, found)

    def say(self, subject, action, target, allows):
        named = str(self.gunid) if target == "clip" else target
        who, number = permissions.find_subject(self.cursor, subject)
        permissions.put(self.cursor, who, number, action, Object.parse(named), allows=allows)

    def allow(self, subject, action, target):
        self.say(subject, action, target, True)

    def deny(self, subject, action, target):
        self.say(subject, action, target, False)

    def revoke(self, subject, action, target):
        who, number = permissions.find_subject(self.cursor, subject)
        permissions.revoke(self.cursor, who, number, action, Object.parse(target))


@pytest.mark.parametrize(
    ("login", "reads", "writes", "stores", "administers"),
    [
        ("client", True, False, False, False),
        ("maintainer", True, True, True, False),
        ("admin", True, True, True, True),
    ],
)
def test_an_archive_begins_with_what_the_roles_promise(
    world, login, reads, writes, stores, administers
):
    assert world.may(login, READ) is world.may(login, READ, "archive") is reads
    assert world.may(login, WRITE) is writes
    assert world.may(login, WRITE, login) is stores
    for action in (Action.SUBJECTS, Action.EDIT_RIGHTS, Action.CLASSES):
        assert world.may(login, action, "archive") is administers


def test_a_rule_about_a_clip_is_about_no_other(world):
    world.deny("client", READ, "clip")
    assert not world.may("client", READ)
    world.gunid = world.owned_by("maintainer")
    assert world.may("client", READ)


def test_a_rule_about_a_home_is_about_what_its_user_owns(world):
    world.allow("client", WRITE, "home:maintainer")
    assert world.may("client", WRITE)
    world.gunid = world.owned_by("admin")
    assert not world.may("client", WRITE)


def test_a_clip_is_nearer_than_its_home_and_that_nearer_than_the_archive(world):
    world.deny("client", READ, "home:maintainer")
    assert not world.may("client", READ)
    assert world.may("client", READ, "archive")
    world.allow("All", READ, "clip")
    assert world.may("client", READ)


def test_what_a_user_owned_who_is_gone_lies_in_the_archive(world):
    world.allow("client", WRITE, "home:maintainer")
    user_rows.remove(world.cursor, "maintainer")
    assert not world.may("client", WRITE)
    assert world.may("client", READ)
    assert world.may("admin", WRITE)


def test_who_is_gone_may_nothing(world):
    user_rows.remove(world.cursor, "admin")
    assert not world.may("admin", READ)


def test_maintainers_can_be_held_to_what_they_own(world):
    world.revoke("Maintainers", WRITE, "archive")
    assert world.may("maintainer", WRITE)
    world.gunid = world.owned_by("admin")
    assert not world.may("maintainer", WRITE)
    assert world.may("maintainer", WRITE, "maintainer")


def test_groups_in_groups_count_and_the_nearer_one_wins(world):
    cursor = world.cursor
    for name in ("inner", "outer"):
        groups.add(cursor, name)
    subject, inner = permissions.find_subject(cursor, "group:inner")
    groups.join(cursor, groups.get_id(cursor, "outer"), subject.kind, inner)
    client, number = permissions.find_subject(cursor, "client")
    groups.join(cursor, inner, client.kind, number)
    world.allow("outer", WRITE, "clip")
    assert world.may("client", WRITE)
    world.deny("inner", WRITE, "clip")
    assert not world.may("client", WRITE)
    world.allow("client", ANY, "clip")
    assert world.may("client", WRITE)


def test_a_class_counts_where_nothing_else_does(world):
    cursor = world.cursor
    object_classes.add(cursor, "jingles")
    object_classes.put(cursor, "jingles", Object.parse(str(world.gunid)))
    world.allow("client", WRITE, "class:jingles")
    world.deny("client", READ, "class:jingles")
    assert world.may("client", WRITE)
    assert world.may("client", READ), "All may read the archive"
    object_classes.take(cursor, "jingles", Object.parse(str(world.gunid)))
    assert not world.may("client", WRITE)


def test_a_home_in_a_class_is_what_lies_in_it(world):
    object_classes.add(world.cursor, "presenters")
    object_classes.put(world.cursor, "presenters", Object.parse("home:maintainer"))
    world.allow("client", WRITE, "class:presenters")
    assert world.may("client", WRITE)
    assert world.may("client", WRITE, "maintainer")
    assert not world.may("client", WRITE, "admin")


def test_the_last_word_about_the_same_thing_counts(world):
    world.allow("client", WRITE, "clip")
    world.deny("client", WRITE, "clip")
    assert not world.may("client", WRITE)
    world.allow("client", WRITE, "clip")
    assert world.may("client", WRITE)
    subject, _ = permissions.find_subject(world.cursor, "client")
    assert len(permissions.list_permissions(world.cursor, subject)) == 1


@pytest.mark.parametrize("target", ["archive", "home:maintainer", "class:jingles", "clip"])
@pytest.mark.parametrize("subject", ["client", "All"])
def test_what_was_said_can_be_taken_back_once(world, subject, target):
    object_classes.add(world.cursor, "jingles")
    named = str(world.gunid) if target == "clip" else target
    before = permissions.list_permissions(world.cursor)
    world.deny(subject, WRITE, named)
    (said,) = [p for p in permissions.list_permissions(world.cursor) if p not in before]
    assert (str(said.object), said.action, said.allows) == (named, WRITE, False)
    assert said in permissions.list_permissions(world.cursor, said.subject, said.object)
    assert said not in permissions.list_permissions(world.cursor, None, Object.parse("home:admin"))
    world.revoke(subject, WRITE, named)
    assert permissions.list_permissions(world.cursor) == before
    with pytest.raises(NotFound, match="there is no rule"):
        world.revoke(subject, WRITE, named)


def test_what_is_removed_takes_the_rules_about_it_along(world):
    cursor = world.cursor
    before = permissions.list_permissions(cursor)
    groups.add(cursor, "editors")
    object_classes.add(cursor, "jingles")
    world.allow("editors", WRITE, "archive")
    world.allow("client", WRITE, "class:jingles")
    world.allow("client", WRITE, "clip")
    object_classes.put(cursor, "jingles", Object.parse(str(world.gunid)))
    groups.remove(cursor, "editors")
    object_classes.remove(cursor, "jingles")
    clips.remove(cursor, clips.find(cursor, world.gunid).clip_id)
    assert permissions.list_permissions(cursor) == before


def test_a_name_that_is_a_user_and_a_group_is_ambiguous(world):
    groups.add(world.cursor, "client")
    with pytest.raises(BadRequest, match="user:client or group:client"):
        permissions.find_subject(world.cursor, "client")
    assert str(permissions.find_subject(world.cursor, "group:client")[0]) == "group:client"
    assert str(permissions.find_subject(world.cursor, "user:client")[0]) == "user:client"


@pytest.mark.parametrize(
    ("name", "error"),
    [("nobody", NotFound), ("user:nobody", NotFound), ("group:nobody", UnknownGroup)],
)
def test_who_is_not_there_is_not_found(cursor, name, error):
    with pytest.raises(error, match="nobody"):
        permissions.find_subject(cursor, name)


@pytest.mark.parametrize("name", ["home:nobody", "class:nothing", "00000000000000aa"])
def test_what_is_not_there_is_not_found(cursor, name):
    with pytest.raises(NotFound, match=r"there is no (user|class|clip)"):
        permissions.get_object_id(cursor, Object.parse(name))


def test_classes_are_listed_with_what_is_in_them(world):
    cursor = world.cursor
    for name in ("b", "a"):
        object_classes.add(cursor, name)
    for member in ("home:admin", str(world.gunid), "home:admin"):
        object_classes.put(cursor, "a", Object.parse(member))
    listed = object_classes.list_classes(cursor)
    assert [(each.name, [str(member) for member in each.members]) for each in listed] == [
        ("a", ["home:admin", str(world.gunid)]),
        ("b", []),
    ]


def test_a_class_is_added_once_and_removed_once(cursor):
    object_classes.add(cursor, "a")
    object_classes.remove(cursor, "a")
    with pytest.raises(NotFound, match="there is no class a"):
        object_classes.remove(cursor, "a")
    object_classes.add(cursor, "a")
    with pytest.raises(Conflict, match="there is a class a already"):
        object_classes.add(cursor, "a")


def test_only_what_is_in_a_class_can_be_taken_out(cursor, world):
    object_classes.add(cursor, "a")
    with pytest.raises(NotFound, match="home:admin is not in class a"):
        object_classes.take(cursor, "a", Object.parse("home:admin"))


@pytest.mark.parametrize("member", ["archive", "class:a"])
def test_only_homes_and_clips_can_be_in_a_class(cursor, member):
    object_classes.add(cursor, "a")
    with pytest.raises(BadRequest, match="home:LOGIN or a clip's id"):
        object_classes.put(cursor, "a", Object.parse(member))
