"""Rendering playlists: the work itself, done as jobs."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from archive_server.blocking import Database, InThread
from archive_server.database import contents, documents, leases
from archive_server.errors import Conflict, Damaged, TooLarge, Unavailable
from archive_server.model import mixing, rss
from archive_server.model.clips import Clip, FileType, Revision
from archive_server.model.completion import EXTENT, TITLE
from archive_server.model.documents import Document
from archive_server.model.extents import extent_text
from archive_server.model.gunid import Gunid
from archive_server.model.jobs import Job, Report, Work
from archive_server.model.leases import LeaseKind
from archive_server.model.playlists import Playlist
from archive_server.model.uploads import new_token
from archive_server.model.users import Caller
from archive_server.services.clip_making import Examined, audio_facts
from archive_server.services.gathering import Gathered, Held, gather
from archive_server.services.publishing import Publisher
from archive_server.services.rendering import Rendering
from archive_server.services.storing import store_errors
from archive_server.services.webstreams import URL
from audio_store import AudioStore, ContentId
from audio_store.render import Fade, Mix, Part, Renderer, RenderFailed

# What clips made of playlists are called (LiveSupport storage protocol, 7.5).
_FILE_NAME = "rendered_playlist"
_CREATOR, _DESCRIPTION = "dc:creator", "dc:description"
_LONGEST_TAG = 255  # characters; what is written into a file must not be most of it
# Of the work: mixing; then the file is examined and put into the store.
_MIXING = 0.9


@dataclass(frozen=True)
class RenderWork:
    """Does what `RenderingService` asks for."""

    database: Database
    store: AudioStore
    publisher: Publisher
    renderer: Renderer
    in_thread: InThread
    now: Callable[[], datetime]
    clip_url: Callable[[str, Gunid, str], str]  # of our base URL, a clip and its extension
    longest_s: float  # what may be stored

    def by_kind(self) -> Mapping[str, Work]:
        """The work of each kind of job."""
        return {
            Rendering.FILE: self.to_file,
            Rendering.CLIP: self.to_clip,
            Rendering.FEED: self.to_feed,
        }

    async def to_file(self, job: Job, report: Report) -> Mapping[str, Any]:
        """Mix a playlist, and lease the file to whoever asks for it."""
        lease = new_token()
        async with (
            self._gathered(job) as gathered,
            self._mixed(job, self._planned(gathered), report) as path,
            self.publisher.examined(path, gathered.clip.gunid, None, _FILE_NAME) as examined,
        ):
            with store_errors():
                await self.database.run(
                    _lease_file, job.caller, lease, gathered, examined, self.now()
                )
        return {"lease": lease}

    async def to_clip(self, job: Job, report: Report) -> Mapping[str, Any]:
        """Mix a playlist, and store it as a clip that is described like it."""
        gunid = Gunid.parse(job.parameters["clip"])
        async with self._gathered(job) as gathered:
            plan = self._planned(gathered)
            async with self._mixed(job, plan, report) as path:
                xml = _described_like(gathered.playlist, plan.mix.length_us).to_xml()
                await self.publisher.add(job.caller, path, gunid, xml, _FILE_NAME)
        return {"clip": str(gunid)}

    async def to_feed(self, job: Job, report: Report) -> Mapping[str, Any]:
        """Write what is played as a feed, and lease it to whoever asks for it."""
        lease, base_url = new_token(), job.parameters["base_url"]
        async with self._gathered(job) as gathered:
            report(0.5)
            xml = self._feed(gathered, base_url)
            await self.database.run(_lease_feed, job.caller, lease, gathered.clip, xml, self.now())
        return {"lease": lease}

    @asynccontextmanager
    async def _gathered(self, job: Job) -> AsyncIterator[Gathered]:
        """What a job's playlist holds, kept for as long as it is worked with."""
        lease, gunid = new_token(), Gunid.parse(job.parameters["playlist"])
        gathered = await self.database.run(gather, job.caller, gunid, lease, self.now())
        try:
            yield gathered
        finally:
            await self.database.run(leases.end, lease)

    # -- audio ------------------------------------------------------------------------------

    @asynccontextmanager
    async def _mixed(self, job: Job, plan: "_Plan", report: Report) -> AsyncIterator[Path]:
        """The mix of a playlist, as a file that goes when it has been used."""
        for held in plan.held.values():
            await self._require_whole(held)
            report(0)
        # Who was taken for dead, and is not, removes their own.
        path = job.directory / f"{job.holder}.ogg"
        try:
            await self.in_thread(
                self.renderer.render, plan.mix, path, lambda share: report(_MIXING * share)
            )
            report(_MIXING)
            yield path
        except RenderFailed as error:
            if error.part is None:
                raise Unavailable(str(error)) from error
            part = plan.heard[error.part]
            raise Unavailable(
                f"playlistElement {part.element}: clip {part.gunid}: {error}"
            ) from error
        finally:
            await self.in_thread(path.unlink, missing_ok=True)

    def _planned(self, gathered: Gathered) -> "_Plan":
        facts = {}
        for gunid, held in gathered.held.items():
            if held.clip.revision is None:
                raise Conflict(f"playlistElement {held.element}: {gunid} is a webstream")
            facts[gunid] = held.clip.revision.facts
        lengths_us = {gunid: each.duration_us for gunid, each in facts.items()}
        heard = mixing.sounds(gathered.playlist, gathered.playlists, lengths_us)
        length_us = mixing.length_us(gathered.playlist, heard)
        if not heard:
            raise Conflict("nothing is played in the playlist")
        if length_us > self.longest_s * 1_000_000:
            raise TooLarge(f"the playlist is longer than {self.longest_s / 3600:g} hours")
        sample_rate, channels = mixing.common_form(list(facts.values()))
        mix = Mix(
            sample_rate,
            channels,
            length_us,
            tuple(self._part(sound, gathered.held[sound.gunid].clip) for sound in heard),
            gathered.playlist.title[:_LONGEST_TAG],
            (gathered.playlist.document.first(_CREATOR) or "")[:_LONGEST_TAG],
        )
        return _Plan(gathered.held, heard, mix)

    def _part(self, sound: mixing.Sound, clip: Clip) -> Part:
        revision = clip.revision
        assert revision is not None, "what has none was refused"
        path = self.store.path(ContentId(revision.content.sha256))
        fades = tuple(
            Fade(ramp.start_us, ramp.end_us, ramp.in_us, ramp.out_us) for ramp in sound.ramps
        )
        return Part(str(path.absolute()), sound.at_us, sound.from_us, sound.length_us, fades)

    async def _require_whole(self, held: Held) -> None:
        """Raise Unavailable unless a clip's bytes are there: now, not an hour into the mix."""
        revision = held.clip.revision
        assert revision is not None, "what has none was refused"
        name = f"playlistElement {held.element}: clip {held.clip.gunid}"
        if revision.content.is_damaged:
            raise Damaged(f"{name} is damaged in the store")
        try:
            with store_errors():
                content_id = ContentId(revision.content.sha256)
                size = await self.in_thread(self.store.size, content_id)
        except Unavailable as error:
            raise Unavailable(f"{name}: {error}") from error
        if size != revision.content.size:
            raise Damaged(f"{name} is damaged in the store")

    # -- feeds ------------------------------------------------------------------------------

    def _feed(self, gathered: Gathered, base_url: str) -> str:
        playlist = gathered.playlist
        entries = [
            self._entry(gathered.held[item.gunid], base_url)
            for _, item in mixing.in_order(playlist, gathered.playlists)
            if item.gunid is not None
        ]
        return rss.feed(
            playlist.title,
            playlist.document.first(_DESCRIPTION) or "",
            f"{base_url}/",
            entries,
            built=self.now(),
        )

    def _entry(self, held: Held, base_url: str) -> rss.Entry:
        clip, document = held.clip, held.document
        enclosure = None
        if clip.revision is not None:
            audio = clip.revision.facts.format
            url = self.clip_url(base_url, clip.gunid, audio.value)
            enclosure = rss.Enclosure(url, clip.revision.content.size, audio.media_type)
        return rss.Entry(
            clip.gunid,
            document.first(TITLE) or clip.file_name,
            document.first(_DESCRIPTION) or "",
            document.first(_CREATOR) or "",
            clip.mtime,
            enclosure,
            "" if enclosure else document.first(URL) or "",
        )


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is to be mixed; the sounds are the parts of the mix, in the same order."""

    held: Mapping[Gunid, Held]
    heard: Sequence[mixing.Sound]
    mix: Mix


def _described_like(playlist: Playlist, length_us: int) -> Document:
    """The document of the clip that a playlist becomes."""
    document = Document.empty(FileType.AUDIO_CLIP).with_element(TITLE, playlist.title)
    document = document.with_element(EXTENT, extent_text(length_us))
    for category in (_CREATOR, _DESCRIPTION):
        value = playlist.document.first(category)
        if value:
            document = document.with_element(category, value)
    return document


def _lease_file(
    cursor: Any, caller: Caller, lease: str, gathered: Gathered, examined: Examined, at: datetime
) -> None:
    """Give the file its name in the store, where this lease is all that keeps it."""
    content = examined.content
    is_damaged = contents.lock(cursor, content.sha256)
    examined.publish_file(is_damaged)  # bytes before rows
    contents.add(cursor, content, at)
    clip = replace(gathered.clip, file_name=gathered.playlist.title or _FILE_NAME)
    revision = Revision(1, content, audio_facts(examined.facts), (), at)
    user_id = caller.user_id
    leases.add_audio(cursor, lease, LeaseKind.AUDIO, clip, revision, user_id=user_id, at=at)


def _lease_feed(
    cursor: Any, caller: Caller, lease: str, clip: Clip, xml: str, at: datetime
) -> None:
    leases.add_document(
        cursor,
        lease,
        replace(clip, document_id=documents.add(cursor, xml)),
        user_id=caller.user_id,
        at=at,
        kind=LeaseKind.RSS,
    )
