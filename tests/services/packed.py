"""What tests of packed items are told in: packing, reading what was packed, and unpacking."""

import io
import tarfile
import tempfile
from collections.abc import Mapping
from typing import Any

from fixtures.fix_services import Services
from support import result_of

from archive_server.database import clips, documents
from archive_server.model.gunid import Gunid
from archive_server.model.jobs import JobState
from archive_server.model.search import Criteria
from archive_server.model.users import Caller
from archive_server.services.unpacking_items import Restored

ALL = Criteria.build()


def work_off(services: Services) -> None:
    """Do all backups and restores that are waiting, as the server would."""
    work = {"backup": services.backups.work, "restore": services.restores.work}
    while (job := result_of(services.jobs.claim(work))) is not None:
        result_of(services.jobs.make_directory(job))
        try:
            result = result_of(work[job.kind](job, lambda progress: None))
        except Exception as error:  # noqa: BLE001  as the runner
            result_of(services.jobs.fail(job, str(error)))
        else:
            result_of(services.jobs.succeed(job, result))


def backup(services: Services, criteria: Criteria = ALL, caller: Caller | None = None) -> bytes:
    """A backup of what meets the criteria."""
    token = result_of(services.backups.start(caller or services.caller(), criteria))
    work_off(services)
    state = result_of(services.backups.state(token))
    assert state.fault == ""
    assert state.path is not None
    return state.path.read_bytes()


def restore(services: Services, archive: bytes, caller: Caller | None = None) -> JobState:
    """How restoring this ends."""
    caller = caller or services.caller()
    upload = result_of(services.restores.open(caller, ""))
    services.send(upload.token, archive)
    token = result_of(services.restores.finish_upload(caller, upload.token))
    work_off(services)
    return result_of(services.restores.state(token))


def restored(services: Services, archive: bytes) -> Restored:
    """What becomes of the items."""
    with tempfile.TemporaryFile() as file:
        file.write(archive)
        file.flush()
        return result_of(services.restores.restore(services.caller(), file, lambda progress: None))


def unpacked(archive: bytes) -> dict[str, bytes]:
    """The files of an archive."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        return {entry.name: tar.extractfile(entry).read() for entry in tar}  # type: ignore[union-attr]


def packed(files: Mapping[str, bytes]) -> bytes:
    """An archive of these files."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for name, body in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(body)
            tar.addfile(entry, io.BytesIO(body))
    return file.getvalue()


def delete_everything(services: Services) -> None:
    """Remove all there is, for good."""
    caller = services.caller()
    for hit in result_of(services.search.find(caller, ALL)).hits:
        service: Any = services.playlists if hit.file_type == "playlist" else services.clips
        result_of(service.delete(caller, hit.gunid, forced=True))


def shown(services: Services) -> dict[str, tuple[str, str, str]]:
    """All there is: kind, document without its time, digest of the audio, by id."""

    def look(cursor: Any) -> dict[str, tuple[str, str, str]]:
        cursor.execute("SELECT gunid FROM clip WHERE state = 'ready'")
        found = {}
        for (gunid,) in cursor.fetchall():
            clip = clips.find(cursor, Gunid(gunid))
            assert clip is not None
            xml = documents.xml(cursor, clip.document_id)
            before, _, after = xml.partition("<ls:mtime>")
            xml = before + after.partition("</ls:mtime>")[2]
            audio = clip.revision.content.sha256.hex() if clip.revision else ""
            found[str(clip.gunid)] = (clip.file_type.value, xml, audio)
        return found

    return result_of(services.database.run(look))
