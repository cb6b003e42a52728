"""A server that is told of its proxy and of friends by configuration."""

import json

from fixtures.clients import PASSWORD, ask

CONFIG = """
[server]
trusted_proxies = ["127.0.0.1"]
allowed_origins = ["https://radio.example"]
"""


def test_the_real_address_is_audited_and_friends_may_ask(new_archive):
    server = new_archive(CONFIG).start()
    headers = {
        "content-type": "application/json",
        "x-forwarded-for": "198.51.100.9, 192.0.2.7",
        "x-forwarded-proto": "https",
        "forwarded": "for=198.51.100.1;proto=http",
        "origin": "https://radio.example",
    }
    login = json.dumps({"login": "root", "pass": PASSWORD}).encode()
    answer = ask("POST", f"{server.url}/session", login, headers)
    assert answer.status == 200
    assert answer.headers["set-cookie"].endswith("; HttpOnly; SameSite=Lax; Secure")
    assert answer.headers["access-control-allow-origin"] == "https://radio.example"
    cookie = {"cookie": answer.headers["set-cookie"].partition(";")[0]}
    stranger = cookie | {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}
    assert ask("DELETE", f"{server.url}/session", headers=stranger).status == 403
    assert ask("GET", f"{server.url}/session", headers=cookie).status == 200
    last = json.loads(server.command("journal", "--audit", "--json").stdout.splitlines()[-1])
    assert (last["event"], last["address"]) == ("logged-in", "192.0.2.7")
    assert server.stop() == 0
    assert "192.0.2.7" in server.errors.read_text()
    assert "198.51.100" not in server.errors.read_text()
