"""What playlists became, over HTTP."""

from xml.etree import ElementTree

import pytest
from fixtures.fix_http import WebFront
from support import result_of
from twisted.internet.task import Clock

from archive_server.services.rendering import Rendering
from archive_server.workers.jobs import JobRunner


@pytest.fixture
def rendered(front: WebFront, wav: bytes):
    """Render a playlist of one clip; give the token of what it has become."""
    services = front.services
    caller = services.caller()
    gunid = result_of(services.playlists.create(caller, None, "tonight.xml"))
    token = result_of(services.playlists.edit(caller, gunid)).token
    xml = (
        f'<playlist id="{gunid}" title="Tonight"><playlistElement id="0000000000000001" '
        f'relativeOffset="0"><audioClip id="{services.store_clip(wav)}"/></playlistElement>'
        "</playlist>"
    )
    result_of(services.playlists.save(caller, token, xml))

    def render(kind: Rendering) -> str:
        job = result_of(services.rendering.start(caller, gunid, kind, "http://radio.example:80"))
        runner = JobRunner(services.jobs, services.render_work.by_kind(), Clock())
        runner.start()  # and all is done, since nothing has to wait
        result_of(runner.stop(0))
        return result_of(services.rendering.check(job, kind)).lease

    return render


def test_a_feed_says_that_it_is_one(front: WebFront, rendered) -> None:
    token = rendered(Rendering.FEED)
    answer = front.ask("GET", f"/access/{token}.rss")
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/rss+xml"
    assert "tonight.rss" in answer.headers["content-disposition"]
    root = ElementTree.fromstring(answer.body)
    assert (root.tag, root.attrib["version"]) == ("rss", "2.0")
    url = root.find("channel/item/enclosure").attrib["url"]
    path = url.removeprefix("http://radio.example:80")
    session = {"authorization": f"Bearer {front.services.session_id()}"}
    assert front.ask("GET", path, session).status == 200
    assert front.ask("GET", f"/access/{token}.xml").status == 404


def test_a_rendered_file_is_sent_in_parts_under_the_playlists_name(
    front: WebFront, rendered
) -> None:
    token = rendered(Rendering.FILE)
    answer = front.ask("GET", f"/access/{token}.ogg", {"range": "bytes=0-3"})
    assert (answer.status, answer.body) == (206, b"OggS")
    assert answer.headers["content-type"] == "audio/ogg"
    assert "Tonight.ogg" in answer.headers["content-disposition"]
