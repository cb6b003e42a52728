"""Describes a method in words, for `system.methodHelp` and docs/protocol.md."""

from collections.abc import Iterable, Iterator

from archive_server.errors import ArchiveError
from archive_server.problems import PROBLEMS, fault_code_of
from archive_server.xmlrpc.method import Member, Method


def help_of(method: Method) -> str:
    """Describe a method, in Markdown."""
    return "\n\n".join(_help_paragraphs(method))


def _help_paragraphs(method: Method) -> Iterator[str]:
    yield method.summary
    yield "Takes:" if method.takes else "Takes nothing."
    if method.takes:
        yield "\n".join(map(_member_line, method.takes))
    yield "Gives:"
    yield "\n".join(map(_member_line, method.gives))
    if method.raises:
        yield "Faults:"
        yield "\n".join(_fault_lines(method.name, method.raises))
    yield f"Since: {method.since}"


def _member_line(member: Member) -> str:
    optional = ", optional" if member.optional else ""
    return f"- `{member.name}` ({member.kind}{optional}): {member.meaning}"


def _fault_lines(method: str, kinds: Iterable[type[ArchiveError]]) -> Iterator[str]:
    """One line a fault code, with everything that has it."""
    titles: dict[int, list[str]] = {}
    for kind in kinds:
        code = fault_code_of(method, kind)
        titles.setdefault(code, []).append(PROBLEMS[kind].title.lower())
    for code in sorted(titles):
        yield f"- {code}: {', '.join(titles[code])}"
