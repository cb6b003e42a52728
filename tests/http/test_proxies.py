"""Who is believed of where a request comes from, and what clients make up."""

import json

import pytest
from fixtures.fix_http import front_over

from archive_server.http.insiders import Insiders
from archive_server.http.proxies import Proxies
from archive_server.http.requests import Route
from archive_server.model.forwarding import ProxyHeader

PROXY = "10.0.0.1"
TRUSTED = ("10.0.0.0/8", "::1", "2001:db8:1::/48")
CLIENT = "192.0.2.7"
MADE_UP = "198.51.100.9"
X, F = ProxyHeader.X_FORWARDED, ProxyHeader.FORWARDED


def client(value, peer=PROXY, header=X):
    return Proxies(TRUSTED, header).client(peer, {header.value.encode(): value.encode("latin-1")})


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (CLIENT, CLIENT),
        (f"{MADE_UP}, {CLIENT}", CLIENT),
        (f"{MADE_UP},{MADE_UP} , {CLIENT}", CLIENT),
        (f"{CLIENT}, 10.9.9.9", CLIENT),  # through two proxies
        (f"{MADE_UP}, {CLIENT}, 10.9.9.9, 10.9.9.8", CLIENT),
        ("10.9.9.9", "10.9.9.9"),  # a proxy, or somebody beside it, calls for itself
        (f"{MADE_UP}, unknown", PROXY),
        (f"{MADE_UP}, ", PROXY),
        ("", PROXY),
        (f"{MADE_UP}, {CLIENT}:4711", CLIENT),
        (f"{MADE_UP}, [2001:db8::7]:4711", "2001:db8::7"),
        (f"{MADE_UP}, 2001:DB8::7", "2001:db8::7"),
        (f"{MADE_UP}, ::ffff:{CLIENT}", CLIENT),
        (f"{CLIENT}, 2001:db8:1::5", CLIENT),
        (f"{MADE_UP}, {CLIENT}, 10.9.9.9, \xff", PROXY),
        ("," * 9000, PROXY),
    ],
)
def test_the_rightmost_address_that_is_no_proxy_counts(value, found):
    assert client(value) == found


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (f"for={CLIENT}", CLIENT),
        (f'for={MADE_UP}, for="{CLIENT}:4711";proto=https;by=10.0.0.1', CLIENT),
        (f'for={MADE_UP}, For="[2001:db8::7]:4711"', "2001:db8::7"),
        (f"for={CLIENT}, for=10.9.9.9", CLIENT),
        (f"for={MADE_UP}, for=_hidden", PROXY),
        (f"for={MADE_UP}, for=unknown", PROXY),
        (f"for={MADE_UP}, proto=https", PROXY),
        (f'for="{MADE_UP}, for={CLIENT}', CLIENT),  # a quote that is never closed swallows nothing
    ],
)
def test_so_it_does_in_the_header_of_rfc_7239(value, found):
    assert client(value, header=F) == found


@pytest.mark.parametrize("peer", [CLIENT, "127.0.0.1", "2001:db8:2::1", "", "no address"])
@pytest.mark.parametrize("header", [X, F])
def test_who_is_not_trusted_is_not_believed(peer, header):
    proxies = Proxies(TRUSTED, header)
    headers = {
        b"x-forwarded-for": MADE_UP.encode(),
        b"x-forwarded-proto": b"https",
        b"forwarded": f"for={MADE_UP};proto=https".encode(),
    }
    assert proxies.client(peer, headers) == peer
    assert not proxies.is_secure(peer, headers)
    assert not proxies.tells(peer, headers)


def test_the_header_that_proxies_do_not_write_is_not_believed():
    headers = {b"forwarded": f"for={MADE_UP};proto=https".encode()}
    proxies = Proxies(TRUSTED, X)
    assert proxies.client(PROXY, headers) == PROXY
    assert not proxies.is_secure(PROXY, headers)
    headers = {b"x-forwarded-for": MADE_UP.encode(), b"x-forwarded-proto": b"https"}
    proxies = Proxies(TRUSTED, F)
    assert proxies.client(PROXY, headers) == PROXY
    assert not proxies.is_secure(PROXY, headers)


@pytest.mark.parametrize(
    ("value", "secure"),
    [("https", True), ("http", False), ("https, http", False), ("http, HTTPS ", True), ("", False)],
)
def test_the_last_proxy_tells_whether_it_was_called_by_https(value, secure):
    assert Proxies(TRUSTED, X).is_secure(PROXY, {b"x-forwarded-proto": value.encode()}) is secure
    forwarded = ", ".join(f"for=_a;proto={each.strip()}" for each in value.split(","))
    assert Proxies(TRUSTED, F).is_secure(PROXY, {b"forwarded": forwarded.encode()}) is secure


def test_peers_are_trusted_in_all_their_spellings():
    for peer in ("10.2.3.4", "::ffff:10.2.3.4", "::1", "::1%lo"):
        assert Proxies(TRUSTED, X).trusts(peer)


def tell(request, /):
    """Tells a client what is known of it."""
    inside = Insiders.of(["127.0.0.0/8"]).include(request)
    known = {"address": request.address, "secure": request.is_secure, "inside": inside}
    request.send(200, json.dumps(known).encode(), "application/json")


@pytest.fixture
def ask(services):
    """Asks a site that trusts the proxies what it knows of who asks."""
    front = front_over(services, Route("/who", ("GET",), tell))
    front.site.proxies = Proxies(TRUSTED, X)
    return lambda peer, **headers: json.loads(
        front.connect(peer)
        .ask("GET", "/who", {name.replace("_", "-"): text for name, text in headers.items()})
        .body
    )


def test_requests_tell_the_real_address(ask):
    told = {"x_forwarded_for": f"{MADE_UP}, {CLIENT}", "x_forwarded_proto": "https"}
    assert ask(PROXY, **told) == {"address": CLIENT, "secure": True, "inside": False}
    assert ask(CLIENT, **told) == {"address": CLIENT, "secure": False, "inside": False}
    assert ask(PROXY)["address"] == PROXY


@pytest.mark.parametrize(
    ("peer", "headers", "inside"),
    [
        ("127.0.0.1", {}, True),
        ("127.0.0.1", {"x_forwarded_for": "127.0.0.1"}, False),  # it is not trusted
        (PROXY, {"x_forwarded_for": "127.0.0.1"}, True),
        (PROXY, {"x_forwarded_for": f"127.0.0.1, {CLIENT}"}, False),
        (PROXY, {"forwarded": "for=127.0.0.1"}, False),
        (PROXY, {"x_real_ip": "127.0.0.1"}, False),
        (PROXY, {"x_forwarded_for": CLIENT, "x_real_ip": "127.0.0.1"}, False),
    ],
)
def test_who_is_an_insider(ask, peer, headers, inside):
    assert ask(peer, **headers)["inside"] is inside


@pytest.mark.parametrize("hidden", ["unknown", "_hidden", "", "127.0.0.1, unknown"])
def test_whom_a_proxy_hides_is_no_insider_even_if_the_proxy_is(services, hidden):
    front = front_over(services, Route("/who", ("GET",), tell))
    front.site.proxies = Proxies(["127.0.0.1"], X)
    answer = front.ask("GET", "/who", {"x-forwarded-for": hidden})
    known = json.loads(answer.body)
    assert (known["address"], known["inside"]) == ("127.0.0.1", False)
