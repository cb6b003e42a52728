"""Reading JSON objects that nobody vouches for: each field is what it should be, or named."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from archive_server.errors import ArchiveError

T = TypeVar("T")

_INTEGER = 2**31 - 1
_LARGE = 2**63 - 1


class BadRecord(ArchiveError):
    """A record is damaged, or of a kind that this version cannot read."""


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of an object. All methods raise BadRecord, which names the field."""

    values: Mapping[str, Any]

    def text(self, name: str) -> str:
        """A text that PostgreSQL can keep."""
        found = self._expect(name, str, "a text")
        if "\0" in found or not _is_unicode(found):
            raise BadRecord(f"{name}: characters that are none")
        return found

    def text_or_none(self, name: str) -> str | None:
        """A text or null."""
        return None if self._get(name) is None else self.text(name)

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts."""
        found = self._expect(name, list, "a list")
        return tuple(Fields({name: each}).text(name) for each in found)

    def number(self, name: str, *, least: int = 0, most: int = _INTEGER) -> int:
        """A whole number."""
        found = self._expect(name, int, "a number")
        if isinstance(found, bool) or not least <= found <= most:
            raise BadRecord(f"{name}: a number from {least} to {most} expected")
        return found

    def number_or_none(self, name: str) -> int | None:
        """A whole number or null."""
        return None if self._get(name) is None else self.number(name)

    def large(self, name: str, *, least: int = 0) -> int:
        """A number of bytes or microseconds."""
        return self.number(name, least=least, most=_LARGE)

    def truth(self, name: str) -> bool:
        """True or false."""
        return self._expect(name, bool, "true or false")

    def time(self, name: str) -> datetime:
        """A point in time, in ISO 8601."""
        try:
            found = datetime.fromisoformat(self.text(name))
        except ValueError as error:
            raise BadRecord(f"{name}: a point in time expected") from error
        if found.tzinfo is None:
            raise BadRecord(f"{name}: a point in time without its zone")
        return found

    def time_or_none(self, name: str) -> datetime | None:
        """A point in time or null."""
        return None if self._get(name) is None else self.time(name)

    def digest(self, name: str, length: int) -> bytes:
        """Bytes in hexadecimal digits."""
        try:
            found = bytes.fromhex(self.text(name))
        except ValueError as error:
            raise BadRecord(f"{name}: hexadecimal digits expected") from error
        if len(found) != length:
            raise BadRecord(f"{name}: {2 * length} hexadecimal digits expected")
        return found

    def objects(self, name: str) -> list["Fields"]:
        """A list of objects."""
        found = self._expect(name, list, "a list")
        if not all(isinstance(each, dict) for each in found):
            raise BadRecord(f"{name}: a list of objects expected")
        return [Fields(each) for each in found]

    def _expect(self, name: str, kind: type[T], expected: str) -> T:
        found = self._get(name)
        if not isinstance(found, kind):
            raise BadRecord(f"{name}: {expected} expected")
        return found

    def _get(self, name: str) -> Any:
        if name not in self.values:
            raise BadRecord(f"{name}: missing")
        return self.values[name]


def read_object(text: str | bytes, kind: str, newest: int) -> Fields:
    """The fields of a record of a kind, in a format up to the newest. Raises BadRecord."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadRecord("it is no JSON") from error
    if not isinstance(found, dict) or found.get("kind") != kind:
        raise BadRecord(f"it is no record of kind {kind}")
    fields = Fields(found)
    version = fields.number("format", least=1)
    if version > newest:
        raise BadRecord(f"it has format {version}; this version reads up to {newest}")
    return fields


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
