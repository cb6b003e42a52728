"""Mixes once, in a process that may be killed at any time.

`python -m audio_store.render.worker LIMITS`, LIMITS being the fields of `RenderLimits` as JSON.
One JSON object a line. It says {"ready": true}; then the only request

    {"mix": as in `mix`, "output": path}

is answered by any number of {"progress": share}, and at last by {"frames": ...}, or by {"error":
{"kind": "part" | "disk" | "memory", "part": its number, "text": ..., "errno": ...}}.
"""

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import soundfile

from audio_store.probe.containment import confine, limit_cpu
from audio_store.probe.sandbox import seal
from audio_store.render.mix import Mix, from_json
from audio_store.render.mixer import PartFailed, mixed
from audio_store.render.renderer import RenderLimits

Say = Callable[[dict[str, Any]], None]

_TELLS_EVERY_S = 0.25
# Of libsndfile's 0 (best) to 1: about 190 kbit/s in stereo, the bit rate of good MP3 libraries.
_COMPRESSION = 0.4


def main() -> None:
    """Answer one request."""
    limits = RenderLimits(**json.loads(sys.argv[1]))
    answers = os.fdopen(os.dup(1), "w", encoding="ascii")
    # A library that prints must not break the protocol.
    os.dup2(2, 1)

    def say(answer: dict[str, Any]) -> None:
        answers.write(json.dumps(answer) + "\n")
        answers.flush()

    say({"ready": True})
    request = json.loads(sys.stdin.buffer.readline())
    mix = from_json(request["mix"])
    confine(limits.memory_bytes, limits.file_bytes(mix))
    limit_cpu(limits.cpu_for(mix))
    seal({part.path for part in mix.parts}, (str(Path(request["output"]).parent),))
    answer(mix, request["output"], say)


def answer(mix: Mix, output: str, say: Say) -> None:
    """Mix, and write it to a file. Whatever goes wrong is an answer too."""
    try:
        say({"frames": _write(mix, output, _Progress(mix, say))})
    except PartFailed as error:
        say(_error("part", str(error), part=error.number))
    except MemoryError:
        say(_error("memory", "out of memory"))
    except OSError as error:
        say(_error("disk", str(error.strerror), errno=error.errno))


def _error(kind: str, text: str, part: int = 0, errno: int | None = None) -> dict[str, Any]:
    return {"error": {"kind": kind, "text": text, "part": part, "errno": errno}}


def _write(mix: Mix, output: str, progress: "_Progress") -> int:
    frames = 0
    with Path(output).open("xb", buffering=0) as raw:
        target = _FileForC(raw.fileno())
        try:
            with _encoder(mix, target) as sound:
                for block in mixed(mix, progress.tick):
                    sound.write(block)
                    target.check()
                    frames += len(block)
                    progress.note(frames)
        except soundfile.LibsndfileError:
            target.check()
            raise
        target.check()
        os.fsync(raw.fileno())
    return frames


def _encoder(mix: Mix, target: Any) -> soundfile.SoundFile:
    sound = soundfile.SoundFile(
        target,
        "w",
        mix.sample_rate,
        mix.channels,
        format="OGG",
        subtype="VORBIS",
        compression_level=_COMPRESSION,
    )
    if mix.title:
        sound.title = mix.title
    if mix.artist:
        sound.artist = mix.artist
    return sound


class _FileForC:
    """A file for a library that cannot pass on exceptions of its callbacks.

    The first OSError is kept: a full disk must not look like a finished file.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._error: OSError | None = None

    def write(self, block: Any) -> int:
        rest = memoryview(block)
        try:
            while rest and self._error is None:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError as error:
            self._error = error
        return len(block)

    def read(self, size: int) -> bytes:
        return os.read(self._descriptor, size)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return os.lseek(self._descriptor, offset, whence)

    def tell(self) -> int:
        return os.lseek(self._descriptor, 0, os.SEEK_CUR)

    def flush(self) -> None:
        """Nothing is held back."""

    def check(self) -> None:
        """Raise the OSError there was, if any."""
        if self._error is not None:
            raise self._error


class _Progress:
    """Tells how far the mix is, not too often; and that it goes on, where that takes long."""

    def __init__(self, mix: Mix, say: Say) -> None:
        self._frames = max(mix.frames, 1)
        self._say = say
        self._share = 0.0
        self._told_at = 0.0

    def note(self, frames: int) -> None:
        self._share = frames / self._frames
        self.tick()

    def tick(self) -> None:
        now = time.monotonic()
        if now - self._told_at >= _TELLS_EVERY_S:
            self._told_at = now
            self._say({"progress": self._share})


if __name__ == "__main__":
    # Ctrl-C is for the server to handle; the worker ends with its parent.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main()
