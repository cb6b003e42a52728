"""Downloads as figures: how fast, and what the server's processors spent on it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from benchmarks.harness.processes import ServerProcess
from benchmarks.harness.receiving import Received
from benchmarks.harness.report import Report

MB_S, CPU_S_GB = "MB/s", "CPU s/GB"
ANSWERS_S, CPU_US = "answers/s", "CPU us/answer"


@dataclass(frozen=True, slots=True)
class Meter:
    """Receives for so many seconds at a time, and remembers what the client itself used."""

    seconds: float
    shares: list[float] = field(default_factory=list)

    def measuring(
        self, server: ServerProcess, receiving: Callable[[float], Received]
    ) -> Callable[[], Mapping[str, float]]:
        """A contestant for `alternate_several`: `receiving` asks it for a number of seconds."""

        def measure() -> Mapping[str, float]:
            before = server.cpu_seconds()
            received = receiving(self.seconds)
            self.shares.append(received.share)
            return figures(received, server.cpu_seconds() - before)

        return measure

    def remark(self, report: Report) -> None:
        """Say in the report how far the client was from being what is measured."""
        low, high = min(self.shares), max(self.shares)
        report.note(f"The client itself used {low:.2f} to {high:.2f} of a core")


def figures(received: Received, cpu_s: float) -> Mapping[str, float]:
    """What came each second, and what each unit of it has cost the server."""
    return {
        MB_S: received.received_bytes / 1e6 / received.elapsed_s,
        CPU_S_GB: cpu_s / (received.received_bytes / 1e9),
        ANSWERS_S: received.answers / received.elapsed_s,
        CPU_US: cpu_s * 1e6 / received.answers if received.answers else 0,
    }
