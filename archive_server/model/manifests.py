"""What a backup's snapshot says of itself."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from archive_server.model.record_fields import BadRecord, Fields, read_object

FORMAT = 1
SNAPSHOT = "snapshot"  # the kind of record


@dataclass(frozen=True, slots=True)
class Recorded:
    """A file of a snapshot."""

    sha256: str  # in hexadecimal digits
    size: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """A snapshot, in short."""

    made_at: datetime
    store_id: str
    last_event: int  # of the journal: what came later, is not in it
    items: int
    contents: int
    size: int  # bytes of all contents
    lacking: tuple[str, ...]  # contents that the archive itself did not have whole, by SHA-256
    files: Mapping[str, Recorded]

    def to_json(self) -> str:
        """What `parse` reads."""
        return json.dumps(
            {
                "format": FORMAT,
                "kind": SNAPSHOT,
                "made_at": self.made_at.isoformat(),
                "store_id": self.store_id,
                "last_event": self.last_event,
                "items": self.items,
                "contents": self.contents,
                "bytes": self.size,
                "lacking": self.lacking,
                "files": [
                    {"name": name, "sha256": file.sha256, "size": file.size}
                    for name, file in self.files.items()
                ],
            },
            indent=1,
        )

    @classmethod
    def parse(cls, text: bytes) -> "Manifest":
        """Read it. Raises BadRecord."""
        fields = read_object(text, SNAPSHOT, FORMAT)
        return cls(
            fields.time("made_at"),
            fields.text("store_id"),
            fields.large("last_event"),
            fields.large("items"),
            fields.large("contents"),
            fields.large("bytes"),
            fields.texts("lacking"),
            {each.text("name"): _recorded(each) for each in fields.objects("files")},
        )


def _recorded(fields: Fields) -> Recorded:
    name = fields.text("name")
    if "/" in name or name.startswith("."):
        raise BadRecord("files: names of files expected")
    return Recorded(fields.digest("sha256", 32).hex(), fields.large("size"))
