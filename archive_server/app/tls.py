"""TLS: the certificate that is shown, the key to it, and both anew when their files change."""

from pathlib import Path
from socket import socket as Socket
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from OpenSSL import SSL
from twisted.internet.ssl import CertificateOptions, TLSVersion
from twisted.logger import Logger

from archive_server.options import ConfigError

log = Logger()


class Certificates:
    """What new connections are secured with: TLS 1.2 or later, with Twisted's choice of ciphers.

    Connections there are go on with what they began with.
    """

    def __init__(self, certificate: Path, key: Path) -> None:
        """Read the files (PEM). Raises ConfigError that says which one is wrong, and how."""
        self._files = certificate, key
        self._read = self._seen = self._state()
        self._context = _context(certificate, key)

    def renew(self) -> None:
        """Read the files again. Where they are not good, what was read before stays."""
        self._read = self._seen = self._state()
        try:
            self._context = _context(*self._files)
        except ConfigError as error:
            log.error("the certificate of before stays in use: {error}", error=error)
        else:
            log.info("new connections get the certificate in {file}", file=str(self._files[0]))

    def look(self) -> None:
        """Read the files if they have changed, and rest: they are written one after the other."""
        now = self._state()
        if now == self._seen and now != self._read:
            self.renew()
        self._seen = now

    def _state(self) -> tuple[object, ...]:
        """What changes with the files, also where they are links to others."""
        return tuple(_state(path) for path in self._files)

    def secured(self, socket: Socket) -> SSL.Connection:
        """Begin TLS with a client."""
        connection = SSL.Connection(self._context, socket)
        connection.set_accept_state()
        return connection


def _state(path: Path) -> object:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _context(certificate: Path, key: Path) -> SSL.Context:
    context: SSL.Context = CertificateOptions(
        raiseMinimumTo=TLSVersion.TLSv1_2, acceptableProtocols=[b"http/1.1"]
    ).getContext()
    _read(certificate, "certificate")
    secret = _read(key, "key")
    try:
        context.use_certificate_chain_file(str(certificate))
    except SSL.Error:
        raise ConfigError(
            [f"[tls] certificate: {certificate} holds no certificate in PEM"]
        ) from None
    try:
        private: Any = load_pem_private_key(secret, None)
        context.use_privatekey(private)
    except (TypeError, ValueError, UnsupportedAlgorithm):
        raise ConfigError(
            [f"[tls] key: {key} holds no private key in PEM without a passphrase"]
        ) from None
    except SSL.Error:
        raise ConfigError([f"[tls] key: {key} is not the key to {certificate}"]) from None
    return context


def _read(path: Path, what: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError([f"[tls] {what}: {path} cannot be read: {error.strerror}"]) from error
