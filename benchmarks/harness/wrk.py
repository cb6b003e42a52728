"""Calls, many at a time: wrk, with a script that sends one body after the other."""

import resource
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

_SCRIPT = """
local bodies = {{ {bodies} }}
local requests, turn = {{}}, 0
function init(args)
   local headers = {{ ["Content-Type"] = "{content_type}" }}
   for i, body in ipairs(bodies) do
      requests[i] = wrk.format("POST", "{path}", headers, body)
   end
end
function request()
   turn = turn % #requests + 1
   return requests[turn]
end
function done(summary, latency, all)
   local errors = summary.errors
   io.write(string.format("FIGURES %d %d %d %d\\n", summary.requests, summary.duration,
      errors.connect + errors.read + errors.write + errors.status + errors.timeout,
      latency:percentile(99)))
end
"""


@dataclass(frozen=True, slots=True)
class Called:
    """What wrk found out."""

    calls: int
    calls_s: float
    p99_ms: float
    share: float  # of a core, that wrk itself has used


def missing() -> str:
    """Why nothing can be measured; empty if it can."""
    return "" if shutil.which("wrk") else "no program wrk (Debian: wrk)"


def call(
    url: str, content_type: str, bodies: Sequence[str], *, connections: int, seconds: int
) -> Called:
    """POST the bodies in turn to one address. Raises RuntimeError if calls fail."""
    path = "/" + url.split("/", 3)[3]
    quoted = ", ".join(f"[==[{body}]==]" for body in bodies)
    with TemporaryDirectory(prefix="bench-wrk-") as name:
        script = Path(name) / "calls.lua"
        script.write_text(_SCRIPT.format(bodies=quoted, content_type=content_type, path=path))
        load = ["-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(script)]
        before = _children_s()
        said = subprocess.run(["wrk", *load, url], capture_output=True, text=True, check=True)
        used = _children_s() - before
    line = next(line for line in said.stdout.splitlines() if line.startswith("FIGURES"))
    calls, microseconds, errors, p99_us = map(int, line.split()[1:])
    if errors or not calls:
        raise RuntimeError(f"{url}: {errors} of {calls} calls failed\n{said.stdout}")
    elapsed = microseconds / 1e6
    return Called(calls, calls / elapsed, p99_us / 1000, used / elapsed)


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
