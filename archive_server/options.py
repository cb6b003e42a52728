"""How options are written in a file: read with everything that is wrong at once, and rendered.

A section is a dataclass whose fields are made by `option`; the type of an option is that of its
default.
"""

import difflib
import json
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import Field, dataclass, field, fields
from enum import StrEnum
from ipaddress import ip_network
from pathlib import Path
from typing import Any, TypeVar

import psycopg2
from psycopg2.extensions import make_dsn, parse_dsn

T = TypeVar("T")
Check = Callable[[str], object]  # raises ValueError with the sentence for the administrator


class ConfigError(Exception):
    """The configuration cannot be used; `problems` is everything that is wrong with it."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class Problems:
    """What is wrong with one file, as it is found."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._found: list[str] = []

    def add(self, problem: str) -> None:
        """Note a problem, in the file's name."""
        self._found.append(f"{self._file}: {problem}" if self._file else problem)

    def unknown(self, given: Iterable[str], known: Iterable[str], what: str) -> None:
        """Note what is not known, with the nearest that is; `what` is a template for a name."""
        known = list(known)
        for name in given:
            if name not in known:
                near = difflib.get_close_matches(name, known, 1)
                hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
                self.add(f"{what.format(name)} is unknown; {hint}")

    def raise_any(self) -> None:
        """Raise ConfigError if there were problems."""
        if self._found:
            raise ConfigError(self._found)


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen; port 0 is any that is free."""

    host: str  # a name or address, IPv6 without its brackets
    port: int

    @classmethod
    def parse(cls, text: str) -> "Address":
        """Read `HOST:PORT` or `[IPV6]:PORT`. Raises ValueError."""
        match = re.fullmatch(r"(?:\[([0-9A-Fa-f:.%a-z]+)\]|([^:\[\]/\s]+)):(\d{1,5})", text)
        if match is None or int(match[3]) > 65535:
            raise ValueError(f"{json.dumps(text)}: HOST:PORT expected, [::1]:8000 for IPv6")
        return cls(match[1] or match[2], int(match[3]))


def option(default: T, *, check: Check | None = None, least: int = 0, most: int | None = None) -> T:
    """A field of a section. `least` and `most` bound a number, `least` also a list's length."""
    limits = {"check": check, "least": least, "most": most}
    made: T = field(default=default, metadata=limits)
    return made


def read_toml(path: Path, problems: Problems) -> dict[str, Any]:
    """The contents of a file; nothing, and a problem noted, if it cannot be read."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        problems.add(f"cannot be read: {error.strerror}")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        problems.add(f"is not TOML: {error}")
    return {}


def read_section(section: type[T], name: str, given: object, problems: Problems) -> T:
    """A section from what the file says; its defaults where that is wrong."""
    if not isinstance(given, dict):
        problems.add(f"{name}: a section [{name}] expected")
        return section()
    options = {each.name: each for each in fields(section)}  # type: ignore[arg-type]
    problems.unknown(given, options, f"[{name}] {{}}")
    values = {}
    for key in (key for key in options if key in given):
        try:
            values[key] = _value(options[key], given[key])
        except ValueError as error:
            problems.add(f"[{name}] {key}: {error}")
    return section(**values)


def _value(option: "Field[Any]", given: object) -> object:
    """What the file gives for an option, checked. Raises ValueError."""
    default, limits = option.default, option.metadata
    if isinstance(default, bool):
        return _expect(bool, given, "true or false")
    if isinstance(default, int):
        return _number(given, limits["least"], limits["most"])
    if isinstance(default, tuple):
        return _texts(given, limits["check"], limits["least"])
    text = _expect(str, given, "a text in quotes")
    if limits["check"] is not None and text:  # empty: the option is not used
        limits["check"](text)
    if isinstance(default, StrEnum):
        return _word(type(default), text)
    return text


def _number(given: object, least: int, most: int | None) -> int:
    bounds = f"at least {least}" if most is None else f"from {least} to {most}"
    expected = f"a whole number {bounds}"
    number = _expect(int, given, expected)
    if isinstance(given, bool) or number < least or (most is not None and number > most):
        raise ValueError(f"{expected} expected, not {_shown(given)}")
    return number


def _texts(given: object, check: Check | None, least: int) -> tuple[str, ...]:
    texts = [_expect(str, each, "a text in quotes") for each in _expect(list, given, "a list")]
    if len(texts) < least:
        raise ValueError("the list is empty")
    if check is not None:
        for text in texts:
            check(text)
    return tuple(texts)


def _word(words: type[StrEnum], given: str) -> StrEnum:
    try:
        return words(given)
    except ValueError:
        known = " or ".join(f'"{word}"' for word in words)
        raise ValueError(f"{known} expected, not {_shown(given)}") from None


def _expect(kind: type[T], given: object, expected: str) -> T:
    if not isinstance(given, kind):
        raise ValueError(f"{expected} expected, not {_shown(given)}")
    return given


def _shown(given: object) -> str:
    """A value in a message, near to how it was written."""
    return json.dumps(given, ensure_ascii=False, default=str)


# Checks of texts


def address(text: str) -> None:
    """A place to listen at."""
    Address.parse(text)


def network(text: str) -> None:
    """An address, or a network of them."""
    try:
        ip_network(text, strict=False)
    except ValueError:
        raise ValueError(f"{_shown(text)}: 192.0.2.7, 192.0.2.0/24 or ::1 expected") from None


def web_address(text: str) -> None:
    """The address of a web site, to which paths are added."""
    match = re.fullmatch(r"https?://(?P<host>[^/?#@\s]+)(/[^?#\s]*)?", text)
    if match is None:
        raise ValueError(f"{_shown(text)}: http://HOST or https://HOST/PATH expected")
    with_port = match["host"] if re.search(r":\d+$", match["host"]) else f"{match['host']}:80"
    Address.parse(with_port)


def origin(text: str) -> None:
    """An origin, as browsers write it."""
    match = re.fullmatch(r"https?://([^/?#@\s]+)", text)
    if match is None:
        raise ValueError(f"{_shown(text)}: https://HOST or https://HOST:PORT expected")
    Address.parse(match[1] if re.search(r":\d+$", match[1]) else f"{match[1]}:80")


def dsn(text: str) -> None:
    """How to connect to PostgreSQL."""
    try:
        parse_dsn(text)
    except psycopg2.ProgrammingError:
        raise ValueError(
            "not a connection string of PostgreSQL, as host=db dbname=archive is"
        ) from None


def masked_dsn(text: str) -> str:
    """A connection string without its passwords."""
    secrets = {key: "***" for key in parse_dsn(text) if key.endswith("password")}
    return str(make_dsn(text, **secrets)) if secrets else text


# Rendering


def to_toml(sections: Mapping[str, Mapping[str, Any]]) -> str:
    """Sections of plain values as a TOML file."""
    parts = []
    for name, values in sections.items():
        lines = [f"{key} = {_toml(value)}" for key, value in values.items()]
        parts.append("\n".join([f"[{name}]", *lines]))
    return "\n\n".join(parts) + "\n"


def _toml(value: object) -> str:
    """A value in TOML, which writes them as JSON does but for two things we never have."""
    return json.dumps(value, ensure_ascii=False)
