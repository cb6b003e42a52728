"""What tests of export and import are told in: playlists to be made, archives to be read."""

import io
import tarfile
from collections.abc import Mapping
from typing import Any

from fixtures.fix_services import Services
from support import result_of

from archive_server.database import clips
from archive_server.model.clips import Clip
from archive_server.model.gunid import Gunid
from archive_server.model.leases import ExportLease
from archive_server.model.permissions import Object, ObjectKind
from archive_server.model.playlists import Playlist
from archive_server.model.rights import Action
from archive_server.model.users import Caller, Role
from archive_server.services import playlist_saving
from archive_server.services.exporting import ArchiveFile
from archive_server.services.permissions import PermissionService

BLOCK = 1000  # bytes, read at a time


def element(number: int, inside: str, offset: str = "0") -> str:
    """An item of a playlist."""
    return (
        f'<playlistElement id="{number:016x}" relativeOffset="{offset}">{inside}</playlistElement>'
    )


def clip(gunid: Gunid | str, length: str = "", title: str = "") -> str:
    """A clip (or webstream) in a playlist."""
    more = f' playlength="{length}"' if length else ""
    return f'<audioClip id="{gunid}"{more} title="{title}" />'


def sub(gunid: Gunid | str, inside: str = "") -> str:
    """A playlist in a playlist."""
    return f'<playlist id="{gunid}">{inside}</playlist>'


def document(gunid: Gunid | str, *elements: str, title: str = "A & B") -> str:
    """A playlist that holds these."""
    name = title.replace("&", "&amp;")
    return (
        f'<playlist id="{gunid}" title="{name}" playlength="00:00:10.000000">{"".join(elements)}'
        f"<metadata><dc:title>{name}</dc:title></metadata></playlist>"
    )


def save(services: Services, gunid: Gunid, xml: str, caller: Caller | None = None) -> Gunid:
    """Keep a playlist."""
    result_of(
        services.database.run(_save, caller or services.caller(), gunid, xml, services.clock())
    )
    return gunid


def _save(cursor: Any, caller: Caller, gunid: Gunid, xml: str, at: Any) -> None:
    playlist = Playlist.parse(xml)
    playlist_saving.lock(cursor, gunid, playlist)
    found = clips.find(cursor, gunid)
    playlist_saving.save(cursor, caller, found, gunid, playlist, "playlist.xml", at)


def find(services: Services, gunid: Gunid) -> Clip | None:
    """What the archive has under an id."""
    return result_of(services.database.run(clips.find, gunid))


def deny(services: Services, role: Role, action: Action, gunid: Gunid) -> None:
    """Let the user of this role not do something with a clip or playlist."""
    services.caller(role)  # there shall be one
    permissions = PermissionService(services.database)
    target = Object(ObjectKind.CLIP, str(gunid))
    result_of(permissions.put(None, f"user:{role}", action, target, allows=False))


def opened(services: Services, token: str) -> ArchiveFile:
    """The archive behind a lease."""
    lease = result_of(services.downloads.leased(token, "tar"))
    assert isinstance(lease, ExportLease)
    return result_of(services.exports.opened(lease))


def read(services: Services, token: str, block: int = BLOCK) -> bytes:
    """All of the archive behind a lease."""
    archive = opened(services, token)
    size = archive.layout.size
    found = [
        result_of(archive.read(range(start, min(start + block, size))))
        for start in range(0, size, block)
    ]
    result_of(archive.close())
    return b"".join(found)


def unpacked(archive: bytes) -> dict[str, bytes]:
    """The files of an archive, in their order."""
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:") as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]


def packed(files: Mapping[str, bytes], form: int = tarfile.USTAR_FORMAT) -> bytes:
    """An archive of these files."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w", format=form) as tar:
        for name, body in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(body)
            tar.addfile(member, io.BytesIO(body))
    return written.getvalue()
