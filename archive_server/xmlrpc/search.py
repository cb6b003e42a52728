"""`locstor.searchMetadata` and `browseCategory`: criteria in, hits out, in all forms there were.

LiveSupport storage protocol, 6; results are the union of the old form and the new one (0, 6.3).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from archive_server.errors import BadCriteria, BadRequest, Forbidden, NoSession
from archive_server.model.clips import FileType
from archive_server.model.search import Criteria, Hit, Page
from archive_server.services.search import SearchService
from archive_server.services.sessions import SessionService
from archive_server.xmlrpc.method import Client, Kind, Member, Method
from archive_server.xmlrpc.parameters import (
    items,
    optional_members,
    optional_text,
    text,
    truth,
    whole,
)
from archive_server.xmlrpc.sessions import SESSION, caller_of
from archive_server.xmlrpc.values import Struct, Value

# What clients before 2006-06 read: gunids and a number, for each type.
_OLD_NAMES = (
    (FileType.AUDIO_CLIP, "audioClip"),
    (FileType.PLAYLIST, "playlist"),
    (FileType.WEBSTREAM, "webstream"),
)


@dataclass(frozen=True)
class SearchMethods:
    """The calls that find clips."""

    sessions: SessionService
    search: SearchService

    async def search_metadata(self, client: Client, struct: Struct) -> Struct:
        """Find clips by their metadata."""
        caller = await caller_of(self.sessions, client, struct)
        return found(await self.search.find(caller, criteria(optional_members(struct, "criteria"))))

    async def browse_category(self, client: Client, struct: Struct) -> Struct:
        """List the distinct values of a category. (The original looked at no session here.)"""
        caller = await caller_of(self.sessions, client, struct)
        wanted = criteria(optional_members(struct, "criteria"))
        values = await self.search.browse(caller, text(struct, "category"), wanted)
        return {"cnt": values.total, "results": values.values}


def criteria(struct: Struct) -> Criteria:
    """Read a criteria struct; members it is not known to have are ignored."""
    return Criteria.build(
        file_type=optional_text(struct, "filetype") or "all",
        operator=optional_text(struct, "operator") or None,
        conditions=[_condition(condition) for condition in items(struct, "conditions")],
        limit=whole(struct, "limit"),
        offset=whole(struct, "offset"),
        order_by=_order(struct),
    )


def _condition(condition: Value) -> tuple[str, str, str]:
    if not isinstance(condition, dict):
        raise BadRequest("conditions: structs of cat, op and val expected")
    return text(condition, "cat"), text(condition, "op"), _searched(condition)


def _searched(condition: Struct) -> str:
    """Read what is compared with; scripts send numbers for years and tracks."""
    value = condition.get("val")
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return optional_text(condition, "val")


def _order(struct: Struct) -> list[tuple[str, bool]]:
    """Pair the categories of `orderby` with the booleans of `desc`; both may be single values."""
    categories, descending = _several(struct, "orderby"), _several(struct, "desc")
    missing = [False] * (len(categories) - len(descending))
    return [
        (text({"orderby": category}, "orderby"), truth(down, "desc"))
        for category, down in zip(categories, [*descending, *missing], strict=False)
        if category != ""
    ]


def _several(struct: Struct, name: str) -> Sequence[Value]:
    value = struct.get(name)
    return (value,) if isinstance(value, str | int) and value != "" else items(struct, name)


def found(page: Page) -> Struct:
    """Write a page of hits."""
    results = [_result(hit) for hit in page.hits]
    answer: dict[str, Value] = {"cnt": page.total, "results": results}
    for file_type, name in _OLD_NAMES:
        answer[f"{name}Results"] = [
            result["gunid"] for result in results if result["type"] == file_type.value
        ]
        answer[f"{name}Cnt"] = page.totals.get(file_type, 0)
    return answer


def _result(hit: Hit) -> Struct:
    return {
        "id": str(hit.clip_id),
        "gunid": str(hit.gunid),
        "type": hit.file_type.value,
        "title": hit.title,
        "creator": hit.creator,
        "source": hit.source,
        "length": hit.length,
        "duration": hit.length,
        "track_num": hit.track_number,
    }


_TOTAL = Member("cnt", Kind.INT, "how many there are, whatever `limit` and `offset`")
CRITERIA = (
    "what to search for: `filetype` (audioclip, playlist, webstream, all), `operator` (and, or), "
    "`conditions` (structs of `cat`, `op`, `val`; `*` is any category), `limit`, "
    "`offset`, `orderby` (one category or several), `desc` (a boolean for each); all optional. "
    "An `op` is `=`, `partial`, `prefix`, `<`, `<=`, `>`, `>=`, or with `*` also `words`: all of "
    "them must occur, each in any element but times and durations, whatever their accents; the "
    "last one may be a beginning, while nothing follows it. `orderby` `relevance` sorts by them, "
    "and so does a search for them without `orderby`: first clips with all in the title, then "
    "with all in title, creator and source, then others, each by title"
)

FOUND = (
    _TOTAL,
    Member(
        "results",
        Kind.ARRAY,
        "structs of the strings `gunid`, `type`, `title`, `creator`, `source`, `length`, "
        "`duration`, `id`, `track_num`",
    ),
    *(
        member
        for file_type, name in _OLD_NAMES
        for member in (
            Member(f"{name}Results", Kind.ARRAY, f"the gunids of each {file_type} of these"),
            Member(f"{name}Cnt", Kind.INT, f"how many are {file_type}s in all"),
        )
    ),
)

METHODS = (
    Method(
        "locstor.searchMetadata",
        "Finds clips by their metadata.",
        takes=(SESSION, Member("criteria", Kind.STRUCT, CRITERIA, optional=True)),
        gives=FOUND,
        call=SearchMethods.search_metadata,
        raises=(BadRequest, BadCriteria, NoSession, Forbidden),
        since="2005-01; `cnt` and `results` 2006-06",
    ),
    Method(
        "locstor.browseCategory",
        "Lists the distinct values that a category has, sorted.",
        takes=(
            SESSION,
            Member("category", Kind.STRING, "such as dc:creator"),
            Member("criteria", Kind.STRUCT, "among which clips, as in `searchMetadata`", True),
        ),
        gives=(_TOTAL, Member("results", Kind.ARRAY, "the values, strings")),
        call=SearchMethods.browse_category,
        raises=(BadRequest, BadCriteria, NoSession, Forbidden),
        since="2005-01",
    ),
)
