"""Counting requests, and telling Prometheus."""

import json
import os
import subprocess
from datetime import UTC, datetime

import pytest
from prometheus_client.parser import text_string_to_metric_families

from archive_server.http.exchange import Exchange
from archive_server.http.exposition import Exposed
from archive_server.http.measurements import BUCKETS, Measurements
from archive_server.model.gauges import Gauges
from archive_server.model.health import Part, Status

AT = datetime(2026, 11, 21, tzinfo=UTC)
GAUGES = Gauges(
    clips={("audioclip", "ready"): 5, ("playlist", "trashed"): 1},
    contents=4,
    content_bytes=4000,
    damaged_contents=1,
    unverified_s=86400.0,
    held={"trash": 12},
    sessions=3,
    uploads={"clip": 1},
    leases={"audio": 2},
    jobs={("backup", "waiting"): 1},
    longest_wait_s=2.5,
    last_event=9,
    chores={"tidying": AT},
    database_bytes=8_000_000,
    connections=4,
    most_connections=100,
)


@pytest.fixture
def measurements():
    counted = Measurements()
    counted.request_done("/xmlrpc", "POST", "200", 300, 0.002, "locstor.test", "fault 805")
    counted.request_done("/xmlrpc", "POST", "200", 500, 0.002, "locstor.test")
    counted.request_done("/access/<token>.<extension>", "GET", "206", 10_000, 70.0)
    counted.watch(lambda: {"http_connections": 7})
    return counted


def exposed(*snapshots, **more):
    """The samples, by name and labels."""
    defaults = {"release": "1.2", "parts": (), "gauges": None, "free_bytes": None}
    workers = {str(number): snapshot for number, snapshot in enumerate(snapshots)}
    text = Exposed(workers=workers, **(defaults | more)).text().decode()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(samples, name, **labels):
    return samples[f"archive_{name}", tuple(sorted(labels.items()))]


def test_requests_are_counted_by_route_verb_and_status(measurements):
    samples = exposed(measurements.snapshot())
    labels = {"worker": "0", "route": "/xmlrpc", "method": "POST"}
    assert value(samples, "http_requests_total", status="200", **labels) == 2
    assert value(samples, "http_response_bytes_total", status="200", **labels) == 800
    assert value(samples, "http_request_duration_seconds_count", **labels) == 2
    assert value(samples, "http_request_duration_seconds_sum", **labels) == 0.004


def test_buckets_hold_what_took_no_longer(measurements):
    samples = exposed(measurements.snapshot())
    labels = {"worker": "0", "route": "/access/<token>.<extension>", "method": "GET"}
    name = "http_request_duration_seconds_bucket"
    assert value(samples, name, le="60.0", **labels) == 0
    assert value(samples, name, le="600.0", **labels) == 1
    assert value(samples, name, le="+Inf", **labels) == 1


@pytest.mark.parametrize("bound", BUCKETS)
def test_a_bound_is_in_its_own_bucket(bound):
    counted = Measurements()
    counted.request_done("/", "GET", "200", 0, bound)
    samples = exposed(counted.snapshot())
    labels = {"worker": "0", "route": "/", "method": "GET"}
    assert value(samples, "http_request_duration_seconds_bucket", le=str(bound), **labels) == 1


def test_calls_and_their_faults_are_counted(measurements):
    samples = exposed(measurements.snapshot())
    call = {"worker": "0", "call": "locstor.test"}
    assert value(samples, "xmlrpc_call_duration_seconds_count", **call) == 2
    assert value(samples, "xmlrpc_faults_total", outcome="fault 805", **call) == 1


def test_each_worker_has_its_own_counters(measurements):
    other = json.loads(json.dumps(Measurements().snapshot()))
    samples = exposed(measurements.snapshot(), other)
    assert value(samples, "worker_http_connections", worker="0") == 7
    assert {dict(labels)["worker"] for name, labels in samples if "requests_total" in name} == {"0"}


def test_what_the_database_tells_has_no_worker():
    samples = exposed(gauges=GAUGES, free_bytes=12345)
    assert value(samples, "clips", type="audioclip", state="ready") == 5
    assert value(samples, "content_bytes") == 4000
    assert value(samples, "leases", kind="audio") == 2
    assert value(samples, "jobs", kind="backup", status="waiting") == 1
    assert value(samples, "storage_free_bytes") == 12345
    assert value(samples, "chore_last_success_timestamp_seconds", chore="tidying") == AT.timestamp()
    assert value(samples, "damaged_contents") == 1
    assert value(samples, "oldest_verification_age_seconds") == 86400
    assert value(samples, "brake_held", job="trash") == 12
    assert value(samples, "brake_held", job="damage") == 0  # and not absent: it can be watched


def test_without_the_database_there_are_no_such_numbers(measurements):
    samples = exposed(measurements.snapshot(), parts=[Part("database", Status.FAIL, "away")])
    assert not [name for name, _ in samples if "content" in name]
    assert value(samples, "health", part="database", status="fail") == 1
    assert value(samples, "health", part="database", status="pass") == 0


def test_names_are_as_prometheus_wants_them(measurements):
    samples = exposed(
        measurements.snapshot(), gauges=GAUGES, free_bytes=1, parts=[Part("store", Status.PASS)]
    )
    for name, _ in samples:
        assert name.startswith("archive_")
        assert name == name.lower()
        assert not name.endswith(("_ms", "_mb", "_kb"))


# -- between processes ------------------------------------------------------------------------


def test_processes_read_what_the_others_have_written(tmp_path, measurements):
    exchange = Exchange(tmp_path / "metrics")
    assert exchange.read() == {}
    exchange.write(measurements.snapshot())
    found = Exchange(tmp_path / "metrics").read()
    assert list(found) == [str(os.getpid())]
    assert exposed(*found.values()) == exposed(measurements.snapshot())
    exchange.leave()
    assert exchange.read() == {}


def test_the_dead_are_forgotten(tmp_path):
    gone = subprocess.Popen(["true"])
    gone.wait()
    (tmp_path / f"{gone.pid}.json").write_text("{}")
    (tmp_path / f"{os.getpid()}.json").write_text("{half")
    assert Exchange(tmp_path).read() == {}
    assert not (tmp_path / f"{gone.pid}.json").exists()
