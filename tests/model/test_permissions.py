import pytest

from archive_server.errors import BadRequest
from archive_server.model.permissions import Object, Permission, Subject, parsed_action
from archive_server.model.rights import Action


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("anna", ["user:anna", "group:anna"]),
        ("user:anna", ["user:anna"]),
        ("group:All", ["group:All"]),
        ("user:group:odd", ["user:group:odd"]),
        ("home:anna", ["user:home:anna", "group:home:anna"]),
    ],
)
def test_a_name_means_a_user_or_a_group(written, meant):
    assert [str(subject) for subject in Subject.candidates(written)] == meant


@pytest.mark.parametrize("written", ["", "user:", "group:", "x" * 256, "two\nlines"])
def test_what_is_no_name_means_nobody(written):
    with pytest.raises(BadRequest, match="subject"):
        Subject.candidates(written)


@pytest.mark.parametrize(
    "written",
    [
        "archive",
        "home:anna",
        "home:a:b",
        "class:jingles",
        "00000000000000aa",
        "0190163d-8694-739b-aea5-966c26f8ad91",
    ],
)
def test_an_object_is_written_as_it_is_read(written):
    assert str(Object.parse(written)) == written


def test_the_id_of_a_clip_has_one_spelling():
    assert Object.parse("00000000000000AA") == Object.parse("00000000000000aa")


@pytest.mark.parametrize("written", ["", "Archive", "home", "home:", "class:", "clip:aa", "00aa"])
def test_what_is_no_object_is_refused(written):
    with pytest.raises(BadRequest, match="object"):
        Object.parse(written)


def test_actions_are_those_of_the_protocol():
    assert [parsed_action(text) for text in ("read", "editPrivs", "_all")] == [
        Action.READ,
        Action.EDIT_RIGHTS,
        Action.ANY,
    ]


@pytest.mark.parametrize("written", ["", "Read", "READ", "all", "_all"])
def test_what_is_no_action_is_refused(written):
    with pytest.raises(BadRequest, match="action: one of read, write"):
        parsed_action(written, also_any=False)


def test_a_permission_is_a_sentence():
    (subject,) = Subject.candidates("group:All")
    denied = Permission(subject, Action.READ, Object.parse("home:anna"), allows=False)
    assert str(denied) == "group:All may not read home:anna"
