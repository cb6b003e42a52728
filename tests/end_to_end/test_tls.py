"""The archive over TLS, without a proxy; and what is said of certificates that cannot be used."""

import datetime
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, replace
from http.client import HTTPSConnection
from ipaddress import ip_address
from pathlib import Path
from xmlrpc.client import SafeTransport, ServerProxy

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from fixtures.clients import PASSWORD
from fixtures.fix_http import tone
from fixtures.fix_server import ArchiveProcess

from archive_server.app.listening import certificates
from archive_server.app.server import require_certificates
from archive_server.config import Config, ConfigError, Tls

AUDIO = tone(440, 20)  # many blocks


@dataclass(frozen=True)
class Pair:
    """Files of a certificate and its key."""

    certificate: Path
    key: Path


def made(directory: Path, name: str, passphrase: bytes = b"") -> Pair:
    """A certificate that vouches for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), True)
        .sign(key, SHA256())
    )
    files = Pair(directory / f"{name}.pem", directory / f"{name}.key")
    files.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    sealed: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase:
        sealed = serialization.BestAvailableEncryption(passphrase)
    files.key.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, sealed)
    )
    return files


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return made(tmp_path_factory.mktemp("tls"), "archive")


@pytest.fixture(scope="module")
def trust(pair: Pair) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(pair.certificate))


@pytest.fixture(scope="module")
def secure_port(tmp_path_factory: pytest.TempPathFactory, pair: Pair) -> Iterator[int]:
    """The port of a server that speaks TLS."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    config = (
        f'[tls]\nlisten = ["127.0.0.1:{port}"]\n'
        f'certificate = "{pair.certificate}"\nkey = "{pair.key}"\n'
    )
    archive = ArchiveProcess(tmp_path_factory.mktemp("archive") / "data", config)
    try:
        archive.start()
        yield port
    finally:
        archive.stop()


def test_a_clip_is_stored_and_fetched(secure_port: int, trust: ssl.SSLContext) -> None:
    url = f"https://127.0.0.1:{secure_port}"
    with ServerProxy(f"{url}/RPC2", transport=SafeTransport(context=trust)) as server:
        calls = server.locstor
        session = calls.login({"login": "root", "pass": PASSWORD})
        upload = calls.storeAudioClipOpen(
            session | {"metadata": "", "fname": "a.wav", "chsum": ""}  # type: ignore[operator]
        )
        assert upload["url"].startswith(f"{url}/")  # type: ignore[index]
        with_http = HTTPSConnection("127.0.0.1", secure_port, context=trust)
        with_http.request("PUT", upload["url"].removeprefix(url), AUDIO)  # type: ignore[index]
        answer = with_http.getresponse()
        assert (answer.status, answer.read()) == (200, b"")
        clip = calls.storeAudioClipClose(session | upload)  # type: ignore[operator]
        lease = calls.downloadRawAudioDataOpen(session | clip)  # type: ignore[operator]
        path = lease["url"].removeprefix(url)  # type: ignore[index]
        for wanted, status, body in (
            ("bytes=0-", 206, AUDIO),
            ("bytes=5-700000", 206, AUDIO[5:700001]),
            ("bytes=-5", 206, AUDIO[-5:]),
        ):
            with_http.request("GET", path, headers={"range": wanted})
            answer = with_http.getresponse()
            assert (answer.status, answer.read() == body) == (status, True)
        with_http.close()


def test_a_refusal_is_read_while_the_client_still_sends(
    secure_port: int, trust: ssl.SSLContext
) -> None:
    with (
        socket.create_connection(("127.0.0.1", secure_port), timeout=20) as plain,
        trust.wrap_socket(plain, server_hostname="127.0.0.1") as client,
    ):
        client.sendall(b"PUT /upload/zz HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n\r\n")
        client.sendall(bytes(100_000))
        assert client.recv(1000).startswith(b"HTTP/1.1 404 Not Found\r\n")


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_old_versions_are_not_spoken(secure_port: int, trust: ssl.SSLContext) -> None:
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    with (
        socket.create_connection(("127.0.0.1", secure_port), timeout=20) as plain,
        pytest.raises((ssl.SSLError, ConnectionError)),
    ):
        old.wrap_socket(plain)


class TestCertificates:
    """What an administrator is told."""

    def refusal(self, certificate: Path, key: Path) -> str:
        tls = Tls(("127.0.0.1:0",), str(certificate), str(key))
        with pytest.raises(ConfigError) as caught:
            certificates(replace(Config(), tls=tls))
        return str(caught.value)

    def test_good_ones_are_taken(self, pair: Pair) -> None:
        tls = Tls(("127.0.0.1:0",), str(pair.certificate), str(pair.key))
        require_certificates(replace(Config(), tls=tls))
        require_certificates(Config())

    def test_a_file_that_is_not_there(self, pair: Pair, tmp_path: Path) -> None:
        gone = tmp_path / "gone.pem"
        assert self.refusal(gone, pair.key) == (
            f"[tls] certificate: {gone} cannot be read: No such file or directory"
        )
        assert self.refusal(pair.certificate, gone).startswith(f"[tls] key: {gone} cannot be read")

    def test_a_file_that_holds_something_else(self, pair: Pair) -> None:
        assert self.refusal(pair.key, pair.key).endswith("holds no certificate in PEM")
        assert "holds no private key" in self.refusal(pair.certificate, pair.certificate)

    def test_a_key_with_a_passphrase(self, tmp_path: Path) -> None:
        sealed = made(tmp_path, "sealed", b"a passphrase")
        assert self.refusal(sealed.certificate, sealed.key).endswith("without a passphrase")

    def test_the_key_to_another_certificate(self, pair: Pair, tmp_path: Path) -> None:
        other = made(tmp_path, "other")
        assert "is not the key to" in self.refusal(pair.certificate, other.key)
