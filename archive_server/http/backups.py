"""Backups over HTTP: files that others may write to until they are fetched.

A download is of the file as it was when it began. If somebody writes to it meanwhile the answer
breaks off: it must not pass for the whole, and cannot be gone on with, since its ETag is another.
"""

from dataclasses import dataclass

from archive_server.blocking import InThread
from archive_server.errors import UnknownToken, WrongToken
from archive_server.http.downloads import Downloads, begin
from archive_server.http.representations import Representation, sha256_of
from archive_server.http.requests import ArchiveRequest
from archive_server.http.sending import send_pieces
from archive_server.services.packing import BackupFile, BackupService


@dataclass(frozen=True)
class Backups:
    """What is behind URLs of tar archives."""

    service: BackupService
    downloads: Downloads
    in_thread: InThread

    async def answer(self, request: ArchiveRequest, token: str) -> None:
        """Send a backup, or the archive that a lease reads; the token is the right to it."""
        try:
            file = await self.service.open(token)
        except (UnknownToken, WrongToken):
            await self.downloads.leased(request, token, "tar")
            return
        with file.content:
            await self._send(request, file)

    async def _send(self, request: ArchiveRequest, file: BackupFile) -> None:
        selection = begin(
            request,
            Representation(
                media_type="application/x-tar",
                extension="tar",
                file_name="backup.tar",
                size=file.size,
                sha256=sha256_of(file.version.encode()),
                modified=file.modified,
                is_fixed=False,
                is_audio=False,
                is_digested=False,
            ),
        )
        if not request.is_gone:
            await send_pieces(
                request, selection.pieces, lambda part: self.in_thread(file.read, part)
            )
