"""No regular expression of ours can be made to backtrack: each is attacked, in the ways it is used.

For every repeat in a pattern a text is made that the pattern nearly matches, where that repeat (and
the one after it) goes on for very long. What takes more than linear time with it does not end in
time. Expressions written by administrators or in the source (`cli`) are attacked all the same.
"""

import ast
import importlib
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any

import pytest

from archive_server.http import urls

TREE = Path(__file__).parents[1]
LENGTH = 60_000  # as long as what the reactor's thread looks at, and more than any head
QUICK_S = 1.0
_METHODS = {"match", "fullmatch", "search", "sub", "split", "findall", "finditer", "subn"}
_SCANNING = {"search", "sub", "split", "findall", "finditer", "subn"}
_REPEATS = {sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT}

Found = tuple[str, "re.Pattern[Any]", bool]  # where, what, and whether it is looked for anywhere


def modules() -> Iterator[tuple[str, ast.Module]]:
    for package in ("archive_server", "audio_store"):
        for path in sorted((TREE / package).rglob("*.py")):
            if path.name != "__init__.py":
                name = ".".join(path.relative_to(TREE).with_suffix("").parts)
                yield name, ast.parse(path.read_text(encoding="utf-8"))


def calls(tree: ast.Module) -> Iterator[tuple[str, str, ast.Call]]:
    """Calls of `OWNER.METHOD` that may be of a pattern, or of `re`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value
            if isinstance(owner, ast.Name) and node.func.attr in _METHODS:
                yield owner.id, node.func.attr, node


def patterns() -> Iterator[Found]:
    for name, tree in modules():
        if "re" not in {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import)
                        for alias in node.names}:  # fmt: skip
            continue
        module = importlib.import_module(name)
        uses: dict[str, set[str]] = {}
        for owner, method, call in calls(tree):
            if owner == "re" and isinstance(call.args[0], ast.Constant):
                text = call.args[0].value
                yield f"{name}: {text!r}", re.compile(text), method in _SCANNING
            uses.setdefault(owner, set()).add(method)
        for attribute, value in vars(module).items():
            each = value if isinstance(value, list | tuple) else (value,)
            for number, pattern in enumerate(p for p in each if isinstance(p, re.Pattern)):
                methods = uses.get(attribute, _METHODS if len(each) == 1 else {"fullmatch"})
                yield f"{name}.{attribute}[{number}]", pattern, bool(methods & _SCANNING)
    for attribute, template in vars(urls).items():
        if attribute.isupper() and isinstance(template, str) and "<" in template:
            yield f"urls.{attribute}", urls.path_pattern(template), False


FOUND = list(patterns())


class Texts:
    """Texts that a pattern nearly matches."""

    def __init__(self, pattern: "re.Pattern[Any]") -> None:
        self._tree = _parser.parse(pattern.pattern, pattern.flags & ~re.DEBUG)
        self._repeats = 0
        self._pumped: set[int] = set()
        self._count = self._branch = 0
        self._one(self._tree)  # counts the repeats

    def all(self) -> Iterator[str]:
        count = self._repeats
        for self._branch in range(4):
            for pumped in [*({n} for n in range(count)), *({n, n + 1} for n in range(count))]:
                self._pumped, self._repeats = pumped, 0
                self._count = LENGTH // len(pumped)
                text = self._one(self._tree)[:LENGTH]
                for end in ("", "\0", "!\0"):
                    yield text + end

    def beginnings(self) -> Iterator[str]:
        """What the pattern begins like, again and again: each may be looked for its end."""
        for self._branch in range(4):
            self._pumped, self._repeats = set(), 0
            text = self._one(self._tree)
            for cut in range(1, min(len(text), 60) + 1):
                yield text[:cut] * (LENGTH // cut)

    def _one(self, tree: Any) -> str:
        return "".join(self._of(op, argument) for op, argument in tree)

    def _of(self, op: Any, argument: Any) -> str:
        if op is sre.LITERAL:
            return chr(argument)
        if op is sre.NOT_LITERAL:
            return "a" if argument != ord("a") else "b"
        if op is sre.ANY:
            return "a"
        if op is sre.IN:
            return self._any_of(argument)
        if op in _REPEATS:
            least, most, inside = argument
            number, self._repeats = self._repeats, self._repeats + 1
            text = self._one(inside)
            wanted = self._count if number in self._pumped else max(least, 1)
            times = min(wanted // max(1, len(text)) + 1, most) if number in self._pumped else wanted
            return text * min(int(times), LENGTH)
        if op is sre.SUBPATTERN:
            return self._one(argument[-1])
        if op is sre.ATOMIC_GROUP:
            return self._one(argument)
        if op is sre.BRANCH:
            branches = [self._one(branch) for branch in argument[1]]
            return branches[self._branch % len(branches)]
        return ""  # looks ahead, and at places

    def _any_of(self, members: Any) -> str:
        if members[0][0] is sre.NEGATE:
            taken = re.compile("[" + "".join(map(_written, members[1:])) + "]")
            return next(letter for letter in "a0 -é\1" if not taken.match(letter))
        kind, value = members[0]
        if kind is sre.LITERAL:
            return chr(value)
        if kind is sre.RANGE:
            return chr(value[0])
        return {sre.CATEGORY_SPACE: " ", sre.CATEGORY_DIGIT: "0"}.get(value, "a")


def _written(member: Any) -> str:
    kind, value = member
    if kind is sre.LITERAL:
        return re.escape(chr(value))
    if kind is sre.RANGE:
        return f"{re.escape(chr(value[0]))}-{re.escape(chr(value[1]))}"
    return {sre.CATEGORY_SPACE: r"\s", sre.CATEGORY_DIGIT: r"\d"}.get(value, r"\w")


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Interrupt what takes longer; the engine looks for signals now and then."""

    def too_long(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, too_long)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def survives(pattern: "re.Pattern[Any]", scans: bool) -> bool:
    """Whether it is quick with whatever is made for it."""
    texts = Texts(pattern)
    for text in [*set(texts.all()), *(set(texts.beginnings()) if scans else ())]:
        given = text.encode("utf-8", "replace") if isinstance(pattern.pattern, bytes) else text
        try:
            with within(QUICK_S):
                pattern.fullmatch(given)
                pattern.match(given)
                if scans:
                    pattern.search(given)
                    for _ in pattern.finditer(given):
                        pass
        except TimeoutError:
            return False
    return True


def test_all_are_found():
    assert len(FOUND) > 70
    assert any(where.startswith("archive_server.xmlrpc.decoder._DOUBLE") for where, *_ in FOUND)


@pytest.mark.parametrize(
    ("pattern", "scans"), [(p, s) for _, p, s in FOUND], ids=[where for where, *_ in FOUND]
)
def test_it_cannot_be_made_to_backtrack(pattern, scans):
    assert survives(pattern, scans)


@pytest.mark.parametrize(
    "bad", [r"(a+)+b", r"(a|a)*b", r"(\w+\s?)*$", r"(x+x+)+y", r"\s+$", "<a[^>]*>"]
)
def test_those_that_can_would_be_found(bad):
    assert not survives(re.compile(bad), scans=True)
