"""`put.php`: uploads at the address they had in the old archive (LiveSupport protocol, 1.4).

Bytes are received as at our own address; what is refused is told as `put.php` told it, in a line
of text, with its statuses: 400 for what cannot be a token, 403 for a token that is not one of an
upload (any more), 409 while another request writes.
"""

import re
from dataclasses import dataclass

from archive_server.errors import ArchiveError, BadRequest, UnknownToken
from archive_server.http.requests import ArchiveRequest
from archive_server.http.responses import HttpProblem, send_as_text, send_error
from archive_server.http.uploads import Uploads
from archive_server.problems import problem_for

_TOKEN = re.compile(r"[0-9a-fA-F]{16,64}")


@dataclass(frozen=True)
class PutPhp:
    """Answers `put.php`."""

    uploads: Uploads

    async def answer(self, request: ArchiveRequest) -> None:
        """Do what the method says to the upload whose token is in the query."""
        try:
            await self._answer(request)
        except (ArchiveError, HttpProblem) as error:
            refuse(request, error)

    async def _answer(self, request: ArchiveRequest) -> None:
        token = request.argument("token") or ""
        if request.verb != "OPTIONS" and not _TOKEN.fullmatch(token):
            raise BadRequest("parameter token: hex digits expected, as in the URL given out")
        await self.uploads.answer(request, token)


def refuse(request: ArchiveRequest, error: Exception) -> None:
    """Show an error as `put.php` did."""
    if isinstance(error, UnknownToken):
        send_as_text(request, error, 403)
    elif isinstance(error, ArchiveError):
        send_as_text(request, error, problem_for(error).status)
    elif isinstance(error, HttpProblem):
        send_as_text(request, error, error.status)
    else:
        send_error(request, error)
