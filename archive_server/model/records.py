"""Items as texts that outlive the database: what sidecars and backups say of each.

A record is a JSON object, as docs/store-format.md describes it. It is written by the database
(`database.records`), which has all of it at one moment, and read here, with all doubt: it may have
lain on a disk for years.
"""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime

from archive_server.errors import BadDocument, BadRequest
from archive_server.model.clips import AudioFacts, AudioFormat, ClipState, Content, FileType
from archive_server.model.documents import Document
from archive_server.model.gunid import Gunid
from archive_server.model.permissions import Subject, SubjectKind
from archive_server.model.playlists import Playlist, search_document
from archive_server.model.record_fields import BadRecord, Fields, read_object
from archive_server.model.rights import Action

FORMAT = 1
ITEM = "item"  # the kind of record

_HIGHEST = 2**30  # number of an item: numbers end at 2^31, and some have to be left


@dataclass(frozen=True, slots=True)
class RecordedAudio:
    """A revision of a clip's audio."""

    number: int
    content: Content
    stored_at: datetime  # when the archive got these bytes first
    facts: AudioFacts
    warnings: tuple[str, ...]
    created_at: datetime
    superseded_at: datetime | None


@dataclass(frozen=True, slots=True)
class RecordedVersion:
    """A version of a playlist."""

    number: int
    document: str | None  # None: the item's own
    created_at: datetime
    superseded_at: datetime | None


@dataclass(frozen=True, slots=True)
class RecordedRule:
    """What somebody may, or may not, do with an item."""

    subject: Subject
    action: Action
    allows: bool


@dataclass(frozen=True, slots=True)
class Item:
    """A clip, playlist or webstream with all that is kept of it."""

    gunid: Gunid
    number: int  # the archive's own, which orders what sorts alike
    file_type: FileType
    state: ClipState
    file_name: str
    owner: str | None
    created_at: datetime
    mtime: datetime
    trashed_at: datetime | None
    revision: int | None  # the current one of the audio
    document: str
    revisions: tuple[RecordedAudio, ...]
    versions: tuple[RecordedVersion, ...]
    rules: tuple[RecordedRule, ...]
    classes: tuple[str, ...]
    searched: Document = field(compare=False, repr=False)  # the document, as searches look at it

    @classmethod
    def parse(cls, text: str | bytes) -> "Item":
        """Read a record. Raises BadRecord."""
        fields = read_object(text, ITEM, FORMAT)
        try:
            item = _item(fields)
        except BadDocument as error:
            raise BadRecord(f"document: {error}") from error
        except (BadRequest, ValueError) as error:  # what a value of ours refuses
            raise BadRecord(str(error)) from error
        _check(item)
        return item

    def held(self) -> set[Gunid]:
        """The playlists that it holds."""
        if self.file_type is not FileType.PLAYLIST:
            return set()
        return {
            each.gunid
            for each in Playlist.parse(self.document).references()
            if each.kind is FileType.PLAYLIST and each.gunid is not None
        }

    def without(self, missing: Collection[bytes]) -> "Item":
        """The same without the replaced revisions whose bytes are missing."""
        kept = (each for each in self.revisions if each.content.sha256 not in missing)
        return replace(self, revisions=tuple(kept))


def _item(fields: Fields) -> Item:
    file_type, document = FileType(fields.text("file_type")), fields.text("document")
    return Item(
        gunid=Gunid.parse(fields.text("gunid")),
        number=fields.number("number", least=1, most=_HIGHEST),
        file_type=file_type,
        state=ClipState(fields.text("state")),
        file_name=fields.text("file_name"),
        owner=fields.text_or_none("owner"),
        created_at=fields.time("created_at"),
        mtime=fields.time("mtime"),
        trashed_at=fields.time_or_none("trashed_at"),
        revision=fields.number_or_none("revision"),
        document=document,
        revisions=tuple(map(_audio, fields.objects("revisions"))),
        versions=tuple(map(_version, fields.objects("versions"))),
        rules=tuple(map(rule_of, fields.objects("rules"))),
        classes=fields.texts("classes"),
        searched=search_document(file_type, document),
    )


def _audio(fields: Fields) -> RecordedAudio:
    return RecordedAudio(
        number=fields.number("number"),
        content=Content(
            fields.digest("sha256", 32), fields.digest("md5", 16), fields.large("size", least=1)
        ),
        stored_at=fields.time("stored_at"),
        facts=AudioFacts(
            AudioFormat(fields.text("format")),
            fields.large("duration_us"),
            fields.number("sample_rate"),
            fields.number("channels", most=2**15 - 1),
            fields.number("bit_rate"),
        ),
        warnings=fields.texts("warnings"),
        created_at=fields.time("created_at"),
        superseded_at=fields.time_or_none("superseded_at"),
    )


def _version(fields: Fields) -> RecordedVersion:
    return RecordedVersion(
        fields.number("number"),
        fields.text_or_none("document"),
        fields.time("created_at"),
        fields.time_or_none("superseded_at"),
    )


def rule_of(fields: Fields) -> RecordedRule:
    """Whom a rule is for, and what it says; what it is about is not looked at."""
    kind = SubjectKind.GROUP if fields.text_or_none("user") is None else SubjectKind.USER
    return RecordedRule(
        Subject(kind, fields.text(kind.value)),
        Action(fields.text("action")),
        fields.truth("allows"),
    )


def _check(item: Item) -> None:
    """Raise BadRecord for what the database would not take."""
    if (item.state is ClipState.TRASHED) != (item.trashed_at is not None):
        raise BadRecord("trashed_at: does not go with the state")
    numbers = [each.number for each in item.revisions]
    if len({*numbers}) < len(numbers):
        raise BadRecord("revisions: two have the same number")
    if item.revision is None and item.file_type is FileType.AUDIO_CLIP:
        raise BadRecord("revision: a clip has one")
    if item.revision is not None and item.revision not in numbers:
        raise BadRecord("revision: it is not among the revisions")
    if len({each.number for each in item.versions}) < len(item.versions):
        raise BadRecord("versions: two have the same number")
