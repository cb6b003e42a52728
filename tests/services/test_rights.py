"""Every call asks for the rights of the protocol's table, 2.3."""

import pytest
from support import result_of

from archive_server.errors import Forbidden
from archive_server.model.gunid import Gunid
from archive_server.model.permissions import Object
from archive_server.model.rights import Action
from archive_server.model.search import Criteria
from archive_server.model.users import Role

DOCUMENT = (
    "<audioClip><metadata xmlns:dc='http://purl.org/dc/elements/1.1/'>"
    "<dc:title>x</dc:title></metadata></audioClip>"
)
UNUSED = Gunid.parse("00000000000000aa")


@pytest.fixture
def say(services):
    """Allows or denies something."""

    def put(subject, action, target, *, allows):
        permissions = services.administration.permissions
        target = Object.parse(str(target))
        result_of(permissions.put(None, subject, action, target, allows=allows))

    return put


def start(services, caller, gunid=None):
    return services.clips.start_upload(caller, gunid, "", "a.wav", "")


READS = {
    "exists": lambda services, caller, gunid: services.clips.exists(caller, gunid),
    "document": lambda services, caller, gunid: services.clips.document(caller, gunid),
    "open_audio": lambda services, caller, gunid: services.downloads.open_audio(caller, gunid),
    "open_file": lambda services, caller, gunid: services.downloads.open_file(caller, gunid),
    "open_document": lambda services, caller, gunid: services.downloads.open_document(
        caller, gunid
    ),
    "current": lambda services, caller, gunid: services.downloads.current(caller, gunid),
    "revision": lambda services, caller, gunid: services.downloads.revision(caller, gunid, 1),
}
WRITES = {
    "replace": lambda services, caller, gunid: start(services, caller, gunid),
    "describe": lambda services, caller, gunid: services.clips.describe(caller, gunid, DOCUMENT),
    "trash": lambda services, caller, gunid: services.clips.delete(caller, gunid, forced=False),
    "delete": lambda services, caller, gunid: services.clips.delete(caller, gunid, forced=True),
}


def done(call):
    """Carries a call out, and closes what it opens."""
    answer = result_of(call)
    if hasattr(answer, "content"):
        answer.content.close()


@pytest.mark.parametrize("name", READS)
def test_reading_a_clip_needs_the_right_to_read_it(services, high, say, name):
    gunid = services.store_clip(high)
    client, maintainer = services.caller(Role.CLIENT), services.caller(Role.MAINTAINER)
    done(READS[name](services, client, gunid))
    say("client", Action.READ, gunid, allows=False)
    with pytest.raises(Forbidden, match=f"user client may not read {gunid}"):
        done(READS[name](services, client, gunid))
    done(READS[name](services, maintainer, gunid))


@pytest.mark.parametrize("name", WRITES)
def test_changing_a_clip_needs_the_right_to_write_it(services, high, say, name):
    gunid = services.store_clip(high)
    client = services.caller(Role.CLIENT)
    with pytest.raises(Forbidden, match=f"user client may not change {gunid}"):
        done(WRITES[name](services, client, gunid))
    say("client", Action.WRITE, gunid, allows=True)
    done(WRITES[name](services, client, gunid))


@pytest.mark.parametrize("name", WRITES)
def test_who_may_write_a_clip_or_not_is_said_of_that_clip(services, high, say, name):
    gunid, other = services.store_clip(high), services.store_clip(high)
    maintainer = services.caller(Role.MAINTAINER)
    say("Maintainers", Action.ANY, gunid, allows=False)
    with pytest.raises(Forbidden):
        done(WRITES[name](services, maintainer, gunid))
    done(WRITES[name](services, maintainer, other))


def test_a_new_clip_needs_the_right_to_write_in_the_own_home(services, say):
    client = services.caller(Role.CLIENT)
    with pytest.raises(Forbidden, match="user client may not change home:client"):
        result_of(start(services, client, UNUSED))
    say("client", Action.WRITE, "home:client", allows=True)
    assert result_of(start(services, client, UNUSED)).clip == UNUSED


def test_a_right_that_is_taken_away_meanwhile_is_missed_when_the_upload_is_closed(
    services, high, say
):
    maintainer = services.caller()
    upload = result_of(start(services, maintainer))
    services.send(upload.token, high)
    say("maintainer", Action.WRITE, "home:maintainer", allows=False)
    with pytest.raises(Forbidden):
        result_of(services.clips.finish_upload(maintainer, upload.token))
    assert list(services.store.contents()) == []
    say("maintainer", Action.WRITE, "home:maintainer", allows=True)
    gunid = result_of(services.clips.finish_upload(maintainer, upload.token))
    assert result_of(services.clips.exists(maintainer, gunid))


def test_a_clip_that_was_made_meanwhile_is_replaced_only_by_who_may(services, high, say):
    client = services.caller(Role.CLIENT)
    say("client", Action.WRITE, "home:client", allows=True)
    upload = result_of(start(services, client, UNUSED))
    services.send(upload.token, high)
    services.store_clip(high, gunid=UNUSED)
    with pytest.raises(Forbidden):
        result_of(services.clips.finish_upload(client, upload.token))


def test_an_upload_is_finished_by_who_began_it(services, high):
    upload = result_of(start(services, services.caller(Role.MAINTAINER)))
    services.send(upload.token, high)
    with pytest.raises(Forbidden, match="user admin may not finish what another user began"):
        result_of(services.clips.finish_upload(services.caller(Role.ADMIN), upload.token))
    result_of(services.clips.finish_upload(services.caller(Role.MAINTAINER), upload.token))


def test_searching_needs_the_right_to_read_the_archive(services, say):
    client = services.caller(Role.CLIENT)
    result_of(services.search.find(client, Criteria.build()))
    say("All", Action.READ, "archive", allows=False)
    for call in (
        services.search.find(client, Criteria.build()),
        services.search.browse(client, "dc:title", Criteria.build()),
    ):
        with pytest.raises(Forbidden, match="user client may not read the archive"):
            result_of(call)


def test_what_is_unknown_is_not_there_for_anybody(services, say):
    client = services.caller(Role.CLIENT)
    say("All", Action.READ, "archive", allows=False)
    assert result_of(services.clips.exists(client, UNUSED)) is False


def test_a_role_that_changes_changes_what_its_user_may_at_once(services, high):
    gunid = services.store_clip(high)
    client = services.caller(Role.CLIENT)
    with services.database.connection.cursor() as cursor:
        cursor.execute("UPDATE users SET role = 'maintainer' WHERE login = 'client'")
    result_of(services.clips.describe(client, gunid, DOCUMENT))


def test_a_client_in_a_group_that_is_a_maintainer_may_what_maintainers_may(services, high):
    gunid = services.store_clip(high)
    client = services.caller(Role.CLIENT)
    admin = services.administration
    result_of(admin.groups.add(None, "night shift"))
    result_of(admin.groups.join(None, "night shift", "Maintainers"))
    result_of(admin.groups.join(None, "client", "night shift"))
    result_of(services.clips.describe(client, gunid, DOCUMENT))
    result_of(admin.groups.leave(None, "night shift", "Maintainers"))
    with pytest.raises(Forbidden):
        result_of(services.clips.describe(client, gunid, DOCUMENT))
