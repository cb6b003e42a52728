"""TLS: the certificate that is shown, and the key to it."""

from pathlib import Path
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from OpenSSL import SSL
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from twisted.internet.ssl import CertificateOptions, TLSVersion
from twisted.protocols.tls import TLSMemoryBIOProtocol
from zope.interface import implementer

from archive_server.options import ConfigError


@implementer(IOpenSSLServerConnectionCreator)
class Certificates:
    """What new connections are secured with: TLS 1.2 or later, with Twisted's choice of ciphers."""

    def __init__(self, certificate: Path, key: Path) -> None:
        """Read the files (PEM). Raises ConfigError that says which one is wrong, and how."""
        self._context = _context(certificate, key)

    def serverConnectionForTLS(  # noqa: N802 - Twisted's name
        self, protocol: TLSMemoryBIOProtocol
    ) -> SSL.Connection:
        """Begin TLS with a client."""
        return SSL.Connection(self._context, None)


def _context(certificate: Path, key: Path) -> SSL.Context:
    context: SSL.Context = CertificateOptions(
        raiseMinimumTo=TLSVersion.TLSv1_2, acceptableProtocols=[b"http/1.1"]
    ).getContext()
    _require_readable(certificate, "certificate")
    _require_readable(key, "key")
    try:
        context.use_certificate_chain_file(str(certificate))
    except SSL.Error:
        raise ConfigError(
            [f"[tls] certificate: {certificate} holds no certificate in PEM"]
        ) from None
    try:
        private: Any = load_pem_private_key(key.read_bytes(), None)
        context.use_privatekey(private)
    except (TypeError, ValueError, UnsupportedAlgorithm):
        raise ConfigError(
            [f"[tls] key: {key} holds no private key in PEM without a passphrase"]
        ) from None
    except SSL.Error:
        raise ConfigError([f"[tls] key: {key} is not the key to {certificate}"]) from None
    return context


def _require_readable(path: Path, what: str) -> None:
    try:
        path.read_bytes()
    except OSError as error:
        raise ConfigError([f"[tls] {what}: {path} cannot be read: {error.strerror}"]) from error
