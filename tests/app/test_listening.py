"""Where clients come in, and who else may be there."""

import socket
from dataclasses import replace
from threading import Timer

import pytest
from twisted.internet.error import CannotListenError

from archive_server.app.listening import entrances
from archive_server.config import Config, Server


@pytest.fixture
def taken():
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield other


def at(taken):
    host, port = taken.getsockname()
    return replace(Config(), server=Server(listen=(f"{host}:{port}",)))


def test_an_address_that_is_let_go_of_soon_is_waited_for(taken):
    config = at(taken)
    letting_go = Timer(0.2, taken.close)
    letting_go.start()
    with entrances(config) as (entrance,):
        assert entrance.socket.getsockname()[1] == int(entrance.url.rstrip("/").rpartition(":")[2])
    letting_go.join()


def test_an_address_that_is_kept_cannot_be_listened_at(taken):
    with pytest.raises(CannotListenError, match="in use"), entrances(at(taken)):
        pass
