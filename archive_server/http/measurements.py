"""What this process has done so far, in numbers; whoever shows them is in `exposition`.

Plain lists, not the counters of prometheus_client: a request is counted in 1 µs instead of 7 (two
counters and a histogram, whose labels were looked up before) or 10 (those that several processes
share by files), and there are ten thousand requests a second.
"""

from bisect import bisect_left
from collections.abc import Callable, Mapping
from typing import Any

# Seconds; answers from memory take a millisecond, downloads as long as they are listened to.
BUCKETS = (
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
    60.0,
    600.0,
)

Snapshot = Mapping[str, Any]  # what `snapshot` gives; it goes through JSON


class Measurements:
    """Counts requests. For the reactor's thread."""

    def __init__(self) -> None:
        # Their number, and bytes sent; and what is in `_times` for the route and the verb.
        self._requests: dict[tuple[str, str, int | str], tuple[list[int], list[float]]] = {}
        self._times: dict[tuple[str, str], list[float]] = {}  # as `_new_times` makes them
        self._calls: dict[str, list[float]] = {}
        self._faults: dict[tuple[str, str], int] = {}
        self._watched: list[Callable[[], Mapping[str, float]]] = []

    def request_done(
        self,
        route: str,
        verb: str,
        status: int | str,
        size: int,
        seconds: float,
        call: str = "",
        outcome: str = "",
    ) -> None:
        """Count a request whose answer had so many bytes and took so long.

        `call` is the XML-RPC method, if it was one, and `outcome` how that failed, if it did. All
        of these words are ours: what clients make up would be labels without an end.
        """
        try:
            counted, times = self._requests[route, verb, status]
        except KeyError:
            times = self._times.setdefault((route, verb), _new_times())
            counted, times = self._requests[route, verb, status] = [0, 0], times
        counted[0] += 1
        counted[1] += size
        place = bisect_left(BUCKETS, seconds)
        times[place] += 1
        times[-1] += seconds
        if call:
            times = self._calls.get(call) or self._calls.setdefault(call, _new_times())
            times[place] += 1
            times[-1] += seconds
            if outcome:
                self._faults[call, outcome] = self._faults.get((call, outcome), 0) + 1

    def watch(self, source: Callable[[], Mapping[str, float]]) -> None:
        """Ask this, too, for numbers that are true now; their names are in `exposition`."""
        self._watched.append(source)

    def snapshot(self) -> Snapshot:
        """All of it, as it is now."""
        gauges: dict[str, float] = {}
        for source in self._watched:
            gauges.update(source())
        return {
            "requests": [[*labels, *counted] for labels, (counted, _) in self._requests.items()],
            "times": [[*labels, list(times)] for labels, times in self._times.items()],
            "calls": [[call, list(times)] for call, times in self._calls.items()],
            "faults": [[*labels, count] for labels, count in self._faults.items()],
            "gauges": gauges,
        }


def _new_times() -> list[float]:
    """How many took as long as each bucket allows, and not the one before; longer; and the sum."""
    return [0] * (len(BUCKETS) + 1) + [0.0]
