"""The calls as JSON with aiohttp, psycopg2 in threads: `python -m ... PORT DSN`."""

import asyncio
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from aiohttp import web

from archive_server.database.connections import connect
from benchmarks.harness.peers.program import CONNECTIONS, listening
from benchmarks.harness.peers.questions import VERSION, clip_exists, search_metadata


class Calls:
    """The calls that are measured."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._threads = ThreadPoolExecutor(CONNECTIONS)
        self._here = threading.local()

    async def version(self, request: web.Request) -> web.Response:
        """Nothing but the call itself."""
        await request.json()
        return web.json_response(VERSION)

    async def exists(self, request: web.Request) -> web.Response:
        """One statement."""
        asked = await request.json()
        return await self._answer(clip_exists, asked["sessid"], asked["gunid"])

    async def search(self, request: web.Request) -> web.Response:
        """A count and a page."""
        asked = await request.json()
        return await self._answer(search_metadata, asked["sessid"], asked["text"], asked["limit"])

    async def _answer(self, question: Callable[..., Any], *words: object) -> web.Response:
        loop = asyncio.get_running_loop()
        return web.json_response(
            await loop.run_in_executor(self._threads, self._ask, question, *words)
        )

    def _ask(self, question: Callable[..., Any], *words: object) -> Any:
        if not hasattr(self._here, "connection"):
            self._here.connection = connect(self._dsn)
        with self._here.connection as connection, connection.cursor() as cursor:
            return question(cursor, *words)


def main() -> None:
    """Serve until told to stop."""
    calls = Calls(sys.argv[2])
    app = web.Application()
    app.router.add_post("/getVersion", calls.version)
    app.router.add_post("/existsAudioClip", calls.exists)
    app.router.add_post("/searchMetadata", calls.search)
    web.run_app(app, sock=listening(int(sys.argv[1])), access_log=None, print=None)


if __name__ == "__main__":
    main()
