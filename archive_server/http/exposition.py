"""Measurements and gauges as Prometheus reads them.

What one process has counted bears a label `worker`, the id of the process: Prometheus adds them
up, and knows that counters which begin anew are another's. What the database tells is the same for
all, and bears none.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from archive_server.http.measurements import BUCKETS, Snapshot
from archive_server.model.gauges import Gauges
from archive_server.model.health import Part, Status
from archive_server.model.integrity import BrakeJob

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_REQUEST = ("worker", "route", "method")
# What each process says of itself, beside its requests.
_OWN = {
    "http_connections": "Open connections.",
    "http_transfers": "Requests that are being received or answered.",
    "database_connections": "Connections to PostgreSQL that this process has open.",
    "database_connections_busy": "Those in which a transaction runs.",
    "database_waiting": "Transactions that wait for a connection.",
    "resident_memory_bytes": "Memory that the process occupies.",
    "open_files": "Descriptors that the process has open.",
    "start_time_seconds": "When the process began, since 1970.",
}

_OWN_COUNTS = {
    "cpu_seconds": "Processor time used.",
    "http_connections_refused": "Connections that were too many.",
}


@dataclass(frozen=True, eq=False)  # a registry wants to hash it
class Exposed(Collector):
    """Everything there is to tell, at one moment."""

    release: str
    workers: Mapping[str, Snapshot]  # what each process has counted, by its id
    parts: Iterable[Part]
    gauges: Gauges | None  # None: the database is away
    free_bytes: int | None  # None: the store is away

    def text(self) -> bytes:
        """All of it, as it is sent."""
        registry = CollectorRegistry(auto_describe=False)
        registry.register(self)
        return generate_latest(registry)

    def collect(self) -> Iterator[Metric]:
        """One family after the other."""
        yield _gauge("build_info", "The release that runs.", ("version",), {(self.release,): 1})
        yield from self._requests()
        yield from self._calls()
        yield from self._own()
        yield from self._health()
        if self.free_bytes is not None:
            yield _plain(
                "storage_free_bytes", "What the store's disk has room for.", self.free_bytes
            )
        if self.gauges is not None:
            yield from _library(self.gauges)
            yield from _activity(self.gauges)

    def _requests(self) -> Iterator[Metric]:
        count = CounterMetricFamily(
            "archive_http_requests", "Requests answered.", labels=(*_REQUEST, "status")
        )
        sent = CounterMetricFamily(
            "archive_http_response_bytes",
            "Bytes sent, without heads.",
            labels=(*_REQUEST, "status"),
        )
        times = HistogramMetricFamily(
            "archive_http_request_duration_seconds",
            "From the head of a request to the end of its answer.",
            labels=_REQUEST,
        )
        for worker, snapshot in self.workers.items():
            for route, verb, status, requests, size in snapshot["requests"]:
                labels = (worker, route, verb, str(status))
                count.add_metric(labels, requests)
                sent.add_metric(labels, size)
            for route, verb, counted in snapshot["times"]:
                times.add_metric((worker, route, verb), _cumulative(counted), counted[-1])
        yield from (count, sent, times)

    def _calls(self) -> Iterator[Metric]:
        times = HistogramMetricFamily(
            "archive_xmlrpc_call_duration_seconds", "XML-RPC calls.", labels=("worker", "call")
        )
        faults = CounterMetricFamily(
            "archive_xmlrpc_faults",
            "XML-RPC calls that ended with a fault.",
            labels=("worker", "call", "outcome"),
        )
        for worker, snapshot in self.workers.items():
            for call, counted in snapshot["calls"]:
                times.add_metric((worker, call), _cumulative(counted), counted[-1])
            for call, outcome, count in snapshot["faults"]:
                faults.add_metric((worker, call, outcome), count)
        yield from (times, faults)

    def _own(self) -> Iterator[Metric]:
        for name, meaning in _OWN.items():
            yield _gauge(
                f"worker_{name}",
                meaning,
                ("worker",),
                {
                    (worker,): snapshot["gauges"][name]
                    for worker, snapshot in self.workers.items()
                    if name in snapshot["gauges"]
                },
            )
        for name, meaning in _OWN_COUNTS.items():
            counted = CounterMetricFamily(f"archive_worker_{name}", meaning, labels=("worker",))
            for worker, snapshot in self.workers.items():
                if name in snapshot["gauges"]:
                    counted.add_metric((worker,), snapshot["gauges"][name])
            yield counted

    def _health(self) -> Iterator[Metric]:
        state = {
            (part.name, status.value): float(part.status is status)
            for part in self.parts
            for status in Status
        }
        yield _gauge("health", "How each part is.", ("part", "status"), state)


def _library(gauges: Gauges) -> Iterator[Metric]:
    yield _gauge("clips", "Items of the library.", ("type", "state"), gauges.clips)
    yield _plain("contents", "Different audio files in the store.", gauges.contents)
    yield _plain("content_bytes", "What they take.", gauges.content_bytes)
    yield _plain("damaged_contents", "Those in quarantine.", gauges.damaged_contents)
    yield _plain(
        "oldest_verification_age_seconds",
        "Since the content was read to its end that was not read for longest.",
        gauges.unverified_s,
    )
    yield _gauge(
        "brake_held", "What maintenance holds back.", ("job",), _single(_of_all_jobs(gauges.held))
    )
    yield _plain("database_size_bytes", "What the database takes.", gauges.database_bytes)
    yield _plain("journal_last_number", "The last event's number.", gauges.last_event)
    yield _plain("sidecars_behind", "Changes not in the sidecars yet.", gauges.sidecars_behind)
    yield _plain(
        "sidecars_lag_seconds", "How long the oldest of them waits.", gauges.sidecars_lag_s
    )


def _activity(gauges: Gauges) -> Iterator[Metric]:
    yield _plain("sessions", "Sessions that have not ended.", gauges.sessions)
    yield _gauge("uploads", "Uploads that are open.", ("purpose",), _single(gauges.uploads))
    yield _gauge("leases", "Leases that are held.", ("kind",), _single(gauges.leases))
    yield _gauge("jobs", "Jobs that are kept.", ("kind", "status"), gauges.jobs)
    yield _plain("jobs_longest_wait_seconds", "Of a job not begun.", gauges.longest_wait_s)
    yield _plain("postgres_connections", "Connections of everybody.", gauges.connections)
    yield _plain("postgres_connections_max", "How many it takes.", gauges.most_connections)
    yield _gauge(
        "chore_last_success_timestamp_seconds",
        "When a chore was last done to its end.",
        ("chore",),
        {(name,): at.timestamp() for name, at in gauges.chores.items()},
    )


def _of_all_jobs(held: Mapping[str, int]) -> dict[str, float]:
    return {job.value: held.get(job.value, 0) for job in BrakeJob}


def _single(counts: Mapping[str, float]) -> dict[tuple[str, ...], float]:
    return {(label,): count for label, count in counts.items()}


def _plain(name: str, meaning: str, value: float) -> Metric:
    return GaugeMetricFamily(f"archive_{name}", meaning, value=value)


def _gauge(name: str, meaning: str, labels: tuple[str, ...], values: Mapping[Any, float]) -> Metric:
    family = GaugeMetricFamily(f"archive_{name}", meaning, labels=labels)
    for own, value in values.items():
        family.add_metric(own, value)
    return family


def _cumulative(counted: list[float]) -> list[tuple[str, float]]:
    """Buckets as Prometheus has them: each holds all that took no longer."""
    found, total = [], 0.0
    for bound, count in zip((*map(str, BUCKETS), "+Inf"), counted, strict=False):
        total += count
        found.append((bound, total))
    return found
