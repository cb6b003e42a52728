"""Telling the service manager how we are (sd_notify(3)): ready, stopping, and still turning.

A datagram to the socket that systemd names in NOTIFY_SOCKET; that is all of the protocol, and no
reason for a library. Without a socket nothing is told.
"""

import contextlib
import socket
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ServiceManager:
    """Who started us and wants to know."""

    address: str = ""  # of its socket; empty: nobody
    watchdog_s: float = 0  # it ends us when it has heard nothing for so long; 0: it does not

    def ready(self, status: str) -> None:
        """Clients can come."""
        self._tell(f"READY=1\nSTATUS={status}")

    def reloading(self) -> None:
        """We go on with another configuration; say `ready` afterwards."""
        self._tell("RELOADING=1")

    def stopping(self) -> None:
        """We end, as we were told to."""
        self._tell("STOPPING=1")

    def beat(self) -> None:
        """We are not stuck. To be said at least twice in that time (sd_watchdog_enabled(3))."""
        if self.watchdog_s:
            self._tell("WATCHDOG=1")

    def _tell(self, message: str) -> None:
        if not self.address:
            return
        # An @ stands for the zero byte of an abstract socket.
        address = "\0" + self.address[1:] if self.address.startswith("@") else self.address
        # Who cannot be told does not matter: we serve all the same.
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
            end.setblocking(False)
            end.sendto(message.encode(), address)
