import hashlib
import io

import pytest

from audio_store import BadName, ContentId, Digests
from audio_store.content_id import RunningDigests, read_digests

HEX = hashlib.sha256(b"sound").hexdigest()


def test_a_content_id_reads_what_it_writes():
    assert str(ContentId.parse(HEX)) == HEX
    assert ContentId.parse(HEX) == ContentId(hashlib.sha256(b"sound").digest())


@pytest.mark.parametrize("text", ["", HEX.upper(), HEX[:-1], HEX + "0", HEX + "\n", "x" * 64])
def test_what_is_not_a_content_id_is_refused(text):
    with pytest.raises(BadName):
        ContentId.parse(text)


def test_a_digest_of_another_length_is_no_content_id():
    with pytest.raises(BadName):
        ContentId(b"short")


def test_running_digests_do_not_depend_on_the_blocks():
    running = RunningDigests()
    for block in (b"", b"so", memoryview(b"und")):
        running.update(block)
    expected = Digests(hashlib.sha256(b"sound").digest(), hashlib.md5(b"sound").digest(), 5)
    assert running.so_far() == read_digests(io.BytesIO(b"sound")).so_far() == expected
    assert str(expected.content_id) == HEX
