"""Monitoring a real server: with one process, with several, and the lines of its log."""

import json
import re
import time

import pytest
from fixtures.clients import Client, ask
from prometheus_client.parser import text_string_to_metric_families


def samples(server, name):
    """The values of a metric, by its labels."""
    answer = ask("GET", f"{server.url}/metrics")
    assert answer.status == 200
    return {
        tuple(sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.body.decode())
        for sample in family.samples
        if sample.name == name
    }


def test_one_process_says_how_it_is_and_what_it_has_done(new_archive):
    server = new_archive().start()
    health = ask("GET", f"{server.url}/health")
    assert health.status == 200, health.body
    assert json.loads(health.body)["status"] == "pass"
    with Client(server.url) as client:
        client.call("test", teststring="x")
    (count,) = samples(server, "archive_xmlrpc_call_duration_seconds_count").items() & {
        (tuple(sorted({"worker": str(server.pid), "call": "locstor.test"}.items())), 1.0)
    }
    assert count
    assert samples(server, "archive_worker_database_connections")[("worker", str(server.pid)),] >= 1
    assert samples(server, "archive_worker_cpu_seconds_total")[("worker", str(server.pid)),] > 0
    assert server.stop() == 0
    assert list((server.data_dir / "metrics").iterdir()) == []


def test_the_numbers_of_all_processes_are_told_by_each(new_archive):
    server = new_archive("[server]\nworkers = 2\n").start()
    for _ in range(40):
        assert ask("GET", f"{server.url}/livez").status == 200

    def counted():
        found = samples(server, "archive_http_requests_total")
        live = {labels: n for labels, n in found.items() if ("route", "/livez") in labels}
        return len({dict(labels)["worker"] for labels in found}), sum(live.values())

    deadline = time.monotonic() + 20
    while (found := counted()) != (2, 40):
        assert time.monotonic() < deadline, found
        time.sleep(0.2)


@pytest.mark.parametrize("form", ["key=value", "json"])
def test_each_request_is_a_line_with_all_that_matters(new_archive, form):
    server = new_archive(f'[log]\nformat = "{form}"\n').start()
    with Client(server.url) as client:
        gunid = client.call("createPlaylist", plid="", fname="x")["plid"]
        client.fault("deleteAudioClip", gunid=gunid, forced=True)
    assert server.stop() == 0
    lines = server.errors.read_text().splitlines()
    if form == "json":
        events = [json.loads(line) for line in lines]
    else:
        pair = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|\S+)')
        events = [dict(pair.findall(line)) for line in lines]
    by_call = {event["call"]: event for event in events if "call" in event}
    made, refused = by_call["locstor.createPlaylist"], by_call["locstor.deleteAudioClip"]
    assert (made["user"], made["gunid"], made["route"]) == ("root", gunid, "/xmlrpc")
    assert str(made["status"]) == "200"
    assert int(made["size"]) > 0
    assert int(made["elapsed_ms"]) >= 0
    assert "fault 805" in refused["outcome"]
    assert client.session_id not in "".join(lines)
