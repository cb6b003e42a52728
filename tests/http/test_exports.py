"""Archives of playlists over HTTP: what is never built is sent like a file."""

import io
import tarfile

import pytest
from fixtures.fix_http import WebFront, front_over, tone
from fixtures.fix_services import Services
from hypothesis import given, settings
from hypothesis import strategies as st
from services.transfers import clip, document, element, read, save
from support import result_of

from archive_server.http.sending import BLOCK
from archive_server.model.gunid import Gunid
from archive_server.model.leases import LeaseKind
from archive_server.model.playlist_archives import ListType

MAIN = Gunid.parse("00000000000000b1")
MANY = tuple(tone(hertz, 2) for hertz in (200, 300, 400))  # together more than two blocks


@pytest.fixture
def token(front: WebFront) -> str:
    """An export of a playlist of three clips."""
    services = front.services
    gunids = [services.store_clip(audio) for audio in MANY]
    save(services, MAIN, document(MAIN, *(element(n, clip(g)) for n, g in enumerate(gunids))))
    opened = services.exports.open(services.caller(), [MAIN], ListType.LSPL, standalone=False)
    return result_of(opened)


@pytest.fixture
def url(token: str) -> str:
    return f"/access/{token}.tar"


@pytest.fixture
def whole(front: WebFront, token: str) -> bytes:
    archive = read(front.services, token)
    assert len(archive) > 2 * BLOCK
    return archive


def test_an_archive_is_sent_with_its_length(front: WebFront, url: str, whole: bytes) -> None:
    answer = front.ask("GET", url)
    assert (answer.status, answer.body) == (200, whole)
    assert answer.headers["content-length"] == str(len(whole))
    assert answer.headers["content-type"] == "application/x-tar"
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["content-disposition"] == 'attachment; filename="A & B.tar"'
    with tarfile.open(fileobj=io.BytesIO(answer.body)) as tar:
        found = {tar.extractfile(each).read() for each in tar if each.name.endswith(".wav")}  # type: ignore[union-attr]
    assert found == set(MANY)


def test_a_head_is_a_get_without_its_body(front: WebFront, url: str, whole: bytes) -> None:
    head, get = front.ask("HEAD", url), front.ask("GET", url)
    assert (head.status, head.body) == (200, b"")
    assert dict(head.headers) == dict(get.headers)


@given(st.data())
@settings(
    max_examples=30,
)
def test_ranges_are_slices_of_the_whole(
    front: WebFront, url: str, whole: bytes, data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, len(whole) - 1))
    last = data.draw(st.integers(start, len(whole) - 1))
    answer = front.ask("GET", url, {"range": f"bytes={start}-{last}"})
    assert (answer.status, answer.body) == (206, whole[start : last + 1])
    assert answer.headers["content-range"] == f"bytes {start}-{last}/{len(whole)}"


def test_a_download_is_resumed_after_a_restart(front: WebFront, url: str, whole: bytes) -> None:
    first = front.ask("GET", url, {"range": "bytes=0-299999"})
    services = front.services
    for gunid in _clips(services):
        result_of(services.clips.delete(services.caller(), gunid, forced=True))
    restarted = front_over(services)
    rest = restarted.ask("GET", url, {"range": "bytes=300000-", "if-range": first.headers["etag"]})
    assert (first.status, rest.status) == (206, 206)
    assert first.body + rest.body == whole


def _clips(services: Services) -> list[Gunid]:
    with services.database.connection.cursor() as cursor:
        cursor.execute("SELECT gunid FROM clip WHERE file_type = 'audioclip'")
        return [Gunid(gunid) for (gunid,) in cursor.fetchall()]


def test_several_ranges_and_conditions(front: WebFront, url: str, whole: bytes) -> None:
    answer = front.ask("GET", url, {"range": "bytes=0-9,1000-1009"})
    assert answer.status == 206
    assert whole[:10] in answer.body
    assert whole[1000:1010] in answer.body
    etag = answer.headers["etag"]
    assert front.ask("GET", url, {"if-none-match": etag}).status == 304
    assert front.ask("GET", url, {"range": f"bytes={len(whole)}-"}).status == 416
    assert front.ask("GET", url.replace(".tar", ".zip")).status == 404


def test_what_is_closed_is_sent_no_more(front: WebFront, url: str, token: str) -> None:
    result_of(front.services.downloads.close(token, LeaseKind.EXPORT))
    assert front.ask("GET", url).status == 404
