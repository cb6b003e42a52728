"""Writes docs/protocol.md: `python -m archive_server.xmlrpc.page` prints it."""

import sys
from collections.abc import Iterable, Iterator, Sequence

from archive_server.problems import PROBLEMS
from archive_server.xmlrpc.method import Method
from archive_server.xmlrpc.methods import METHODS
from archive_server.xmlrpc.reference import help_of
from archive_server.xmlrpc.values import (
    CRASHED,
    NOT_A_STRUCT,
    NOT_XML,
    NOT_XML_RPC,
    NOTHING_TO_DESCRIBE,
    UNKNOWN_METHOD,
    WRONG_PARAMETERS,
)

_WIRE_FAULTS = (
    (UNKNOWN_METHOD, "unknown method"),
    (WRONG_PARAMETERS, "wrong number of parameters; of `system.*` also of a wrong type"),
    (NOTHING_TO_DESCRIBE, "`methodHelp` or `methodSignature` of an unknown method"),
    (NOT_XML_RPC, "XML, but not a `methodCall`; document types; too many or too deep elements"),
    (f"{NOT_XML} + n", "not XML: error n of expat (104: not well-formed or not UTF-8)"),
    (NOT_A_STRUCT, "the parameter is not a struct"),
    (CRASHED, "an error in the archive itself; its log tells more"),
)

_INTRODUCTION = """\
# XML-RPC

<!-- Printed by `python -m archive_server.xmlrpc.page`; change that instead. -->

POST to `/xmlrpc` or `/RPC2`, or to the paths of the archive this one takes the place of:
`/campcasterStorageServer/xmlrpc/xrLocStor.php`, `/livesupportStorageServer/xmlrpc/xrLocStor.php`.

- A `locstor.*` or `admin.*` method takes one struct and gives one struct. Members it does not know
  are ignored.
- A member that is absent, `nil`, or of another type than described is fault 805, which names it;
  optional ones may be absent. Booleans and ints may be sent as text.
- Answers hold neither `nil` nor `i8`, and no closed-in-itself tags. An integer beyond 32 bits is
  sent as `double`, exact up to 2^53. Text is UTF-8.
- A faultString is `xr_<method>: <what was wrong>`. HTTP's status is 200 for faults too.
- Any call can end with 804: the disk or the database is away, and the text says so; or something
  unforeseen has happened, and the log says what.
- A call is carried out to its end even if the client has left.

## Methods
"""

_FAULTS = """\
## Faults

Of the wire:
"""

_ERRORS = """\
Of the archive, where a method says nothing else. The status is what the same error has over HTTP:
"""


def page(methods: Sequence[Method]) -> str:
    """Write docs/protocol.md."""
    return "\n".join(_page_lines(methods)) + "\n"


def _page_lines(methods: Sequence[Method]) -> Iterator[str]:
    yield _INTRODUCTION
    for method in methods:
        yield f"### {method.name}\n"
        yield help_of(method) + "\n"
    yield _FAULTS
    yield from _table(("code", "meaning"), _WIRE_FAULTS)
    yield ""
    yield _ERRORS
    yield from _table(
        ("code", "status", "meaning"),
        ((each.fault_code, each.status, each.title) for each in PROBLEMS.values()),
    )


def _table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    yield "| " + " | ".join(heads) + " |"
    yield "|---" * len(heads) + "|"
    for row in rows:
        yield "| " + " | ".join(map(str, row)) + " |"


if __name__ == "__main__":
    sys.stdout.write(page(METHODS))
