"""The URLs that clients are given."""

import pytest
from fixtures.fix_http import WebFront, front_over
from fixtures.fix_services import Services

from archive_server.http import urls
from archive_server.http.proxies import Proxies
from archive_server.http.requests import ArchiveRequest, Route
from archive_server.model.forwarding import ProxyHeader


@pytest.fixture
def asked(services: Services) -> WebFront:
    """A site that tells its base URL."""

    def answer(request: ArchiveRequest, /) -> object:
        public_url = request.argument("public") or ""
        return request.send(200, urls.base_url(request, public_url).encode())

    return front_over(services, Route("/base", ("GET",), answer))


@pytest.mark.parametrize(
    ("host", "base"),
    [
        ("archive.test", "http://archive.test:8000"),
        ("archive.test:80", "http://archive.test:80"),
        ("192.0.2.1:5000", "http://192.0.2.1:5000"),
        ("[::1]:5000", "http://[::1]:5000"),
        ("[::1]", "http://[::1]:8000"),
        ("evil/path", "http://127.0.0.1:8000"),
        ('"><script>', "http://127.0.0.1:8000"),
        ("", "http://127.0.0.1:8000"),
    ],
)
def test_a_client_is_sent_to_where_it_called(asked: WebFront, host: str, base: str) -> None:
    assert asked.ask("GET", "/base", {"host": host}).body.decode() == base


@pytest.mark.parametrize(
    ("headers", "base"),
    [
        ({"x-forwarded-proto": "https"}, "https://archive.test:443"),
        ({"x-forwarded-proto": "http"}, "http://archive.test:80"),
        ({"x-forwarded-proto": "https", "host": "[::1]:8443"}, "https://[::1]:8443"),
    ],
)
def test_who_comes_through_a_proxy_is_sent_to_its_port(
    asked: WebFront, headers: dict[str, str], base: str
) -> None:
    asked.site.proxies = Proxies(["127.0.0.1"], ProxyHeader.X_FORWARDED)
    headers = headers | {"x-forwarded-for": "192.0.2.7"}
    assert asked.ask("GET", "/base", headers).body.decode() == base
    assert asked.ask("GET", "/base").body.decode() == "http://archive.test:8000"


@pytest.mark.parametrize(
    ("public_url", "base"),
    [
        ("http://archive.example", "http://archive.example:80"),
        ("https://archive.example/", "https://archive.example:443"),
        ("https://archive.example:8443/radio/", "https://archive.example:8443/radio"),
        ("http://[::1]/radio", "http://[::1]:80/radio"),
    ],
)
def test_a_configured_url_goes_first(asked: WebFront, public_url: str, base: str) -> None:
    assert asked.ask("GET", f"/base?public={public_url}").body.decode() == base


def test_urls_have_the_shapes_of_the_routes() -> None:
    token = "0123456789abcdef" * 2
    upload = urls.upload_url("http://a:1", token)
    assert upload == f"http://a:1/upload/{token}"
    access = urls.access_url("http://a:1", token, "ogg")
    match = urls.path_pattern(urls.ACCESS).fullmatch(access.removeprefix("http://a:1"))
    assert match is not None
    assert match.groupdict() == {"token": token, "extension": "ogg"}
