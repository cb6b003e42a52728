"""`/session`: how a browser logs in, what its cookie is like, and whose pages may use it."""

import json
import re

import pytest
from fixtures.fix_http import front_over
from fixtures.fix_services import PASSWORD
from support import result_of

from archive_server.http.origins import Origins
from archive_server.http.proxies import Proxies
from archive_server.http.sessions import BrowserSessions
from archive_server.http.site import session_routes
from archive_server.model.forwarding import ProxyHeader
from archive_server.model.rights import Scope
from archive_server.model.users import Role

FORM = {"content-type": "application/x-www-form-urlencoded"}
LOGIN = f"login=maintainer&pass={PASSWORD.replace(' ', '+')}".encode()
ME = "maintainer"
FRIEND = "https://radio.example"
STRANGER = "https://evil.example"


def site(services, *allowed):
    services.session_id(Role.MAINTAINER)
    origins = Origins(allowed)
    routes = session_routes(BrowserSessions(services.sessions, origins))
    front = front_over(services, *routes)
    front.site.admit = origins.admit
    return front


@pytest.fixture
def front(services):
    return site(services)


def log_in(front, headers=(), body=LOGIN):
    return front.ask("POST", "/session", FORM | dict(headers), body)


def session_of(answer):
    return re.match(r"sessid=([0-9a-f]{32});", answer.headers["set-cookie"])[1]


def test_a_form_logs_in_and_the_cookie_is_a_session(front):
    answer = log_in(front)
    assert answer.status == 200
    assert json.loads(answer.body) == {
        "login": "maintainer",
        "role": "maintainer",
        "scope": "admin",
    }
    session = session_of(answer)
    whole = f"sessid={session}; Path=/; Max-Age=7776000; HttpOnly; SameSite=Lax"
    assert answer.headers["set-cookie"] == whole
    assert answer.headers["cache-control"] == "no-store"
    assert session not in answer.body.decode()
    told = front.ask("GET", "/session", {"cookie": f"a=b; sessid={session}"})
    assert (told.status, json.loads(told.body)["login"]) == (200, "maintainer")


def test_json_does_too(front):
    body = json.dumps({"login": "maintainer", "pass": PASSWORD}).encode()
    assert log_in(front, {"content-type": "application/json; charset=utf-8"}, body).status == 200


def test_the_cookie_is_secure_where_it_came_securely(front):
    front.site.proxies = Proxies(["127.0.0.1"], ProxyHeader.X_FORWARDED)
    assert log_in(front, {"x-forwarded-proto": "https"}).headers["set-cookie"].endswith("; Secure")
    assert not log_in(front, {"x-forwarded-proto": "http"}).headers["set-cookie"].endswith("Secure")


def test_logging_out_ends_the_session_and_the_cookie(front, services):
    cookie = {"cookie": f"sessid={session_of(log_in(front))}"}
    answer = front.ask("DELETE", "/session", cookie)
    assert answer.status == 204
    assert answer.headers["set-cookie"].startswith("sessid=; Path=/; Max-Age=0; HttpOnly")
    for verb in ("GET", "DELETE"):
        assert front.ask(verb, "/session", cookie).status == 401


def test_a_token_tells_for_whom_it_acts(front, services):
    made = services.administration.tokens
    token = result_of(made.add(None, "maintainer", "x", Scope.READ, 0))
    told = front.ask("GET", "/session", {"authorization": f"Bearer {token}"})
    assert json.loads(told.body)["scope"] == "read"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"login=maintainer&pass=wrong", 401),
        (b"login=nobody&pass=x", 401),
        (b"login=maintainer", 400),
        (b"", 400),
        (b"\xff\xfe=1", 400),
        (b"[" * 10_000, 400),
        (b"login=maintainer&pass=" + b"x" * 20_000, 413),
    ],
)
@pytest.mark.parametrize("kind", ["application/json", FORM["content-type"]])
def test_what_is_no_login_is_refused_without_a_cookie(front, body, status, kind):
    answer = log_in(front, {"content-type": kind}, body)
    assert answer.status == (400 if kind == "application/json" and status == 401 else status)
    assert answer.headers["set-cookie"] is None
    assert b"Traceback" not in answer.body


@pytest.mark.parametrize("place", ["login", "pass"])
def test_half_a_surrogate_pair_is_no_text(front, place):
    """JSON can hold one, and nothing that it would be given to."""
    fields = {"login": "maintainer", "pass": PASSWORD, place: "\ud800"}
    answer = log_in(front, {"content-type": "application/json"}, json.dumps(fields).encode())
    assert answer.status == 400
    assert f"{place}: text expected" in json.loads(answer.body)["detail"]


def test_guesses_are_slowed_down(front):
    statuses = [log_in(front, body=b"login=nobody&pass=x").status for _ in range(6)]
    assert statuses == [401] * 4 + [429] * 2


# -- pages of others ----------------------------------------------------------------------------

