"""One of several processes that serve: started by the supervisor, as a new program each time."""

import contextlib
import json
import os
import signal
import socket
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from twisted.internet.task import LoopingCall

from archive_server.app.foundation import Foundation
from archive_server.app.listening import Entrance
from archive_server.app.process_setup import prepare_process
from archive_server.app.server import Place, Server
from archive_server.app.services import build_prober
from archive_server.config import Config
from audio_store import AudioStore

PROGRAM = (sys.executable, "-P", "-m", "archive_server.cli.worker")
ALIVE = b"+"

_BEAT_S = 1


@dataclass(frozen=True, slots=True)
class Task:
    """What a worker is told. It reads the configuration itself, so that it reads the newest."""

    number: int
    of: int
    data_dir: str
    config_file: str | None
    log_level: str
    embedded_dsn: str  # empty: the one that is configured
    store_id: str
    supervisor: int  # its process id
    ready: int  # the descriptor to write ALIVE to once it is; it is kept open, and tells of our end
    sockets: tuple[int, ...]  # descriptors that listen
    secure: tuple[int, ...] = ()  # those of them where TLS is spoken
    kept: tuple[int, ...] = ()  # descriptors of the certificate and key that were good last

    def to_json(self) -> str:
        """Write it as an argument of a command."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Task":
        """Read what `to_json` wrote."""
        values = json.loads(text)
        descriptors = {name: tuple(values[name]) for name in ("sockets", "secure", "kept")}
        return cls(**{**values, **descriptors})

    @property
    def place(self) -> Place:
        return Place(self.number, self.of)


def run_worker(reactor: Any, task: Task, config: Config) -> None:
    """Serve until SIGTERM; or, after SIGHUP, until the last client has gone. Blocks.

    To be called by a process that ends with the supervisor (`die_with_parent`).
    """
    if os.getppid() != task.supervisor:
        sys.exit("the supervisor has gone already")
    for descriptor in (task.ready, *task.sockets, *task.kept):
        os.set_inheritable(descriptor, False)
    prepare_process()
    data_dir = Path(task.data_dir)
    store = AudioStore.expected(data_dir / "store", task.store_id)
    foundation = Foundation(config, data_dir, task.embedded_dsn or config.database.dsn, store)
    opened = [
        Entrance(socket.socket(fileno=descriptor), descriptor in task.secure)
        for descriptor in task.sockets
    ]
    decoders = task.place.share(config.audio.probe_workers)
    with contextlib.closing(build_prober(config, decoders)) as prober:
        server = Server(reactor, foundation, prober, opened, task.place, task.kept)
        for descriptor in task.kept:
            os.close(descriptor)
        signal.signal(signal.SIGHUP, lambda *_: reactor.callFromThread(server.leave))
        server.run(lambda: _begin_to_beat(reactor, task.ready))


def _begin_to_beat(reactor: Any, descriptor: int) -> None:
    """Say that we are ready, and for as long as the reactor turns that it does."""
    os.set_blocking(descriptor, False)
    loop = LoopingCall(_beat, descriptor)
    loop.clock = reactor
    loop.start(_BEAT_S)


def _beat(descriptor: int) -> None:
    with contextlib.suppress(BlockingIOError):  # the supervisor is busy, and knows enough
        os.write(descriptor, ALIVE)
