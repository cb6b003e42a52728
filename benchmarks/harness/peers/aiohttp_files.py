"""aiohttp's static route as it comes: `python -m ... PORT FOLDER`."""

import sys

from aiohttp import web

from benchmarks.harness.peers.program import listening


def main() -> None:
    """Serve the folder."""
    app = web.Application()
    app.add_routes([web.static("/", sys.argv[2])])
    web.run_app(
        app, sock=listening(int(sys.argv[1])), access_log=None, print=None, keepalive_timeout=600
    )


if __name__ == "__main__":
    main()
