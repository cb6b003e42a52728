"""The writer of sidecars, over a real archive and a clock of the test's own."""

import pytest
from support import result_of
from twisted.internet.task import Clock

from archive_server.database import stores
from archive_server.model.gunid import Gunid
from archive_server.workers.sidecars import SidecarWriter
from audio_store import Sidecars

ONE = Gunid.parse("00000000000000a1")
TWO = Gunid.parse("00000000000000a2")


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def names(services):
    """The items that have a sidecar."""
    result_of(services.database.run(stores.add, services.store.store_id))
    return lambda: set(Sidecars(services.store).names())


@pytest.fixture
def writer(services, clock):
    writer = SidecarWriter(services.sidecars, clock)
    yield writer
    result_of(writer.stop())


def test_it_writes_what_was_there_and_then_what_comes(services, writer, clock, names, wav):
    services.store_clip(wav, gunid=ONE)
    writer.start()
    assert names() == {str(ONE)}
    services.store_clip(wav, gunid=TWO)
    clock.advance(1)
    assert names() == {str(ONE), str(TWO)}


def test_while_the_store_is_away_it_tries_again_now_and_then(services, writer, clock, names, wav):
    services.store_clip(wav, gunid=ONE)
    identity = services.store.root / "store.json"
    identity.rename(identity.with_suffix(".away"))
    writer.start()
    identity.with_suffix(".away").rename(identity)
    clock.advance(1)
    assert names() == set()  # it rests
    clock.advance(10)
    assert names() == {str(ONE)}


def test_after_its_end_it_writes_no_more(services, writer, clock, names, wav):
    writer.start()
    result_of(writer.stop())
    services.store_clip(wav, gunid=ONE)
    clock.advance(60)
    assert names() == set()
