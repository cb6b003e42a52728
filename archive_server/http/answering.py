"""A request that is answered, as its connection, its route and the log see it."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from archive_server.http.transport import Done


class Answering(Protocol):
    """A request that is answered, as its connection sees it."""

    body_has_come: bool
    is_last: bool  # nothing can follow on its connection

    def lose(self) -> None:
        """Forget the client, who is gone."""


class AnswerAtHand(Answering, Protocol):
    """An answer that need not wait for anything."""

    def begin(self) -> None:
        """Send it: its turn has come."""


class Carrier(Protocol):
    """What a request must know of the connection it came on."""

    is_secure: bool
    here: Any  # our address
    peer: Any  # the client's
    is_full: bool  # more should not be written now
    can_send_files: bool

    def write(self, some: bytes) -> None: ...

    def send_file(self, fd: int, part: range, first: bytes, done: Done) -> None: ...

    async def drained(self) -> None: ...

    def answered(self, request: Answering) -> None: ...

    def drop(self) -> None: ...


class AtHand(Protocol):
    """Answers what asks for ranges, with heads that are otherwise the same."""

    def prepared(self, carrier: Carrier, first: int, last: int, /) -> AnswerAtHand | None:
        """The answer, if it is at hand."""


# Makes that for requests like this one; None where it cannot be. It gets the route's names, too.
Learn = Callable[..., AtHand | None]


class Logged(Protocol):
    """A request that was answered or left, as the log sees it."""

    verb: str
    status: int
    has_started: bool  # its answer has
    sent: int  # bytes of the answer's body

    @property
    def route(self) -> Any: ...

    @property
    def traces(self) -> Mapping[str, str]: ...

    @property
    def began_at(self) -> float | None: ...

    @property
    def address(self) -> str: ...

    @property
    def is_gone(self) -> bool: ...
