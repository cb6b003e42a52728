"""`simpleGet.php`, and the pages that are no more."""

import pytest
from fixtures.fix_http import WebFront, front_over
from fixtures.fix_services import Services
from support import result_of

from archive_server.http import urls
from archive_server.http.simple_get import SimpleGet
from archive_server.http.site import classic_routes
from archive_server.model.clips import FileType
from archive_server.model.documents import Document
from archive_server.model.gunid import Gunid
from archive_server.services import webstreams

EACH_BASE = pytest.mark.parametrize("path", urls.SIMPLE_GETS)


@pytest.fixture
def front(services: Services) -> WebFront:
    """The site with its classic pages."""
    plain = front_over(services)
    simple_get = SimpleGet(services.simple_get, services.sessions, plain.downloads)
    return front_over(services, *classic_routes(simple_get))


def query(path, session_id, gunid):
    return f"{path}?sessid={session_id}&id={gunid}"


@EACH_BASE
def test_audio_is_sent(front, services, wav, path):
    gunid = services.store_clip(wav, file_name="Ein Ton.wav")
    answer = front.ask("GET", query(path, services.session_id(), gunid))
    assert (answer.status, answer.body) == (200, wav)
    assert answer.headers["content-type"] == "audio/x-wav"
    assert answer.headers["content-length"] == str(len(wav))
    head = front.ask("HEAD", query(path, services.session_id(), gunid))
    assert (head.status, head.body) == (200, b"")
    part = front.ask("GET", query(path, services.session_id(), gunid), {"range": "bytes=8-11"})
    assert (part.status, part.body) == (206, b"WAVE")


@EACH_BASE
def test_a_playlist_is_sent_as_its_document(front, services, path):
    gunid = result_of(services.playlists.create(services.caller(), None, "list.xml"))
    answer = front.ask("GET", query(path, services.session_id(), gunid))
    assert (answer.status, answer.headers["content-type"]) == (200, "application/smil")
    assert answer.body.startswith(b'<?xml version="1.0" encoding="UTF-8"?>\n<playlist ')


@pytest.mark.parametrize(
    ("url", "location"),
    [
        ("http://localhost/y?a=b&c=%20", "http://localhost/y?a=b&c=%20"),
        ("http://localhost/Kőbor", "http://localhost/K%C5%91bor"),
    ],
)
def test_who_asks_for_a_webstream_is_sent_on(front, services, url, location):
    gunid = Gunid.parse("f000000000000001")
    document = Document.empty(FileType.WEBSTREAM).with_element("dcterms:extent", "00:00:00.000000")
    work = (services.caller(), gunid, document, url, "stream.xml", services.clock())
    result_of(services.database.run(webstreams.save, *work))
    answer = front.ask("GET", query(urls.SIMPLE_GETS[0], services.session_id(), gunid))
    assert (answer.status, answer.headers["location"]) == (302, location)


@EACH_BASE
def test_each_refusal_has_the_status_it_had(front, services, wav, path):
    gunid, session_id = services.store_clip(wav), services.session_id()
    for target, status in (
        (path, 400),
        (f"{path}?id={gunid}", 400),
        (f"{path}?sessid={session_id}", 400),
        (query(path, session_id, "x"), 400),
        (query(path, "0" * 32, gunid), 403),
        (query(path, "x", gunid), 403),
        (query(path, session_id, "0000000000000001"), 404),
    ):
        answer = front.ask("GET", target)
        assert (answer.status, answer.problem["status"]) == (status, status), target
    assert front.ask("POST", query(path, session_id, gunid), body=b"").status == 405


@pytest.mark.parametrize("path", urls.OLD_FRONTS)
def test_old_pages_lead_to_the_root(front, path):
    answer = front.ask("GET", path)
    assert (answer.status, answer.headers["location"]) == (302, "/")
