"""Judges files, one after the other, in a process that may be killed at any time.

`python -m audio_store.probe.worker LIMITS`, LIMITS being the fields of `Limits` as JSON. One JSON
object a line. It says {"ready": true} once; then each request

    {"file_name": ..., "accept": [codes]}

comes over the socket that is its standard input, with the descriptor of the open file, and is
answered by {"duration_s": ...} if long audio is going to be decoded, {"verdict": ...} as in
`report`, and {"tags": {name: [texts]}, "warnings": [...]}; or, if the file cannot be read or the
worker ran out of memory, by {"error": {"kind": ..., "errno": ..., "text": ...}}.
"""

import io
import json
import os
import resource
import socket
import sys
from collections.abc import Callable, Iterator
from io import FileIO
from typing import Any, BinaryIO

from audio_store.probe import tags, vorbis
from audio_store.probe.containment import confine, limit_cpu
from audio_store.probe.gate import Judgement, judge
from audio_store.probe.report import Limits, remarks_to_json, to_json
from audio_store.probe.sandbox import seal
from audio_store.probe.shape import size_of
from audio_store.probe.verdicts import Findings

Say = Callable[[dict[str, Any]], None]
_SHORT_S = 10
_PIECE = 2**16  # bytes
_SMALL = 2**18  # bytes


def main() -> None:
    """Answer requests until standard input ends."""
    limits = Limits(**json.loads(sys.argv[1]))
    vorbis.available()  # PyOgg starts programs to look for its libraries: before the limits
    confine(limits.memory_bytes)
    seal()
    requests = socket.socket(fileno=os.dup(0))
    answers = os.fdopen(os.dup(1), "w", encoding="ascii")
    # A library that prints must not break the protocol.
    os.dup2(2, 1)

    def say(answer: dict[str, Any]) -> None:
        answers.write(json.dumps(answer) + "\n")
        answers.flush()

    say({"ready": True})
    for request, descriptor in _received(requests):
        answer(request, descriptor, limits, say)


def _received(requests: socket.socket) -> Iterator[tuple[dict[str, Any], int]]:
    """Each request, and the descriptor of its file, until nobody asks any more."""
    while True:
        line, descriptors, _, _ = socket.recv_fds(requests, _PIECE, 1)
        if not line:
            return
        while not line.endswith(b"\n"):
            line += requests.recv(_PIECE)
        yield json.loads(line), descriptors[0]


def answer(request: dict[str, Any], descriptor: int, limits: Limits, say: Say) -> None:
    """Judge one file, and close it. Whatever goes wrong is an answer too."""
    limit_cpu(limits.cpu_s)
    try:
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            _judge_and_describe(_at_hand(file), request, limits, say)
    except MemoryError:
        say({"error": {"kind": "memory", "errno": None, "text": "out of memory"}})
    except OSError as error:
        say({"error": {"kind": "unreadable", "errno": error.errno, "text": str(error.strerror)}})


class _InMemory(io.BytesIO):
    """What is small is read at once: it is gone through in fifty pieces, each of which costs."""

    def __init__(self, file: FileIO) -> None:
        file.seek(0)
        super().__init__(file.read())
        self._file = file

    def fileno(self) -> int:
        """Of the file, for libraries that read it themselves."""
        return self._file.fileno()


def _at_hand(file: FileIO) -> BinaryIO:
    return file if os.fstat(file.fileno()).st_size > _SMALL else _InMemory(file)


def _judge_and_describe(file: BinaryIO, request: dict[str, Any], limits: Limits, say: Say) -> None:
    def announce(duration_s: float) -> None:
        limit_cpu(limits.cpu_for(duration_s))
        # What is short is done in the time that any file has.
        if duration_s > _SHORT_S:
            say({"duration_s": duration_s})

    findings = Findings(request["accept"])
    judgement = judge(
        file,
        file_name=request["file_name"],
        findings=findings,
        limits=limits,
        announce=announce,
    )
    say({"verdict": to_json(judgement.report)})
    limit_cpu(limits.tags_cpu_s)
    say(_describe(file, judgement))


def _describe(file: BinaryIO, judgement: Judgement) -> dict[str, Any]:
    """The tags. Whatever is wrong with them, the verdict stands."""
    found: tags.Tags = {}
    remarks = Findings()
    known = {remark.code for remark in judgement.report.warnings}
    if judgement.shape and not known & {"id3-too-large", "id3-compressed", "tags-unreadable"}:
        try:
            found = tags.read_tags(file, size_of(file), judgement.shape)
        except Exception as error:  # noqa: BLE001 - the library raises IndexError, MemoryError ...
            remarks.add("tags-unreadable", type(error).__name__)
    return {"tags": tags.as_json(found), "warnings": remarks_to_json(remarks.warnings)}


if __name__ == "__main__":
    # Ctrl-C is for the server to handle; the worker ends with its standard input.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main()
