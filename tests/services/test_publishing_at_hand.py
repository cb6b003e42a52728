"""Audio that is in the server already becomes clips, with all the checks of an upload."""

import io
from datetime import timedelta

import pytest
from support import result_of

from archive_server.database import clips
from archive_server.errors import BadDocument, Conflict, Forbidden, RefusedAudio, Unavailable
from archive_server.model.documents import Document
from archive_server.model.gunid import Gunid
from archive_server.model.users import Role
from archive_server.services.clip_making import make_clip

GUNID = Gunid.parse("00000000000000aa")


@pytest.fixture
def publisher(services):
    return services.clips.publisher


@pytest.fixture
def caller(services):
    return services.caller()


def nothing_is_left(services):
    return not list(services.store.contents()) and not list(services.store.staged_tokens())


def audio_of(services, caller, gunid=GUNID):
    file = result_of(services.downloads.current(caller, gunid))
    with file.content as content:
        return content.read()


def test_a_file_becomes_a_clip(services, publisher, caller, high, tmp_path):
    path = tmp_path / "made"
    path.write_bytes(high)
    assert result_of(publisher.add(caller, path, GUNID, None, "jingle.wav")) == GUNID
    assert audio_of(services, caller) == path.read_bytes()
    document = Document.parse(result_of(services.clips.document(caller, GUNID)))
    assert document.first("dc:title") == "jingle"
    assert not list(services.store.staged_tokens())


def test_a_stream_becomes_a_new_revision(services, publisher, caller, high, low):
    services.store_clip(high, gunid=GUNID)
    xml = "<audioClip><metadata><dc:title>Low</dc:title></metadata></audioClip>"
    result_of(publisher.add(caller, io.BytesIO(low), GUNID, xml, "low.wav"))
    assert audio_of(services, caller) == low
    file = result_of(services.downloads.revision(caller, GUNID, 1))
    file.content.close()
    document = Document.parse(result_of(services.clips.document(caller, GUNID)))
    assert document.first("dc:title") == "Low"


def test_bytes_that_the_store_has_already_are_kept_once(services, publisher, caller, high):
    services.store_clip(high)
    result_of(publisher.add(caller, io.BytesIO(high), GUNID, None, "again.wav"))
    assert len(list(services.store.contents())) == 1


@pytest.mark.parametrize("content", [b"", b"no audio", None])
def test_what_an_upload_would_refuse_is_refused_and_nothing_is_left(
    services, publisher, caller, high, content
):
    cut = high[:-100] if content is None else content
    with pytest.raises(RefusedAudio):
        result_of(publisher.add(caller, io.BytesIO(cut), GUNID, None, "a.wav"))
    assert nothing_is_left(services)
    assert result_of(services.database.run(clips.find, GUNID)) is None


def test_a_document_that_cannot_be_read_is_refused_before_a_byte_is_copied(
    services, publisher, caller, high
):
    source = io.BytesIO(high)
    with pytest.raises(BadDocument):
        result_of(publisher.add(caller, source, GUNID, "<audioClip", "a.wav"))
    assert source.tell() == 0
    assert nothing_is_left(services)


def test_the_id_of_a_playlist_is_refused(services, publisher, caller, high):
    result_of(services.playlists.create(caller, GUNID, "list.xml"))
    with pytest.raises(Conflict):
        result_of(publisher.add(caller, io.BytesIO(high), GUNID, None, "a.wav"))
    assert nothing_is_left(services)


def test_who_may_not_store_may_not_by_this_way_either(services, publisher, high):
    client = services.caller(Role.CLIENT)
    with pytest.raises(Forbidden):
        result_of(publisher.add(client, io.BytesIO(high), GUNID, None, "a.wav"))
    assert nothing_is_left(services)


def test_a_source_that_fails_leaves_nothing(services, publisher, caller):
    class Broken(io.BytesIO):
        def read(self, size=-1):
            raise Unavailable("the archive's disk is away")

    with pytest.raises(Unavailable):
        result_of(publisher.add(caller, Broken(), GUNID, None, "a.wav"))
    assert nothing_is_left(services)


@pytest.mark.usefixtures("dsn")
def test_the_janitor_leaves_what_is_being_examined(services, publisher, caller, high, low):
    async def made_slowly():
        async with (
            publisher.examined(io.BytesIO(high), GUNID, None, "a.wav") as first,
            publisher.examined(io.BytesIO(low), Gunid.parse("0" * 15 + "b"), None, "b") as second,
        ):
            services.clock.advance(timedelta(days=2))
            await services.maintenance.sweep()
            await services.database.run(make_both, first, second)

    def make_both(cursor, first, second):
        for examined in (first, second):
            make_clip(cursor, caller, examined, services.clock())

    result_of(made_slowly())
    assert audio_of(services, caller) == high
    assert len(list(services.store.contents())) == 2


@pytest.mark.usefixtures("dsn")
def test_what_was_published_in_a_transaction_that_failed_is_found_by_the_janitor(
    services, publisher, caller, high
):
    def make_and_fail(cursor, examined):
        make_clip(cursor, caller, examined, services.clock())
        raise Conflict("something else went wrong")

    async def failing():
        async with publisher.examined(io.BytesIO(high), GUNID, None, "a.wav") as examined:
            await services.database.run(make_and_fail, examined)

    with pytest.raises(Conflict):
        result_of(failing())
    assert len(list(services.store.contents())) == 1
    services.clock.advance(timedelta(days=2))
    result_of(services.maintenance.sweep())
    assert nothing_is_left(services)
