"""Records what XML-RPC libraries send: `python tests/legacy/recorded/record.py [LIBRARY …]`.

A server that understands nothing keeps the bytes of each request, head and body, in a file. See
README.md, next to this script, for what must be installed.
"""

import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).parent
SENDERS = HERE / "senders"
PORT = 7788  # always the same: it is in the Host header
ENDPOINT = "/campcasterStorageServer/xmlrpc/xrLocStor.php"
URL = f"http://127.0.0.1:{PORT}{ENDPOINT}"
ANSWER = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<methodResponse><params><param><value>'
    b"<string>recorded</string></value></param></params></methodResponse>\n"
)
_METHOD = re.compile(rb"<methodName>(?:\w+\.)?(\w+)</methodName>")
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")


def main(wanted: list[str]) -> None:
    """Record the libraries wanted, or all; report those that are not installed."""
    with socket.create_server(("127.0.0.1", PORT)) as listening:
        for library, send in LIBRARIES.items():
            if not wanted or library in wanted:
                requests = _recorded(listening, send)
                sys.stdout.write(f"{library}: {len(requests)} requests\n")
                _write(HERE / library, requests)


def _recorded(listening: socket.socket, send: Callable[[], None]) -> list[bytes]:
    requests: list[bytes] = []
    is_over = threading.Event()
    listening.settimeout(0.1)

    def listen() -> None:
        while not is_over.is_set():
            try:
                connection, _ = listening.accept()
            except TimeoutError:
                continue
            with connection:
                connection.settimeout(5)
                requests.append(_request(connection))

    thread = threading.Thread(target=listen)
    thread.start()
    try:
        send()
    except (OSError, subprocess.CalledProcessError) as error:
        sys.stderr.write(f"{error}\n")
    finally:
        is_over.set()
        thread.join()
    return requests


def _request(connection: socket.socket) -> bytes:
    """Read a request, and answer it."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(65536)
    head, _, body = received.partition(b"\r\n\r\n")
    length = _LENGTH.search(head)
    assert length is not None, head
    while len(body) < int(length[1]):
        body += connection.recv(65536)
    connection.sendall(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-length: %d\r\n"
        b"Connection: close\r\n\r\n%s" % (len(ANSWER), ANSWER)
    )
    return head + b"\r\n\r\n" + body


def _write(directory: Path, requests: list[bytes]) -> None:
    for request in requests:
        method = _METHOD.search(request)
        directory.mkdir(exist_ok=True)
        name = method[1].decode() if method else "authenticate"
        (directory / f"{name}.http").write_bytes(request)


def _run(*command: str) -> None:
    environment = {
        "ARCHIVE_URL": URL,
        "HOST": "127.0.0.1",
        "PORT": str(PORT),
        "ENDPOINT": ENDPOINT,
        "NODE_PATH": os.environ.get("ARCHIVE_NODE_MODULES", ""),
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "PERL_HASH_SEED": "0",
        "NO_PROXY": "*",
    }
    subprocess.run(command, check=True, env=os.environ | environment, timeout=60)


def _script(*command: str) -> Callable[[], None]:
    return lambda: _run(*command[:-1], str(SENDERS / command[-1]))


def _compiled(compiler: str, source: str, *options: str) -> Callable[[], None]:
    def send() -> None:
        with tempfile.TemporaryDirectory() as directory:
            program = f"{directory}/calls"
            _run(compiler, "-o", program, str(SENDERS / source), *options)
            _run(program)

    return send


LIBRARIES: dict[str, Callable[[], None]] = {
    "python": _script("python3", "calls.py"),
    "python-gzip": _script("python3", "calls_gzip.py"),
    "perl-rpc-xml": _script("perl", "calls_rpc_xml.pl"),
    "perl-frontier": _script("perl", "calls_frontier.pl"),
    "php-xmlrpc": _script("php", "calls.php"),
    "node-xmlrpc": _script("node", "calls.js"),
    "xmlrpcpp-0.7": _compiled(
        "g++", "calls.cpp", '-DHEADER="xmlrpcpp/XmlRpc.h"', "-DYEAR=2026", "-DMONTH=1", "-lxmlrpcpp"
    ),
    "xmlrpcpp-0.8": _compiled(
        "g++", "calls.cpp", '-DHEADER="flxmlrpc/XmlRpc.h"', "-DYEAR=126", "-DMONTH=0", "-lflxmlrpc"
    ),
    "xmlrpc-c": _compiled("gcc", "calls.c", "-lxmlrpc_client", "-lxmlrpc", "-lxmlrpc_util"),
    "xmlrpc-c-command": lambda: _run("xmlrpc", URL, "locstor.getVersion", "text"),
}

if __name__ == "__main__":
    main(sys.argv[1:])
