"""TLS: the certificate that is shown, and the key to it."""

import re
from pathlib import Path

from OpenSSL import SSL, crypto
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from twisted.internet.ssl import CertificateOptions, TLSVersion
from twisted.protocols.tls import TLSMemoryBIOProtocol
from zope.interface import implementer

from archive_server.options import ConfigError

_CERTIFICATE = re.compile(
    rb"-----BEGIN CERTIFICATE-----\r?\n.+?-----END CERTIFICATE-----", re.DOTALL
)


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
    try:
        chain = [
            crypto.load_certificate(crypto.FILETYPE_PEM, text)
            for text in _CERTIFICATE.findall(_read(certificate, "certificate"))
        ]
    except crypto.Error:
        chain = []
    if not chain:
        raise ConfigError([f"[tls] certificate: {certificate} holds no certificate in PEM"])
    try:
        # Without a passphrase OpenSSL would ask for it at the terminal.
        private = crypto.load_privatekey(crypto.FILETYPE_PEM, _read(key, "key"), b"")
    except (crypto.Error, ValueError):
        raise ConfigError(
            [f"[tls] key: {key} holds no private key in PEM without a passphrase"]
        ) from None
    options = CertificateOptions(
        privateKey=private,
        certificate=chain[0],
        extraCertChain=chain[1:],
        raiseMinimumTo=TLSVersion.TLSv1_2,
        acceptableProtocols=[b"http/1.1"],
    )
    try:
        context: SSL.Context = options.getContext()
    except SSL.Error:
        raise ConfigError([f"[tls] key: {key} is not the key to {certificate}"]) from None
    return context


def _read(path: Path, what: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError([f"[tls] {what}: {path} cannot be read: {error.strerror}"]) from error
