"""`simpleGet.php`: an item for whoever has a session and its id (LiveSupport protocol, 3.9).

Web pages of the old station link to it. Its statuses are its own: 403 where no session is behind
the request, since the browser could not log in here anyway.
"""

from dataclasses import dataclass, replace
from urllib.parse import quote

from archive_server.errors import NoSession
from archive_server.http.downloads import Downloads
from archive_server.http.requests import ArchiveRequest
from archive_server.http.responses import HttpProblem
from archive_server.model.gunid import Gunid
from archive_server.model.users import Caller
from archive_server.services.leased_files import AudioFile
from archive_server.services.sessions import SessionService
from archive_server.services.simple_get import Elsewhere, PlaylistText, SimpleGetService

_SMIL = "application/smil"
# What a URL may hold as it is; anything else (line ends, say) is escaped.
_URL_LETTERS = "!#$%&'()*+,/:;=?@[]~"


@dataclass(frozen=True)
class SimpleGet:
    """Answers `simpleGet.php`."""

    service: SimpleGetService
    sessions: SessionService
    downloads: Downloads

    async def answer(self, request: ArchiveRequest) -> None:
        """Send audio or a playlist, or send the client on to a webstream."""
        gunid = Gunid.parse(request.argument("id") or "")
        item = await self.service.open(await self._caller(request), gunid)
        if isinstance(item, AudioFile):
            await self.downloads.send_audio(request, item, is_fixed=False)
        elif isinstance(item, PlaylistText):
            request.send(200, item.xml.encode(), _SMIL)
        else:
            _send_on(request, item)

    async def _caller(self, request: ArchiveRequest) -> Caller:
        session_id = request.argument("sessid")
        if not session_id:
            raise HttpProblem(400, "parameter sessid: the id of a session expected")
        try:
            caller = await self.sessions.caller(session_id)
        except NoSession as error:
            raise HttpProblem(403, str(error)) from error
        return replace(caller, address=request.address or None)


def _send_on(request: ArchiveRequest, item: Elsewhere) -> None:
    request.send(302, headers={"location": quote(item.url, safe=_URL_LETTERS)})


async def to_the_front(request: ArchiveRequest) -> None:
    """Send on who asks for a page of the old archive: what there is begins at the root."""
    request.send(302, headers={"location": "/"})
