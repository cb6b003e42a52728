"""What the log looks like: one line an event, as key=value or as JSON.

| key       | what                                                              |
|-----------|-------------------------------------------------------------------|
| `time`    | RFC 3339, UTC, to the millisecond                                 |
| `level`   | debug, info, warn, error, critical                                |
| `module`  | who says it                                                       |
| `message` | the sentence; not of requests, whose fields tell it all           |
| others    | the fields of the sentence                                        |
| `traceback` | of what nobody has foreseen                                     |
"""

import json
import re
import time
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import repeat
from typing import Any, TextIO

from twisted.logger import FileLogObserver, LogEvent, eventAsText, formatEventAsClassicLogText

from archive_server.config import LogFormat
from archive_server.http.access_log import Access

_PLAIN = re.compile(r"[^\s\"=\\\x00-\x1f\x7f-\x9f\ud800-\udfff]+")
# What terminals obey, viewers begin a line at, or no encoding has: names of files have it all.
_UNSHOWN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
# What Twisted adds for those who read logs as they were before it had fields; and what says that
# an event's sentence only repeats its fields.
_NOT_SHOWN = frozenset(
    {"isError", "format", "message", "time", "system", "why", "failure", "speaks_for_itself"}
)
_SIMPLE = (int, float, bool, type(None))
_BY_THE_SITE = {
    LogFormat.JSON: ', "level": "info", "module": "archive_server.http.site"',
    LogFormat.KEY_VALUE: " level=info module=archive_server.http.site",
}
_JSON = LogFormat.JSON  # looking it up in its class takes as long as a line's time
# With what a field begins that may be missing in its sentence.
_JOINTS = " ,"


def observer(stream: TextIO, form: LogFormat) -> Callable[[LogEvent], None]:
    """What writes events to a stream."""
    if form is LogFormat.TEXT:
        text: Callable[[LogEvent], None] = FileLogObserver(stream, _as_text)

        def observe_texts(event: LogEvent) -> None:
            for each in event.get("accesses", (event,)):
                text(each.event() if isinstance(each, Access) else each)

        return observe_texts
    write = _as_json if form is LogFormat.JSON else _as_pairs

    def observe(event: LogEvent) -> None:
        # In one piece: several processes write to the same file.
        if "accesses" in event:
            lines = "".join([_access_line(form, access) for access in event["accesses"]])
        else:
            lines = write(dict(_fields(event))) + "\n"
        stream.write(lines)
        stream.flush()

    return observe


def _access_line(form: LogFormat, access: Access) -> str:
    """The line of a request as its event would have it: in 0.8 µs instead of 20."""
    fields, moment = _words(form, access[1:9]), _time_text(access.at)
    remark = access.remark
    left = _field(form, "remark", remark) if remark else ""
    if form is _JSON:
        numbers = f', "size": {access.size}, "elapsed_ms": {access.elapsed_ms}'
        return f'{{"time": "{moment}"{fields}{numbers}{left}}}\n'
    return f"time={moment}{fields} size={access.size} elapsed_ms={access.elapsed_ms}{left}\n"


@lru_cache(4096)  # ids of clips and addresses come and go; all else there are few of
def _words(form: LogFormat, words: tuple[str | int, ...]) -> str:
    """What a line tells of a request, less what was measured: in 0.3 µs instead of 1.4."""
    return _BY_THE_SITE[form] + "".join(map(_field, repeat(form), Access._fields[1:9], words))


@lru_cache(4096)
def _field(form: LogFormat, name: str, value: str | int) -> str:
    """A field that is not the first of its line; nothing where there is none."""
    if value == "" or value == "-":
        return ""
    shown = value.lstrip(_JOINTS) if isinstance(value, str) else value
    if form is LogFormat.JSON:
        return f", {_as_json(name)}: {_as_json(shown)}"
    return f" {name}={_value(shown)}"


def _fields(event: LogEvent) -> Iterator[tuple[str, Any]]:
    yield "time", _time_text(event.get("log_time", 0.0))
    level = event.get("log_level")
    yield "level", level.name if level is not None else "info"
    yield "module", event.get("log_namespace", "-")
    if "speaks_for_itself" not in event:
        yield "message", _message(event)
    for name, value in event.items():
        if name in _NOT_SHOWN or value == "" or value == "-" or name.startswith("log_"):
            continue
        if isinstance(value, str):
            yield name, value.lstrip(_JOINTS)
        else:
            yield name, value if isinstance(value, _SIMPLE) else str(value)
    failure = event.get("log_failure")
    if failure is not None:
        yield "traceback", failure.getTraceback().rstrip("\n")


def _time_text(at: float) -> str:
    return _moment_text(int(at * 1000))


@lru_cache(maxsize=2)  # ten thousand lines a second have a moment in common, too: 0.2 µs, not 0.5
def _moment_text(moment: int) -> str:
    second, milliseconds = divmod(moment, 1000)
    return f"{_second_text(second)}.{milliseconds:03}Z"


@lru_cache(maxsize=2)  # of a thousand lines a second most are of the same one
def _second_text(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))


def _message(event: LogEvent) -> str:
    return str(
        eventAsText(event, includeTraceback=False, includeTimestamp=False, includeSystem=False)
    )


def _as_text(event: LogEvent) -> str | None:
    text = formatEventAsClassicLogText(event)  # lines after the first are indented
    return text and _UNSHOWN.sub(_escape, text)


def _as_json(fields: object) -> str:
    return _UNSHOWN.sub(_escape, json.dumps(fields, ensure_ascii=False))


def _escape(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"  # as JSON has it


def _as_pairs(fields: dict[str, Any]) -> str:
    return " ".join(f"{name}={_value(value)}" for name, value in fields.items())


def _value(value: object) -> str:
    """A value; in quotes, as JSON has them, where it is not a plain word."""
    if isinstance(value, str):
        return value if _PLAIN.fullmatch(value) else _as_json(value)
    return json.dumps(value)
