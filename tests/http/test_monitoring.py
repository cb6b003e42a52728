"""`/health` and `/metrics`, as monitoring asks for them."""

import json

import pytest
from fixtures.fix_http import front_over
from prometheus_client.parser import text_string_to_metric_families
from support import immediately
from twisted.internet.task import Clock

from archive_server.http.exchange import Exchange
from archive_server.http.health import HealthBoard
from archive_server.http.insiders import Insiders
from archive_server.http.measurements import Measurements
from archive_server.http.monitoring import Monitoring
from archive_server.http.site import monitoring_routes
from archive_server.services.gauges import GaugeService
from archive_server.services.health import HealthService

ALLOWED = ("127.0.0.0/8", "::1", "192.0.2.0/24")


@pytest.fixture
def measurements():
    return Measurements()


@pytest.fixture
def front(services, prober, tmp_path, measurements):
    """The site, with what monitoring asks for."""
    gauges = GaugeService(services.database, services.store, immediately, services.clock)
    health = HealthService(
        services.database, services.store, immediately, prober, gauges, services.clock, 0
    )
    monitoring = Monitoring(
        HealthBoard(health.checks(), Clock()),
        gauges,
        measurements,
        Exchange(tmp_path / "metrics"),
        immediately,
        Insiders.of(ALLOWED),
        services.clock,
        "1.2.3",
    )
    return front_over(services, *monitoring_routes(monitoring), measurements=measurements)


def samples(answer):
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.body.decode())
        for sample in family.samples
    }


def test_health_is_a_document_of_its_own_type(front):
    answer = front.ask("GET", "/health")
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/health+json"
    assert answer.headers["cache-control"] == "no-store"
    told = json.loads(answer.body)
    assert (told["status"], told["releaseId"]) == ("pass", "1.2.3")
    assert {name.partition(":")[0] for name in told["checks"]} == {
        "database", "postgres", "store", "space", "probe", "jobs", "janitor", "sidecars",
        "integrity", "verifier", "brake", "backup",
    }  # fmt: skip


def test_a_part_that_fails_is_a_503_with_the_reason(front, services):
    services.store.root.rename(services.store.root.with_name("elsewhere"))
    answer = front.ask("GET", "/health")
    assert answer.status == 503
    told = json.loads(answer.body)
    assert told["status"] == "fail"
    assert "store: the archive's store is away" in " ".join(told["notes"])


@pytest.mark.parametrize(
    ("address", "is_let_in"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("192.0.2.99", True),
        ("198.51.100.1", False),
        ("fe80::1%eth0", False),
        ("2001:db8::1", False),
    ],
)
def test_only_insiders_see_more_than_how_it_is(front, address, is_let_in):
    details = json.loads(front.connect(address).ask("GET", "/health").body)
    assert ("checks" in details) == is_let_in
    assert front.connect(address).ask("GET", "/metrics").status == (200 if is_let_in else 403)


@pytest.mark.parametrize("name", ["X-Forwarded-For", "Forwarded", "X-Real-IP"])
def test_who_comes_through_a_proxy_is_no_insider(front, name):
    headers = {name: "127.0.0.1"}
    assert front.ask("GET", "/metrics", headers).status == 403
    assert json.loads(front.ask("GET", "/health", headers).body) == {"status": "pass"}


def test_requests_are_counted_as_they_are_answered(front):
    wire = front.connect()
    for _ in range(3):
        assert wire.ask("GET", "/livez").status == 200
    assert wire.ask("GET", "/nothing/at/all").status == 404
    found = samples(wire.ask("GET", "/metrics"))
    counts = {
        dict(labels)["route"]: value
        for (name, *labels), value in found.items()
        if name == "archive_http_requests_total"
    }
    assert counts == {"/livez": 3, "(no such path)": 1}


def test_what_clients_make_up_is_no_label(front):
    front.ask("BREW", "/secret/path?token=abc")
    text = front.ask("GET", "/metrics").body.decode()
    assert "BREW" not in text
    assert "secret" not in text


def test_the_numbers_of_the_archive_are_there(front, services, wav):
    services.store_clip(wav)
    found = samples(front.ask("GET", "/metrics"))
    assert found["archive_clips", ("state", "ready"), ("type", "audioclip")] == 1
    assert found["archive_content_bytes",] == len(wav)
    assert found["archive_storage_free_bytes",] > 0
    assert found["archive_health", ("part", "store"), ("status", "pass")] == 1
    assert found["archive_build_info", ("version", "1.2.3")] == 1


def test_heads_have_no_body(front):
    answer = front.ask("HEAD", "/health")
    assert (answer.status, answer.body) == (200, b"")
