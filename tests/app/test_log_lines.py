"""What lines of the log look like."""

import io
import json
import time

import pytest
from twisted.logger import Logger, LogLevel
from twisted.python.failure import Failure

from archive_server.app.log_lines import observer
from archive_server.config import LogFormat
from archive_server.http.access_log import Access


@pytest.fixture
def logged():
    """Log an event; return the line."""

    def line(form, template="", level=LogLevel.info, failure=None, **fields):
        stream = io.StringIO()
        log = Logger("archive_server.http.site", observer=observer(stream, form))
        if failure is not None:
            log.failure(template, failure, **fields)
        else:
            log.emit(level, template, **fields)
        assert stream.getvalue().endswith("\n")
        return stream.getvalue()[:-1]

    return line


def crash():
    try:
        raise RuntimeError('a "bug"')
    except RuntimeError:
        return Failure()


def test_an_event_is_a_line_of_keys_and_values(logged):
    line = logged(
        LogFormat.KEY_VALUE, "stored {gunid} in {elapsed_ms} ms", gunid="7c", elapsed_ms=5
    )
    time, rest = line.split(" ", 1)
    assert time.startswith("time=20")
    assert time.endswith("Z")
    assert rest == (
        'level=info module=archive_server.http.site message="stored 7c in 5 ms"'
        " gunid=7c elapsed_ms=5"
    )


def test_a_request_speaks_for_itself(logged):
    line = logged(
        LogFormat.KEY_VALUE,
        "{method} {status}{outcome} {user}",
        speaks_for_itself=True,
        method="GET",
        status=200,
        outcome=" fault 805",
        user="-",
        remark="",
    )
    assert (
        line.partition(" level=")[2]
        == 'info module=archive_server.http.site method=GET status=200 outcome="fault 805"'
    )


@pytest.mark.parametrize(
    "evil", ["a b", "a=b", 'a"b', "a\nlevel=critical", "a\\b", "ä\x1b[31m", "\x85"]
)
def test_no_value_can_look_like_another_one(logged, evil):
    line = logged(LogFormat.KEY_VALUE, "{name}", speaks_for_itself=True, name=evil, last=1)
    _, _, shown = line.partition(" name=")
    assert "\n" not in line
    assert "\x1b" not in line
    assert shown.endswith(" last=1")
    assert json.loads(shown.removesuffix(" last=1")) == evil


@pytest.mark.parametrize("form", LogFormat)
@pytest.mark.parametrize("evil", ["\x1b", "\x9b", "\r", "\u2028", "\udce9", "\x00"])
def test_what_a_terminal_obeys_and_what_cannot_be_encoded_is_escaped(logged, form, evil):
    line = logged(form, "cannot read {name}", name=f"a{evil}z")
    assert evil not in line
    assert f"a\\u{ord(evil):04x}z" in line or (evil == "\r" and "a\\rz" in line)
    assert line.encode()


def test_an_event_is_an_object_of_json(logged):
    event = json.loads(logged(LogFormat.JSON, "{x} is odd", level=LogLevel.warn, x=[1], n=2.5))
    assert event.pop("time")
    assert event == {
        "level": "warn",
        "module": "archive_server.http.site",
        "message": "[1] is odd",
        "x": "[1]",
        "n": 2.5,
    }


@pytest.mark.parametrize("form", [LogFormat.JSON, LogFormat.KEY_VALUE])
def test_a_traceback_stays_in_its_line(logged, form):
    line = logged(form, "ending fails", failure=crash())
    assert "\n" not in line
    if form is LogFormat.JSON:
        event = json.loads(line)
        assert event["level"] == "critical"
        assert event["traceback"].startswith("Traceback")
        assert event["traceback"].endswith('builtins.RuntimeError: a "bug"')
    else:
        assert 'message="ending fails"' in line
        assert 'traceback="Traceback' in line


def test_people_may_have_sentences(logged):
    line = logged(LogFormat.TEXT, "it is {x}", x=5)
    assert line.endswith("[archive_server.http.site#info] it is 5")


@pytest.mark.parametrize("form", [LogFormat.JSON, LogFormat.KEY_VALUE])
@pytest.mark.parametrize("user", ["-", "root", 'a "b"\n', "\u2028"])
@pytest.mark.parametrize(("outcome", "remark"), [("", ""), (" fault 805", ", client left")])
def test_requests_told_of_together_are_the_lines_they_would_be_alone(form, user, outcome, remark):
    access = Access(
        time.time(),
        "POST",
        "/xmlrpc",
        "locstor.x",
        user,
        "-",
        200,
        outcome,
        "127.0.0.1",
        512,
        3,
        remark,
    )
    alone, together = io.StringIO(), io.StringIO()
    observer(alone, form)(access.event())
    observer(together, form)({"accesses": [access, access]})
    assert together.getvalue() == alone.getvalue() * 2


def test_people_get_a_sentence_for_each_request():
    stream = io.StringIO()
    access = Access(0.0, "GET", "/livez", "-", "-", "-", 200, "", "::1", 3, 0, "")
    observer(stream, LogFormat.TEXT)({"accesses": [access, access]})
    sentence = "GET /livez - - - 200, 3 bytes in 0 ms for ::1"
    assert [line.endswith(sentence) for line in stream.getvalue().splitlines()] == [True, True]
