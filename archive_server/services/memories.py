"""All that a process remembers, and what each notice of the database makes it forget."""

from archive_server.services.leased_files import KnownLease
from archive_server.services.remembering import Hearing, Memory
from archive_server.services.sessions import KnownSession

_SESSIONS = 10_000  # of half a kilobyte


class Memories:
    """What is remembered of leases and sessions."""

    def __init__(self, hearing: Hearing, most_leases: int) -> None:
        """Remember as many leases: each has a file open."""
        self.hearing = hearing
        self.leases: Memory[str, KnownLease] = Memory(hearing, most_leases, KnownLease.close)
        self.sessions: Memory[bytes, KnownSession] = Memory(hearing, _SESSIONS)

    def heard(self, asked_at: float) -> None:
        """Believe what is remembered: all notices of what happened until then were taken in."""
        self.hearing.note(asked_at)

    def forget(self, what: str, key: str) -> None:
        """Take in a notice."""
        if what == "lease":
            self.leases.forget(key)
        elif what == "session":
            self.sessions.forget(bytes.fromhex(key))
        elif what == "user":
            self.sessions.forget_those(lambda session: str(session.caller.user_id) == key)
        else:  # of a newer version than ours, whose processes are taking over from us
            self.forget_all()

    def forget_all(self) -> None:
        """Forget everything: notices may have been missed."""
        self.leases.forget_all()
        self.sessions.forget_all()

    def lost(self) -> None:
        """Forget everything, and remember nothing until there is hearing again."""
        self.hearing.note_lost()
        self.forget_all()
