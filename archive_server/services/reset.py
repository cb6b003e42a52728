"""Emptying the archive and filling it with the sample, for tests of clients.

It needs no session, as the original needed none: the configuration must have allowed it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from archive_server.blocking import Database, InThread, InTurn
from archive_server.database import brakes, clips, documents, preferences, reset
from archive_server.errors import Conflict, Forbidden, UploadBusy
from archive_server.model.gunid import Gunid, IdStyle
from archive_server.model.integrity import BrakeJob
from archive_server.model.playlists import Playlist
from archive_server.model.search import Criteria, Page
from archive_server.model.users import Caller
from archive_server.sample import catalogue
from archive_server.sample.catalogue import SamplePlaylist, SampleWebstream
from archive_server.services import playlist_saving, webstreams
from archive_server.services.first_start import FIRST_USER
from archive_server.services.publishing import Publisher
from archive_server.services.removing import remove
from archive_server.services.search import SearchService
from archive_server.services.storing import store_errors
from audio_store import AudioStore

_BATCH = 500  # clips in a transaction, which holds a lock on each


@dataclass(frozen=True, slots=True)
class ResetPolicy:
    """Whether it may be done at all, and what new ids look like."""

    is_allowed: bool
    id_style: IdStyle


@dataclass(frozen=True)
class ResetService:
    """Emptying and filling."""

    database: Database
    store: AudioStore
    in_thread: InThread
    in_turn: InTurn
    publisher: Publisher
    search: SearchService
    now: Callable[[], datetime]
    policy: ResetPolicy

    async def reset(self, *, load_sample: bool, end_sessions: bool) -> Page:
        """Delete everything for good; return all there is then: the sample, or nothing.

        With `end_sessions` users, groups and rules become those of a new archive, too; the
        administrator stays, with the password. It is not all or nothing: what fails in the middle
        leaves an archive that is partly emptied or filled. Raises Forbidden unless the
        configuration allows it.
        """
        if not self.policy.is_allowed:
            raise Forbidden("not allowed here: [testing] allow_reset is not set")
        async with self.in_turn("reset"):
            caller = await self.database.run(_administrator)
            await self._empty()
            if end_sessions:
                await self.database.run(_forget_everybody, caller)
            if load_sample:
                await self._fill(caller)
            return await self.search.find(caller, Criteria.build(file_type="all"))

    async def _empty(self) -> None:
        tokens, links = await self.database.run(_end_everything)
        while await self.database.run(_delete_some, self.now()):
            pass
        await self.database.run(documents.remove_unused)
        with store_errors():
            for token, extension in links:
                await self.in_thread(self.store.unlink, token, extension)
            for token in tokens:
                await self._discard(token)

    async def _discard(self, token: str) -> None:
        try:
            with store_errors():
                await self.in_thread(self.store.discard, token)
        except UploadBusy:
            pass  # somebody is still sending; the janitor will find it

    async def _fill(self, caller: Caller) -> None:
        for clip in catalogue.CLIPS:
            gunid = clip.gunid or Gunid.new(self.policy.id_style)
            document = clip.document().to_xml()
            await self.publisher.add(caller, clip.path, gunid, document, clip.file_name)
        for playlist in catalogue.PLAYLISTS:
            xml = await self.in_thread(playlist.xml)
            await self.database.run(_add_playlist, caller, playlist, xml, self.now())
        await self.database.run(_add_webstream, caller, catalogue.WEBSTREAM, self.now())


def _administrator(cursor: Any) -> Caller:
    """Whose the sample is."""
    caller = reset.find_administrator(cursor, FIRST_USER)
    if caller is None:
        raise Conflict("there is no administrator whom the sample could belong to")
    return caller


def _end_everything(cursor: Any) -> tuple[list[str], list[tuple[str, str]]]:
    """End all that is under way; return uploads and links whose files are still there."""
    reset.remove_jobs(cursor)
    preferences.remove_of_users(cursor)
    return reset.remove_uploads(cursor), reset.remove_leases(cursor)


def _delete_some(cursor: Any, at: datetime) -> int:
    gunids = reset.some_gunids(cursor, _BATCH)
    for gunid in gunids:
        clips.lock_gunid(cursor, gunid)
        clip = clips.find(cursor, gunid)
        if clip is not None:
            remove(cursor, clip, None, at)
    # Somebody wants it: the brake need not hold the bytes back.
    brakes.allow_more(cursor, BrakeJob.CONTENTS, len(gunids), at)
    return len(gunids)


def _add_playlist(
    cursor: Any, caller: Caller, sample: SamplePlaylist, xml: str, at: datetime
) -> None:
    playlist = Playlist.parse(xml)
    playlist_saving.lock(cursor, sample.gunid, playlist)
    clip = clips.find(cursor, sample.gunid)
    playlist_saving.save(cursor, caller, clip, sample.gunid, playlist, sample.file_name, at)


def _add_webstream(cursor: Any, caller: Caller, sample: SampleWebstream, at: datetime) -> None:
    webstreams.save(
        cursor, caller, sample.gunid, sample.document(), sample.url, sample.file_name, at
    )


def _forget_everybody(cursor: Any, administrator: Caller) -> None:
    reset.remove_sessions(cursor)
    reset.restore_users(cursor, administrator.user_id)
