"""Serving with several workers: what there is once, and the supervisor that keeps the workers."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from archive_server.app.foundation import Announcement, founded
from archive_server.app.listening import entrances
from archive_server.app.process_setup import prepare_process
from archive_server.app.supervisor import Supervisor
from archive_server.app.tls import Kept
from archive_server.app.worker import Task
from archive_server.config import Config

_MORE_THAN_GRACE_S = 20  # for what a worker does after its last transfer


def supervise(
    config: Config,
    config_file: Path | None,
    data_dir: Path,
    log_level: str,
    announcement: Announcement,
) -> None:
    """Serve with several workers until SIGINT or SIGTERM. To be called by the main thread; blocks.

    Raises WorkersFail, and what `server.run` raises.
    """
    # Not the end, even before there is anybody to replace, or after.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    prepare_process()
    with (
        _certificate_kept(config) as kept,
        founded(config, data_dir, announcement) as foundation,
        entrances(config) as opened,
    ):
        urls = [entrance.url for entrance in opened]
        sockets = [entrance.socket for entrance in opened]
        task = Task(
            number=0,
            of=config.server.workers,
            data_dir=str(foundation.data_dir),
            config_file=None if config_file is None else str(config_file.resolve()),
            log_level=log_level,
            embedded_dsn="" if config.database.dsn else foundation.dsn,
            store_id=foundation.store.store_id,
            supervisor=os.getpid(),
            ready=-1,
            sockets=tuple(each.fileno() for each in sockets),
            secure=tuple(each.socket.fileno() for each in opened if each.is_secure),
        )
        supervisor = Supervisor(
            task,
            sockets,
            config.server.stop_grace_s + _MORE_THAN_GRACE_S,
            foundation.look_after,
            kept=kept,
        )
        supervisor.run(lambda: foundation.announce(announcement, urls))


@contextmanager
def _certificate_kept(config: Config) -> Iterator[Kept | None]:
    """The certificate for workers to come, for the time of a block. Raises ConfigError."""
    if not config.tls.listen:
        yield None
        return
    kept = Kept(Path(config.tls.certificate), Path(config.tls.key))
    try:
        yield kept
    finally:
        kept.close()
