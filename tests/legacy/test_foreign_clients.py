"""Clients that nobody here wrote, against the real server: each makes the whole round.

It logs in, stores, searches, downloads, edits a playlist, reads it back and logs out, and looks at
every answer. The programs are in `clients/`; each is skipped where its library is missing.
"""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from xml.sax.saxutils import escape

import pytest
from legacy.station import PASSWORD, Station
from legacy.tones import tone
from support import needs_tool

CLIENTS = Path(__file__).parent / "clients"
_NAMESPACES = (
    'xmlns="http://mdlf.org/campcaster/elements/1.0/"'
    ' xmlns:ls="http://mdlf.org/campcaster/elements/1.0/"'
    ' xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/"'
)
_COMPILE_S, _RUN_S = 240, 60


@pytest.fixture
def run(station: Station, tmp_path: Path) -> Callable[..., str]:
    """Runs a program that makes the round; checks what it did, gives what it printed."""

    def run_client(*command: str, title: str, **variables: str) -> str:
        audio, out = tmp_path / "audio.wav", tmp_path / "out.wav"
        audio.write_bytes(tone(440, 1))
        (tmp_path / "metadata.xml").write_text(
            f"<audioClip><metadata {_NAMESPACES}><dc:title>{escape(title)}</dc:title>"
            f"<dcterms:extent>00:00:01.000000</dcterms:extent></metadata></audioClip>"
        )
        (tmp_path / "playlist.xml").write_text(
            f'<playlist id="@PLID@" title="{escape(title)}" playlength="00:00:01.000000">'
            '<playlistElement id="0000000000000abc" relativeOffset="00:00:00.000000">'
            f'<audioClip id="@GUNID@" playlength="00:00:01.000000" title="{escape(title)}"/>'
            "</playlistElement>"
            f"<metadata {_NAMESPACES}><dc:title>{escape(title)}</dc:title>"
            f"<dcterms:extent>00:00:01.000000</dcterms:extent></metadata></playlist>"
        )
        environment = {
            "ARCHIVE_URL": station.url + station.endpoint,
            "ARCHIVE_PASSWORD": PASSWORD,
            "HOST": station.host,
            "PORT": str(station.port),
            "ENDPOINT": station.endpoint,
            "TITLE": title,
            "METADATA": str(tmp_path / "metadata.xml"),
            "PLAYLIST": str(tmp_path / "playlist.xml"),
            "AUDIO": str(audio),
            "OUT": str(out),
            "LC_ALL": "C.UTF-8",
            "NO_PROXY": "*",
        }
        done = subprocess.run(
            command,
            env=os.environ | environment | variables,
            capture_output=True,
            text=True,
            timeout=_RUN_S,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert out.read_bytes() == audio.read_bytes()
        gunid, playlist = done.stdout.split()
        assert gunid != playlist
        return done.stdout

    return run_client


def skip_without(name: str, *command: str) -> None:
    """Skip the test where a library is missing: where the command fails."""
    found = shutil.which(command[0]) is not None
    if not found or subprocess.run(command, capture_output=True, timeout=_RUN_S).returncode:
        pytest.skip(f"not installed: {name}")


def test_python(run: Callable[..., str]) -> None:
    run("python3", str(CLIENTS / "client.py"), title="Python: Kőbor & <Söhne> “日本”")


def test_perl_rpc_xml(run: Callable[..., str]) -> None:
    skip_without("librpc-xml-perl", "perl", "-MRPC::XML::Client", "-MLWP", "-e", "1")
    run("perl", str(CLIENTS / "client_rpc_xml.pl"), title="RPC::XML & Söhne")


def test_perl_frontier(run: Callable[..., str]) -> None:
    skip_without("libfrontier-rpc-perl", "perl", "-MFrontier::Client", "-MLWP", "-e", "1")
    run("perl", str(CLIENTS / "client_frontier.pl"), title="Frontier & Söhne")


def test_php(run: Callable[..., str]) -> None:
    skip_without("php-xmlrpc", "php", "-r", "exit(function_exists('xmlrpc_encode') ? 0 : 1);")
    run("php", str(CLIENTS / "client.php"), title="PHP: Kőbor & <Söhne>")


@needs_tool("node")
def test_node(run: Callable[..., str]) -> None:
    modules = os.environ.get("ARCHIVE_NODE_MODULES", "")
    if not (Path(modules) / "xmlrpc").is_dir() or not modules:
        pytest.skip("not installed: the package xmlrpc of npm, in ARCHIVE_NODE_MODULES")
    run("node", str(CLIENTS / "client.js"), title="Node: Kőbor & <Söhne>", NODE_PATH=modules)


@needs_tool("g++", "curl")
def test_cpp_with_xmlrpcpp(run: Callable[..., str], tmp_path: Path) -> None:
    skip_without("libxmlrpcpp-dev", *_including("g++", "xmlrpcpp/XmlRpc.h"))
    program = str(tmp_path / "client")
    build("g++", "-O0", "-o", program, str(CLIENTS / "client.cpp"), "-lxmlrpcpp")
    run(program, title="xmlrpc++: Kőbor & <Söhne>")


@needs_tool("g++", "curl")
def test_cpp_with_flxmlrpc(run: Callable[..., str], tmp_path: Path) -> None:
    """It calls itself XMLRPC++ 0.8, as the library of Studio and the scheduler did."""
    skip_without("libflxmlrpc-dev", *_including("g++", "flxmlrpc/XmlRpc.h"))
    program = str(tmp_path / "client")
    header = "-DHEADER=<flxmlrpc/XmlRpc.h>"
    build("g++", "-O0", header, "-o", program, str(CLIENTS / "client.cpp"), "-lflxmlrpc")
    run(program, title="flxmlrpc: Kőbor & <Söhne>")


@needs_tool("gcc", "curl")
def test_c_with_xmlrpc_c(run: Callable[..., str], tmp_path: Path) -> None:
    skip_without("libxmlrpc-core-c3-dev", *_including("gcc", "xmlrpc-c/client.h"))
    program = str(tmp_path / "client")
    libraries = ["-lxmlrpc_client", "-lxmlrpc", "-lxmlrpc_util"]
    build("gcc", "-O0", "-o", program, str(CLIENTS / "client.c"), *libraries)
    run(program, title="xmlrpc-c: Kőbor & <Söhne>")


@needs_tool("xmlrpc")
def test_the_command_of_xmlrpc_c(station: Station) -> None:
    """It cannot send structs, so that `system.*` is all it can call.

    Its manual knows no type for them, and the program imports nothing that makes one.
    """

    def ask(*words: str) -> str:
        command = ["xmlrpc", station.url + station.endpoint, *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=_RUN_S).stdout

    assert "'locstor.storeAudioClipOpen'" in ask("system.listMethods")
    assert "'locstor.storeAudioClipOpen'" in ask("system.listMethods", "s/")
    assert "storeAudioClipClose" in ask("system.methodHelp", "s/locstor.storeAudioClipOpen")
    assert "'struct'" in ask("system.methodSignature", "s/locstor.login")
    assert "specUrl" in ask("system.getCapabilities")


def _including(compiler: str, header: str) -> list[str]:
    """A command that fails where a header is missing."""
    return ["sh", "-c", f"echo '#include <{header}>' | {compiler} -E -x c++ -"]


def build(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=_COMPILE_S)
    assert done.returncode == 0, done.stderr
