"""Clients at work at the same time, each in a thread: what they have begun, and what they found."""

import threading
import time
import traceback
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence

from endurance.wire import Refused, Unanswered, Wire

_SETTLE_S = 90
_PAUSE_S = 0.02


class Lost(Exception):
    """The archive has broken a promise."""


class Crowd:
    """What the clients and who watches them tell each other."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._begun = 0
        self._crashes = 0
        self._is_calm = True  # nothing is being killed, or comes back
        self._is_paused = False
        self._is_over = False
        self.findings: list[str] = []
        self.counts: Counter[str] = Counter()
        self._clients: list[Client] = []

    def start(self, clients: Sequence["Client"]) -> None:
        """Let them begin."""
        self._clients = list(clients)
        for client in clients:
            client.start()

    # -- for who watches ------------------------------------------------------------------------

    def await_begun(self, operations: int) -> None:
        """Wait until so many more operations have been begun."""
        with self._changed:
            until = self._begun + operations
            if not self._changed.wait_for(lambda: self._begun >= until, _SETTLE_S):
                self.findings.append("the clients get nothing done")

    def note_crash(self) -> None:
        """Something is about to be killed: what gets no answer now is in doubt for a while."""
        with self._changed:
            self._is_calm = False

    def note_recovered(self) -> None:
        """What was killed is there again, and what it was doing has ended one way or the other.

        Returns when every client has looked whether all is as it may be.
        """
        with self._changed:
            self._is_calm = True
            self._crashes += 1
            self._changed.notify_all()
            if not self._changed.wait_for(self._are_settled, _SETTLE_S):
                late = [str(client) for client in self._clients if not self._is_settled(client)]
                self.findings.append(f"not settled for {_SETTLE_S} s: {', '.join(late)}")

    def pause(self) -> None:
        """Let the clients end what they do, and wait for that."""
        with self._changed:
            self._is_paused = True
            idle = self._changed.wait_for(
                lambda: all(client.is_idle for client in self._clients), _SETTLE_S
            )
            if not idle:
                self.findings.append("the clients do not come to an end")

    def resume(self) -> None:
        """Let them go on."""
        with self._changed:
            self._is_paused = False
            self._changed.notify_all()

    def end(self) -> None:
        """Send them home."""
        with self._changed:
            self._is_over = True
            self._changed.notify_all()
        for client in self._clients:
            client.join(_SETTLE_S)

    def _are_settled(self) -> bool:
        return all(map(self._is_settled, self._clients))

    def _is_settled(self, client: "Client") -> bool:
        return client.settled == self._crashes or not client.is_alive()

    # -- for the clients ------------------------------------------------------------------------

    def count(self, what: str) -> None:
        """Count something for the tally."""
        with self._changed:
            self.counts[what] += 1

    def begin(self, what: str) -> None:
        """Note that an operation begins."""
        with self._changed:
            self.counts[what] += 1
            self._begun += 1
            self._changed.notify_all()

    def report(self, finding: str) -> None:
        """Note a promise that was broken."""
        with self._changed:
            if finding not in self.findings:
                self.findings.append(finding)

    def admits(self, client: "Client") -> bool:
        """Wait while there is a pause; say whether to go on."""
        with self._changed:
            client.is_idle = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._is_over or not self._is_paused)
            client.is_idle = False
            return not self._is_over

    def await_calm(self) -> int:
        """Wait until nothing is in doubt; return how many crashes there have been."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_calm or self._is_over)
            return self._crashes

    def note_settled(self, client: "Client", crashes: int) -> None:
        """Note that a client has looked after it all since so many crashes."""
        with self._changed:
            client.settled = crashes
            self._changed.notify_all()


class Client(ABC, threading.Thread):
    """Somebody who does one thing after the other, and holds the archive to its answers."""

    def __init__(self, crowd: Crowd, wire: Wire, name: str) -> None:
        super().__init__(name=name, daemon=True)
        self.crowd = crowd
        self.wire = wire
        self.settled = 0
        self.is_idle = False
        self._is_in_doubt = False
        self._heard = ""  # last, instead of an answer

    def __str__(self) -> str:
        return f"{self.name} ({self._heard})"

    @abstractmethod
    def step(self) -> None:
        """Do the next thing. Raises Unanswered, Lost."""

    @abstractmethod
    def settle(self) -> None:
        """Look whether what was done last has been done or not, and take note of it.

        Called again when Unanswered is raised.
        """

    @abstractmethod
    def verify_all(self) -> None:
        """Look whether everything is as it must be. Raises Unanswered, Lost."""

    def run(self) -> None:
        while self.crowd.admits(self):
            crashes = self.crowd.await_calm()
            try:
                if self._is_in_doubt or self.settled < crashes:
                    self.settle()
                    self._is_in_doubt = False
                    self.crowd.note_settled(self, crashes)
                else:
                    self.step()
            except Unanswered as silence:
                self.crowd.count("without an answer")
                self._is_in_doubt, self._heard = True, str(silence)
                time.sleep(_PAUSE_S)
            except (Lost, Refused) as loss:
                self.crowd.report(f"{self.name}: {loss}")
            except Exception:  # noqa: BLE001  a client that ends would find nothing any more
                self.crowd.report(f"{self.name}: {traceback.format_exc()}")
                time.sleep(_PAUSE_S)
        self.wire.close()
