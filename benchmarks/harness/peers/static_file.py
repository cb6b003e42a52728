"""`twisted.web.static.File` as it comes: `python -m ... PORT WORKERS FOLDER`."""

import os
import signal
import socket
import sys

from benchmarks.harness.peers.program import listening


def main() -> None:
    """Serve the folder with so many processes on one socket."""
    port, workers, folder = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    listener = listening(port)
    children: list[int] = []
    for _ in range(workers - 1):
        if (child := os.fork()) == 0:
            children.clear()  # they are the parent's
            break
        children.append(child)
    _serve(listener, folder)
    for child in children:
        os.kill(child, signal.SIGTERM)


def _serve(listener: socket.socket, folder: str) -> None:
    # Imported after forking: processes must not share the reactor's epoll.
    from twisted.internet import reactor
    from twisted.web.server import Site
    from twisted.web.static import File

    loop: object = reactor
    site = Site(File(folder))
    site.timeOut = None
    loop.adoptStreamPort(listener.fileno(), socket.AF_INET, site)  # type: ignore[attr-defined]
    loop.run()  # type: ignore[attr-defined]


if __name__ == "__main__":
    main()
