"""Storing webstreams."""

import pytest
from support import result_of

from archive_server.errors import BadDocument, BadRequest, Conflict, Forbidden, NotFound
from archive_server.model.gunid import Gunid
from archive_server.model.search import Criteria
from archive_server.model.users import Role

GUNID = Gunid.parse("f000000000000001")
URL = "http://localhost/y"


@pytest.fixture
def caller(services):
    return services.caller()


@pytest.fixture
def add(services, caller):
    def add(inside=None, url=URL, gunid=GUNID, file_name="live.xml"):
        xml = "" if inside is None else f"<audioClip><metadata>{inside}</metadata></audioClip>"
        return result_of(services.webstreams.store(caller, gunid, xml, file_name, url))

    return add


@pytest.fixture
def document(services, caller):
    def document(gunid=GUNID):
        return result_of(services.clips.document(caller, gunid))

    return document


def test_a_webstream_is_read_found_and_there(services, caller, add, document):
    assert add("<dc:title>one</dc:title>") == GUNID
    assert (
        "<dc:title>one</dc:title> <ls:url>http://localhost/y</ls:url> "
        "<dcterms:extent>00:00:00.000000</dcterms:extent> <ls:mtime>" in document()
    )
    assert result_of(services.clips.exists(caller, GUNID))
    assert not result_of(services.playlists.exists(caller, GUNID))
    criteria = Criteria.build(file_type="webstream", conditions=[("ls:url", "partial", "/y")])
    (hit,) = result_of(services.search.find(caller, criteria)).hits
    assert (hit.gunid, hit.title) == (GUNID, "one")


def test_a_second_webstream_works(services, caller, add):
    first, second = add(gunid=None), add(gunid=None)
    assert first != second
    criteria = Criteria.build(file_type="webstream")
    assert result_of(services.search.find(caller, criteria)).total == 2


def test_without_a_document_it_gets_the_usual_one(add, document):
    add()
    assert (
        "><ls:url>http://localhost/y</ls:url> <dc:title>Empty file</dc:title> "
        "<dcterms:extent>00:00:00.000000</dcterms:extent> <ls:mtime>" in document()
    )


def test_the_address_may_be_in_the_document_and_is_changed_in_place(add, document):
    add(f"<ls:url>{URL}</ls:url><dc:title>a</dc:title>", url="")
    assert f"<ls:url>{URL}</ls:url> <dc:title>" in document()
    add("<ls:url>http://old.example/</ls:url><dc:title>a</dc:title>")
    assert f"<ls:url>{URL}</ls:url> <dc:title>" in document()


@pytest.mark.parametrize(
    ("inside", "url", "kind"),
    [
        (None, "", BadRequest),
        ("<dc:title>a</dc:title>", "", BadRequest),
        (None, "/etc/passwd", BadRequest),
        (None, "file:///etc/passwd", BadRequest),
        (None, "javascript:alert(1)", BadRequest),
        (None, "http://a b/", BadRequest),
        (None, "http://a/\r\nX: y", BadRequest),
        ("<dcterms:extent>90</dcterms:extent>", URL, BadDocument),
        ("</a>", URL, BadDocument),
    ],
)
def test_what_is_no_webstream_is_refused(services, caller, add, inside, url, kind):
    with pytest.raises(kind):
        add(inside, url)
    assert not result_of(services.clips.exists(caller, GUNID))


def test_a_webstream_is_replaced_and_comes_back_from_the_trash(services, caller, add, document):
    add("<dc:title>one</dc:title>")
    result_of(services.clips.delete(caller, GUNID, forced=False))
    assert not result_of(services.clips.exists(caller, GUNID))
    add("<dc:title>two</dc:title>", "rtsp://a.example/two")
    assert "<dc:title>two</dc:title> <ls:url>rtsp://a.example/two</ls:url>" in document()


def test_what_it_has_to_say_survives_other_metadata(services, caller, add, document):
    add("<dc:title>one</dc:title>")
    xml = "<audioClip><metadata><dc:creator>c</dc:creator></metadata></audioClip>"
    result_of(services.clips.describe(caller, GUNID, xml))
    assert f"<dc:creator>c</dc:creator> <ls:url>{URL}</ls:url> <dc:title>one</dc:title>" in (
        document()
    )
    with pytest.raises(BadRequest):
        result_of(
            services.clips.describe(
                caller,
                GUNID,
                "<audioClip><metadata><ls:url>no</ls:url></metadata></audioClip>",
            )
        )


def test_it_has_no_audio(services, caller, add):
    add()
    with pytest.raises(NotFound):
        result_of(services.downloads.open_audio(caller, GUNID))
    with pytest.raises(NotFound):
        result_of(services.downloads.open_file(caller, GUNID))


def test_kinds_do_not_take_each_other_s_place(services, caller, add, high):
    clip = services.store_clip(high)
    with pytest.raises(Conflict, match="is an audio clip"):
        add(gunid=clip)
    add()
    with pytest.raises(Conflict, match="is a webstream"):
        result_of(services.clips.start_upload(caller, GUNID, "", "a.wav", ""))
    with pytest.raises(Conflict, match="a webstream"):
        result_of(services.playlists.create(caller, GUNID, "a.xml"))


def test_who_may_only_read_stores_nothing(services):
    with pytest.raises(Forbidden):
        result_of(services.webstreams.store(services.caller(Role.CLIENT), GUNID, "", "a", URL))
