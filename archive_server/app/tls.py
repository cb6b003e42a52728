"""TLS: the certificate that is shown, the key to it, and both anew when their files change.

Where several processes serve, the first of them keeps the last ones that were good (`Kept`): one
who has to be replaced just when the files are broken begins with these.
"""

import os
from collections.abc import Sequence
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


class _Files:
    """A certificate and its key in files, and whether they have changed."""

    def __init__(self, certificate: Path, key: Path) -> None:
        self.paths = certificate, key
        self._read = self._seen = self._state()

    def are_new(self) -> bool:
        """Whether they have changed, and rest: they are written one after the other."""
        now = self._state()
        is_new = now == self._seen and now != self._read
        self._seen = now
        return is_new

    def take(self) -> None:
        """Take them for read, whatever comes of it."""
        self._read = self._seen = self._state()

    def _state(self) -> tuple[object, ...]:
        """What changes with the files, also where they are links to others."""
        return tuple(_state(path) for path in self.paths)


class Certificates:
    """What new connections are secured with: TLS 1.2 or later, with Twisted's choice of ciphers.

    Connections there are go on with what they began with.
    """

    def __init__(self, certificate: Path, key: Path, kept: Sequence[int] = ()) -> None:
        """Read the files (PEM). Raises ConfigError that says which one is wrong, and how.

        Not if there are descriptors of those that were good before.
        """
        self._files = _Files(certificate, key)
        try:
            self._context = _context(certificate, key)
        except ConfigError as error:
            if not kept:
                raise
            self._context = _context(*(Path(f"/proc/self/fd/{each}") for each in kept))
            _tell_of(error)

    def renew(self) -> None:
        """Read the files again. Where they are not good, what was read before stays."""
        self._files.take()
        try:
            self._context = _context(*self._files.paths)
        except ConfigError as error:
            _tell_of(error)
        else:
            certificate, _ = self._files.paths
            log.info("new connections get the certificate in {file}", file=str(certificate))

    def look(self) -> None:
        """Read the files if they have changed."""
        if self._files.are_new():
            self.renew()

    def secured(self, socket: Socket) -> SSL.Connection:
        """Begin TLS with a client."""
        connection = SSL.Connection(self._context, socket)
        connection.set_accept_state()
        return connection


class Kept:
    """Copies in memory of a certificate and its key, as they were when they last were good."""

    def __init__(self, certificate: Path, key: Path) -> None:
        """Read the files. Raises ConfigError as `Certificates` does."""
        self._files = _Files(certificate, key)
        self.descriptors = _copied(self._files.paths)

    def look(self) -> None:
        """Copy the files if they have changed and are good; the processes there are tell of it."""
        if not self._files.are_new():
            return
        self._files.take()
        try:
            copied = _copied(self._files.paths)
        except ConfigError:
            return
        self.close()
        self.descriptors = copied

    def close(self) -> None:
        """Let go of them; who has inherited them keeps them."""
        for descriptor in self.descriptors:
            os.close(descriptor)


def _copied(paths: tuple[Path, Path]) -> tuple[int, ...]:
    _context(*paths)
    return tuple(
        _in_memory(_read(path, what))
        for path, what in zip(paths, ("certificate", "key"), strict=True)
    )


def _in_memory(content: bytes) -> int:
    """The descriptor of a file with this content that has no name."""
    descriptor = os.memfd_create("tls")
    with os.fdopen(descriptor, "wb", closefd=False) as file:
        file.write(content)
    return descriptor


def _tell_of(error: ConfigError) -> None:
    log.error("the certificate of before stays in use: {error}", error=error)


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
