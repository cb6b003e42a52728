"""Where the archive is, and the bytes of HTTP as the old clients move them."""

import http.client
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

PASSWORD = "Kő & <b>"  # with letters that every dialect writes in its own way
CLASSIC = "/campcasterStorageServer"


@dataclass(frozen=True)
class Station:
    """A server, and below which path it is to be found."""

    host: str
    port: int
    base: str
    data_dir: Path

    @property
    def endpoint(self) -> str:
        """The path of XML-RPC."""
        return f"{self.base}/xmlrpc/xrLocStor.php"

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def exchange(self, request: bytes, *, ends: bool = False) -> bytes:
        """Send bytes on a new connection; give what comes back.

        Until the server ends the connection, where the client waits for that (`ends`), or else
        until the length that the head tells. A server that does not end it costs 10 seconds.
        """
        with socket.create_connection((self.host, self.port), timeout=10) as connection:
            connection.sendall(request)
            received = b""
            while ends or not _is_whole(received):
                block = connection.recv(65536)
                if not block:
                    break
                received += block
        return received


def _is_whole(received: bytes) -> bool:
    head, found, body = received.partition(b"\r\n\r\n")
    if not found:
        return False
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return len(body) >= int(value)
    return False


@dataclass(frozen=True)
class Answer:
    """An HTTP response."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes


def fetch(
    method: str, url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
) -> Answer:
    """Send one HTTP request; redirections are not followed."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    try:
        target = url.partition(parts.netloc)[2]
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.request(method, target, body, dict(headers or {}))
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())
    finally:
        connection.close()