OTHERS = [
    {"origin": STRANGER},
    {"origin": STRANGER, "sec-fetch-site": "cross-site"},
    {"origin": "http://sub.archive.test", "sec-fetch-site": "same-site"},
    {"sec-fetch-site": "cross-site"},
    {"origin": "null"},
    {"origin": "https://archive.test"},  # it was called by http
    {"origin": "http://archive.test:81"},
    {"origin": "http://archive.test.evil.example"},
]
OURS = [
    {},
    {"origin": "http://archive.test"},
    {"origin": "http://archive.test", "sec-fetch-site": "same-origin"},
    {"sec-fetch-site": "none"},
]


@pytest.mark.parametrize("headers", OTHERS)
def test_pages_of_others_can_neither_log_in_nor_out(front, headers):
    cookie = {"cookie": f"sessid={session_of(log_in(front))}"}
    refused = log_in(front, headers)
    assert (refused.status, refused.headers["set-cookie"]) == (403, None)
    assert front.ask("DELETE", "/session", headers | cookie).status == 403
    assert front.ask("GET", "/session", cookie).status == 200
    assert "access-control-allow-origin" not in refused.headers


@pytest.mark.parametrize("headers", OURS)
def test_our_own_pages_can(front, headers):
    cookie = {"cookie": f"sessid={session_of(log_in(front, headers))}"}
    assert front.ask("DELETE", "/session", headers | cookie).status == 204


class TestCrossOrigin:
    """Where the pages of a friend may use the archive."""

    @pytest.fixture
    def front(self, services):
        return site(services, FRIEND)

    def test_a_friend_may(self, front):
        cross = {"origin": FRIEND, "sec-fetch-site": "cross-site"}
        answer = log_in(front, cross)
        assert answer.status == 200
        assert answer.headers["access-control-allow-origin"] == FRIEND
        assert answer.headers["access-control-allow-credentials"] == "true"
        assert answer.headers["vary"] == "Origin"

    @pytest.mark.parametrize(
        "origin", [STRANGER, "null", "https://radio.example.evil.example", "*"]
    )
    def test_a_stranger_still_may_not(self, front, origin):
        answer = front.ask("GET", "/livez", {"origin": origin})
        assert answer.status == 200
        assert "access-control-allow-origin" not in answer.headers
        assert answer.headers["vary"] == "Origin"
        assert log_in(front, {"origin": origin}).status == 403

    def test_what_a_browser_asks_first_is_answered(self, front):
        asked = {
            "origin": FRIEND,
            "access-control-request-method": "PATCH",
            "access-control-request-headers": "upload-offset",
        }
        answer = front.ask("OPTIONS", "/upload/" + "0" * 32, asked)
        assert answer.status == 204
        assert "PATCH" in answer.headers["access-control-allow-methods"]
        assert "upload-offset" in answer.headers["access-control-allow-headers"]
        assert "authorization" in answer.headers["access-control-allow-headers"]
        assert answer.headers["access-control-max-age"] == "600"
        stranger = front.ask("OPTIONS", "/session", asked | {"origin": STRANGER})
        assert stranger.status == 405
        assert "access-control-allow-methods" not in stranger.headers

    def test_a_friend_is_shown_errors_and_what_a_player_needs(self, front):
        answer = front.ask("GET", "/clips/00000000000000aa/audio.wav", {"origin": FRIEND})
        assert answer.status == 401
        assert answer.headers["access-control-allow-origin"] == FRIEND
        assert "content-range" in answer.headers["access-control-expose-headers"]

    def test_what_was_kept_for_others_is_not_shown_to_a_friend(self, front):
        assert front.ask("GET", "/livez").headers["vary"] == "Origin"

    def test_tus_is_asked_as_before(self, front):
        answer = front.ask("OPTIONS", "/upload/" + "0" * 32, {"origin": FRIEND})
        assert (answer.status, answer.headers["tus-version"]) == (204, "1.0.0")


def test_without_configuration_nothing_is_said_of_origins(services):
    front = site(services)
    answer = front.ask("GET", "/livez", {"origin": FRIEND})
    assert not {name for name in answer.headers if name.lower() == "vary"}


# -- behind a proxy -----------------------------------------------------------------------------


def test_guesses_count_for_who_makes_them_and_not_for_the_proxy(front):
    front.site.proxies = Proxies(["127.0.0.1"], ProxyHeader.X_FORWARDED)

    def guess(made_up, guesser):
        told = {"x-forwarded-for": f"{made_up}, {guesser}"}
        return log_in(front, told, b"login=nobody&pass=x").status

    # However many addresses somebody makes up.
    assert [guess(f"198.51.100.{n}", "192.0.2.7") for n in range(6)] == [401] * 4 + [429] * 2
    assert log_in(front, {"x-forwarded-for": "192.0.2.8"}).status == 200


def test_who_is_not_behind_the_proxy_cannot_pretend_to_be_somebody_else(services):
    front = site(services)
    front.site.proxies = Proxies(["10.0.0.1"], ProxyHeader.X_FORWARDED)

    def guess(number):
        told = FORM | {"x-forwarded-for": f"198.51.100.{number}"}
        wire = front.connect("192.0.2.7")
        return wire.ask("POST", "/session", told, b"login=nobody&pass=x").status

    assert [guess(n) for n in range(6)] == [401] * 4 + [429] * 2
