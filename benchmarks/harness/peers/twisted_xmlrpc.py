"""`twisted.web.xmlrpc` and `adbapi` as they come: `python -m ... PORT DSN`."""

import socket
import sys
from typing import Any

from twisted.enterprise.adbapi import ConnectionPool
from twisted.internet import reactor
from twisted.web.server import Site
from twisted.web.xmlrpc import XMLRPC

from benchmarks.harness.peers.program import CONNECTIONS, listening
from benchmarks.harness.peers.questions import VERSION, clip_exists, search_metadata


class Locstor(XMLRPC):
    """The calls that are measured."""

    def __init__(self, pool: ConnectionPool) -> None:
        super().__init__(allowNone=True)
        self._pool = pool

    def xmlrpc_getVersion(self, struct: dict[str, Any]) -> dict[str, str]:  # noqa: N802
        """Nothing but the call itself."""
        return VERSION

    def xmlrpc_existsAudioClip(self, struct: dict[str, Any]) -> Any:  # noqa: N802
        """One statement."""
        return self._pool.runInteraction(clip_exists, struct["sessid"], struct["gunid"])

    def xmlrpc_searchMetadata(self, struct: dict[str, Any]) -> Any:  # noqa: N802
        """A count and a page."""
        criteria = struct["criteria"]
        text = criteria["conditions"][0]["val"]
        return self._pool.runInteraction(search_metadata, struct["sessid"], text, criteria["limit"])


def main() -> None:
    """Serve until told to stop."""
    # A module with `connect` is all that adbapi wants: psycopg2 with our types.
    pool = ConnectionPool(
        "archive_server.database.connections", sys.argv[2], cp_min=CONNECTIONS, cp_max=CONNECTIONS
    )
    root = XMLRPC()
    root.putSubHandler("locstor", Locstor(pool))
    listener = listening(int(sys.argv[1]))
    loop: Any = reactor
    loop.adoptStreamPort(listener.fileno(), socket.AF_INET, Site(root))
    loop.run()


if __name__ == "__main__":
    main()
