"""Making a clip, or a new revision of one, of audio that was found to be whole.

Functions of a transaction.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from archive_server.database import clip_audio, clips, contents, journal, search
from archive_server.database.clip_audio import Audio
from archive_server.errors import Conflict
from archive_server.model.clips import AudioFacts, AudioFormat, Clip, Content, FileType
from archive_server.model.completion import EXTENT, completed, described_by_tags, title_of
from archive_server.model.documents import Document
from archive_server.model.extents import extent_text
from archive_server.model.gunid import Gunid
from archive_server.model.journal import EventKind
from archive_server.model.rights import Action
from archive_server.model.users import Caller
from archive_server.services.quotas import UNBOUNDED, Quota, require_room
from archive_server.services.rights import require_on_clip, require_on_home
from audio_store.probe import Facts, Report

NAMELESS = "newFile"  # what a clip's file is called that nobody has named


@dataclass(frozen=True)
class Examined:
    """Audio that was found to be whole and lies on the disk: what a clip can be made of."""

    gunid: Gunid
    file_name: str  # empty: the one the clip has
    document: str | None  # as somebody wrote it; None: what the audio says of itself
    content: Content
    facts: Facts
    report: Report
    # Gives the bytes their final name, in place of what is damaged there; may be called again.
    publish_file: Callable[[bool], object]
    quota: Quota = UNBOUNDED  # of whoever will own it


def require_to_store(cursor: Any, caller: Caller, clip: Clip | None) -> None:
    """Raise Forbidden unless the caller may replace this clip, or (None) add one."""
    if clip is None:
        require_on_home(cursor, caller, Action.WRITE)
    else:
        require_on_clip(cursor, caller, Action.WRITE, clip)


def make_clip(cursor: Any, caller: Caller, examined: Examined, at: datetime) -> None:
    """Give the file its name, and make the clip, or a new revision of it.

    Raises Conflict if the id is that of something else, and QuotaExceeded.
    """
    clip, xml = clips.hold_with_document(cursor, examined.gunid) or (None, "")
    is_damaged = contents.lock(cursor, examined.content.sha256)  # the janitor stays away from it
    facts = examined.facts
    if clip is not None and clip.file_type is not FileType.AUDIO_CLIP:
        raise Conflict(f"{examined.gunid} is {clip.file_type.noun}, not an audio clip")
    require_to_store(cursor, caller, clip)
    owner_id = clip.owner_id if clip else caller.user_id
    require_room(cursor, examined.quota, owner_id, examined.content.size)
    file_name = examined.file_name or (clip.file_name if clip else NAMELESS)
    document = _document(examined, file_name, clip, xml).stamped(at)
    warnings = [remark.code for remark in examined.report.warnings]
    audio = Audio(examined.content, audio_facts(facts), warnings, document.to_xml(), file_name)
    examined.publish_file(is_damaged)  # bytes before rows
    if is_damaged:
        contents.mend(cursor, [examined.content.sha256], at)
    _write(cursor, caller, examined.gunid, clip, audio, document, at)


def _write(
    cursor: Any,
    caller: Caller,
    gunid: Gunid,
    clip: Clip | None,
    audio: Audio,
    document: Document,
    at: datetime,
) -> None:
    """Write the rows of a clip, or of a new revision of it."""
    first: tuple[bytes, ...] = ()
    if clip is None:
        clip_id, kind = clip_audio.add(cursor, gunid, caller.user_id, audio, at), EventKind.CREATED
    else:
        clip_id, kind = clip.clip_id, EventKind.REPLACED
        first = clip_audio.replacement(cursor, clip, audio, at)
    event = journal.addition(cursor, kind, clip_id, by=caller, at=at)
    search.index(
        cursor, clip_id, gunid, FileType.AUDIO_CLIP, document, at, first=first, then=[event]
    )


def _document(examined: Examined, file_name: str, clip: Clip | None, xml: str) -> Document:
    """What the clip is described by: the client's words, then its own, `xml`, then the audio's."""
    facts, tags = examined.facts, examined.report.tags
    if examined.document is not None:
        document = Document.parse(examined.document)
    elif clip is not None:
        document = _with_new_extent(Document.parse(xml), clip, facts)
    else:
        document = Document.empty(FileType.AUDIO_CLIP)
    if not document.elements:
        return described_by_audio(file_name, facts, tags, document)
    return completed(document, title=title_of(file_name, tags), duration_us=facts.duration_us)


def described_by_audio(
    file_name: str,
    facts: Facts,
    tags: Mapping[str, Sequence[str]],
    document: Document = Document.empty(FileType.AUDIO_CLIP),  # noqa: B008 - it never changes
) -> Document:
    """What audio says of itself, in a document that says nothing yet."""
    measured = {
        "dc:format": AudioFormat(facts.format).media_type,
        "ls:bitrate": str(facts.bit_rate),
        "ls:samplerate": str(facts.sample_rate),
        "ls:channels": str(facts.channels),
        "ls:filename": file_name,
    }
    document = completed(document, title=title_of(file_name, tags), duration_us=facts.duration_us)
    return described_by_tags(document, tags, measured)


def _with_new_extent(old: Document, clip: Clip, facts: Facts) -> Document:
    """A replaced clip's own document; an extent that was its audio's becomes the new audio's."""
    was = clip.revision and extent_text(clip.revision.facts.duration_us)
    if was is not None and old.first(EXTENT) == was:
        return old.with_element(EXTENT, extent_text(facts.duration_us))
    return old


def audio_facts(facts: Facts) -> AudioFacts:
    """What the probe has measured, as it is kept."""
    return AudioFacts(
        AudioFormat(facts.format),
        facts.duration_us,
        facts.sample_rate,
        facts.channels,
        facts.bit_rate,
    )
