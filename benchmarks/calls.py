"""XML-RPC calls, without the database and with it, beside what else answers such questions.

Every server is one process and has as many connections to the same PostgreSQL, in which there
are 10,000 clips. The peers ask it `benchmarks.harness.peers.questions`.
"""

import json
import urllib.request
import xmlrpc.client
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from benchmarks.harness import wrk
from benchmarks.harness.archive import RunningArchive
from benchmarks.harness.command import Scale, main
from benchmarks.harness.peers.program import Program, missing
from benchmarks.harness.processes import ServerProcess
from benchmarks.harness.report import OURS, Goal, Report
from benchmarks.harness.rounds import alternate_several
from benchmarks.library import Library
from benchmarks.library_archive import prepare

TITLE = "Calls: 32 connections that are kept, one process of each server"

_STOCK, _AIOHTTP, _DJANGO = "twisted.web.xmlrpc", "aiohttp", "Django REST"
_RATE, _COST, _WAIT = "calls/s", "CPU us/call", "ms"
_CLIPS = 10_000
_CONNECTIONS = 32
_ASKED = 100  # different questions
_PAGE = 10

Struct = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Question:
    """A call, and what it is asked with: as XML-RPC's structs, and as JSON."""

    method: str
    structs: Sequence[Struct]
    objects: Sequence[Struct]


@dataclass(frozen=True, slots=True)
class Answering:
    """A server, and how to speak with it."""

    server: ServerProcess
    speaks_xml: bool

    def address(self, question: Question) -> str:
        """Where to send its bodies."""
        return f"{self.server.url}/{'xmlrpc' if self.speaks_xml else question.method}"

    def bodies(self, question: Question) -> list[str]:
        """What to send."""
        if not self.speaks_xml:
            return [json.dumps(each) for each in question.objects]
        method = f"locstor.{question.method}"
        return [xmlrpc.client.dumps((each,), method) for each in question.structs]

    @property
    def content_type(self) -> str:
        """Of what is sent."""
        return "text/xml" if self.speaks_xml else "application/json"

    def answer(self, question: Question, body: str) -> Any:
        """What it answers to one of the bodies. Raises for faults and statuses of failure."""
        request = urllib.request.Request(  # noqa: S310
            self.address(question), body.encode(), {"Content-Type": self.content_type}
        )
        with urllib.request.urlopen(request) as response:  # noqa: S310
            said = response.read()
        return xmlrpc.client.loads(said)[0][0] if self.speaks_xml else json.loads(said)


def run(scale: Scale) -> Report:
    """Measure a call without the database, and two with it."""
    if reason := wrk.missing():
        raise click.ClickException(reason)
    report = Report(TITLE)
    clips = scale.of(_CLIPS, 500)
    with TemporaryDirectory(prefix="bench-calls-") as name:
        Path(name).chmod(0o711)  # PostgreSQL may run as another user
        data_dir = Path(name) / "data"
        prepare(data_dir, clips)
        with RunningArchive(data_dir=data_dir) as archive, _servers(archive, report) as servers:
            version, exists, search = questions(archive.session_id, clips)
            _require_equal_answers(servers, (exists, search))
            _measure(scale, report, servers, version, "without the database", 5)
            _measure(scale, report, servers, exists, "one clip", 2)
            _measure(scale, report, servers, search, f"a word in titles, page of {_PAGE}", 2)
    report.note("The processors' time is the servers', without PostgreSQL's")
    report.note(
        "The peers look up the session and the clip in one statement, and check no rights; "
        "the search is the archive's own SQL"
    )
    return report


def questions(session_id: str, clips: int) -> tuple[Question, Question, Question]:
    """getVersion, existsAudioClip and searchMetadata, about clips of the library."""
    session = {"sessid": session_id}
    library = list(Library(1, clips).clips(1, _ASKED))
    ids = [session | {"gunid": str(clip.gunid)} for clip in library]
    words = [max(_title(clip.document.elements).split(), key=len) for clip in library]
    texts = [session | {"text": word, "limit": _PAGE} for word in words]
    structs = [
        session
        | {
            "criteria": {
                "conditions": [{"cat": "dc:title", "op": "partial", "val": word}],
                "limit": _PAGE,
            }
        }
        for word in words
    ]
    return (
        Question("getVersion", [{}], [{}]),
        Question("existsAudioClip", ids, ids),
        Question("searchMetadata", structs, texts),
    )


def _title(elements: Sequence[Any]) -> str:
    return next(str(each.text) for each in elements if each.name == "dc:title")


@contextmanager
def _servers(archive: RunningArchive, report: Report) -> Iterator[Mapping[str, Answering]]:
    with ExitStack() as stack:
        servers = {OURS: Answering(archive, speaks_xml=True)}
        peers = {
            _STOCK: ("twisted_xmlrpc", ("twisted",)),
            _AIOHTTP: ("aiohttp_calls", ("aiohttp",)),
            _DJANGO: ("django_rest", ("django", "rest_framework", "gunicorn")),
        }
        for name, (module, packages) in peers.items():
            if reason := missing(*packages):
                report.left_out(name, reason)
            else:
                peer = stack.enter_context(Program(module, archive.dsn))
                servers[name] = Answering(peer, speaks_xml=name == _STOCK)
        yield servers


def _require_equal_answers(servers: Mapping[str, Answering], questions: Sequence[Question]) -> None:
    """Raise RuntimeError unless all answer the same."""
    for question in questions:
        answers = {
            name: [server.answer(question, body) for body in server.bodies(question)]
            for name, server in servers.items()
        }
        for name, answered in answers.items():
            if answered != answers[OURS]:
                raise RuntimeError(f"{name} answers {question.method} in another way")


def _measure(
    scale: Scale,
    report: Report,
    servers: Mapping[str, Answering],
    question: Question,
    about: str,
    wanted: float,
) -> None:
    shares: list[float] = []

    def calling(server: Answering) -> Mapping[str, float]:
        before = server.server.cpu_seconds()
        called = wrk.call(
            server.address(question),
            server.content_type,
            server.bodies(question),
            connections=_CONNECTIONS,
            seconds=scale.of(3, 1),
        )
        shares.append(called.share)
        used = server.server.cpu_seconds() - before
        return {
            _RATE: called.calls_s,
            _COST: used * 1e6 / called.calls,
            _WAIT: called.p99_ms,
        }

    contestants: dict[str, Callable[[], Mapping[str, float]]] = {
        name: partial(calling, server) for name, server in servers.items()
    }
    taken = alternate_several(contestants, scale.rounds)
    report.add(f"{question.method} ({about})", taken[_RATE], Goal(_STOCK, wanted), unit=_RATE)
    report.add(f"{question.method}: the server", taken[_COST], unit=_COST, better="less")
    report.add(f"{question.method}: 99 of 100 within", taken[_WAIT], unit=_WAIT, better="less")
    report.note(f"{question.method}: wrk used {min(shares):.2f} to {max(shares):.2f} of a core")


if __name__ == "__main__":
    main(TITLE, run)
