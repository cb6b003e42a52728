"""Whether a conditional request is carried out (RFC 9110, 13)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from enum import Enum
from functools import cached_property

_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
_ENTITY_TAG = re.compile(r'(W/)?("[\x21\x23-\x7e\x80-\xff]*")')
_TAG_LIST = re.compile(rf"[\s,]*(?:{_ENTITY_TAG.pattern}[ \t]*(?:,[\s,]*|$))*")
_TIME = r"(?P<hour>\d{2}):(?P<minute>\d{2}):(?P<second>\d{2})"
_MONTH = r"(?P<month>[A-Z][a-z]{2})"
_DATE_FORMS = (  # RFC 9110, 5.6.7: IMF-fixdate, RFC 850, asctime
    re.compile(rf"[A-Z][a-z]{{2}}, (?P<day>\d{{2}}) {_MONTH} (?P<year>\d{{4}}) {_TIME} GMT"),
    re.compile(rf"[A-Z][a-z]{{5,8}}, (?P<day>\d{{2}})-{_MONTH}-(?P<year>\d{{2}}) {_TIME} GMT"),
    re.compile(rf"[A-Z][a-z]{{2}} {_MONTH} (?P<day>[ \d]\d) {_TIME} (?P<year>\d{{4}})"),
)


class Verdict(Enum):
    """What the conditions of a request come to."""

    CARRY_OUT = 200
    NOT_MODIFIED = 304
    FAILED = 412


@dataclass(frozen=True)
class Validators:
    """What a representation is recognised by.

    `date_is_strong`: the bytes behind this URL have never been others, so that an equal time of
    modification means equal bytes (RFC 9110, 8.8.2.2).
    """

    entity_tag: str  # strong, with its quotes
    modified: datetime
    date_is_strong: bool

    @cached_property
    def modified_second(self) -> datetime:
        """When it was modified, as headers can tell it."""
        return self.modified.astimezone(UTC).replace(microsecond=0)


def judge(headers: Mapping[str, str], validators: Validators) -> Verdict:
    """Judge a GET or HEAD by its preconditions, in the order of RFC 9110, 13.2.2.

    `headers` has lower-case names; the lines of a repeated header are joined by commas.
    """
    modified = validators.modified_second
    if "if-match" in headers:
        if not _matches(headers["if-match"], validators.entity_tag, weakly=False):
            return Verdict.FAILED
    elif (since := parse_date(headers.get("if-unmodified-since"))) and modified > since:
        return Verdict.FAILED
    if "if-none-match" in headers:
        if _matches(headers["if-none-match"], validators.entity_tag, weakly=True):
            return Verdict.NOT_MODIFIED
    elif (since := parse_date(headers.get("if-modified-since"))) and modified <= since:
        return Verdict.NOT_MODIFIED
    return Verdict.CARRY_OUT


def range_applies(if_range: str | None, validators: Validators) -> bool:
    """Tell whether a Range header is to be heeded (RFC 9110, 13.1.5)."""
    if if_range is None:
        return True
    text = if_range.strip()
    if _ENTITY_TAG.fullmatch(text):
        return text == validators.entity_tag  # the strong comparison: W/ never matches
    modified = validators.modified_second
    return validators.date_is_strong and parse_date(text) == modified


def entity_tags(header: str) -> list[tuple[bool, str]]:
    """Read a list of entity tags as (is weak, opaque tag with its quotes).

    A list with anything else in it is read as empty: nothing can be concluded from it.
    """
    if _TAG_LIST.fullmatch(header) is None:
        return []
    return [(match[1] is not None, match[2]) for match in _ENTITY_TAG.finditer(header)]


def http_date(moment: datetime) -> str:
    """Write a date as RFC 9110, 5.6.7 wants it."""
    return format_datetime(moment.astimezone(UTC).replace(microsecond=0), usegmt=True)


def parse_date(text: str | None) -> datetime | None:
    """Read a date in any of the three forms of RFC 9110, 5.6.7; None for anything else."""
    if text is None:
        return None
    for form in _DATE_FORMS:
        if (match := form.fullmatch(text.strip())) and match["month"] in _MONTHS:
            return _date(match)
    return None


def _date(match: re.Match[str]) -> datetime | None:
    year = int(match["year"])
    if len(match["year"]) == 2:
        year = _full_year(year)
    try:
        return datetime(
            year,
            _MONTHS.index(match["month"]) + 1,
            int(match["day"]),
            int(match["hour"]),
            int(match["minute"]),
            # A leap second is a time too; the clock has no place for it.
            min(int(match["second"]), 59) if match["second"] == "60" else int(match["second"]),
            tzinfo=UTC,
        )
    except ValueError:
        return None


def _full_year(year: int) -> int:
    """Read two digits as RFC 9110, 5.6.7: what seems over 50 years ahead is the past."""
    now = datetime.now(UTC).year
    full = now - now % 100 + year
    return full - 100 if full > now + 50 else full


def _matches(header: str, entity_tag: str, *, weakly: bool) -> bool:
    if header.strip() == "*":
        return True
    return any(
        tag == entity_tag and (weakly or not is_weak) for is_weak, tag in entity_tags(header)
    )
