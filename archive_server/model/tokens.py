"""API tokens: what a program shows in place of a session, to act for a user in part."""

import re
import secrets
from dataclasses import dataclass
from datetime import datetime

from archive_server.model.rights import Scope

# The beginning tells who finds one, be it a program that searches logs, what it is.
_TOKEN = re.compile(r"archive_[0-9a-f]{48}")


@dataclass(frozen=True, slots=True)
class ApiToken:
    """What is known of a token; the token itself is not."""

    login: str  # for whom it acts
    name: str  # what it is for
    scope: Scope
    created_at: datetime
    expires_at: datetime | None  # None: it does not
    last_used_at: datetime | None  # as it is kept, which may be a minute ago; None: it never was

    def has_expired(self, at: datetime) -> bool:
        """Whether it is of no use any more."""
        return self.expires_at is not None and self.expires_at <= at


def new_api_token() -> str:
    """A token nobody can guess: 192 random bits."""
    return f"archive_{secrets.token_hex(24)}"


def is_api_token(text: str) -> bool:
    """Whether a text has the form of a token."""
    return _TOKEN.fullmatch(text) is not None
