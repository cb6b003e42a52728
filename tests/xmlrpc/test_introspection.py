from pathlib import Path

import pytest

from archive_server.xmlrpc.methods import METHODS
from archive_server.xmlrpc.page import page

NAMES = sorted(method.name for method in METHODS)


def test_the_page_about_the_protocol_is_up_to_date():
    written = Path(__file__, "../../../docs/protocol.md").resolve().read_text(encoding="utf-8")
    assert written == page(METHODS), "run `python -m archive_server.xmlrpc.page > docs/protocol.md`"


def test_every_method_is_listed_whether_or_not_a_string_is_sent(client):
    assert client.call("system.listMethods") == NAMES
    assert client.call("system.listMethods", "") == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_method_is_described(client, name):
    text = client.call("system.methodHelp", name)
    assert "Gives:" in text
    assert text in page(METHODS)


@pytest.mark.parametrize("name", NAMES)
def test_every_method_has_a_signature(client, name):
    signatures = client.call("system.methodSignature", name)
    if name.startswith("locstor."):
        assert signatures == [["struct", "struct"]]
    else:
        assert all(isinstance(kind, str) for signature in signatures for kind in signature)


def test_an_optional_parameter_makes_two_signatures(client):
    signatures = client.call("system.methodSignature", "system.listMethods")
    assert signatures == [["array"], ["array", "string"]]


@pytest.mark.parametrize("method", ["system.methodHelp", "system.methodSignature"])
def test_an_unknown_method_is_not_described(client, method):
    assert client.fault(method, "locstor.nothing")[0] == 4


@pytest.mark.parametrize("parameters", [(), (1,), ("a", "b")])
def test_plain_parameters_are_checked(client, parameters):
    assert client.fault("system.methodHelp", *parameters)[0] == 3


def test_extensions_are_named(client):
    assert "system.multicall" in client.call("system.getCapabilities")


def test_many_calls_have_an_answer_each(client):
    answers = client.call(
        "system.multicall",
        [
            {"methodName": "locstor.getVersion", "params": [{}]},
            {"methodName": "locstor.nothing", "params": []},
            {"methodName": "locstor.getVersion", "params": []},
            {"methodName": "system.multicall", "params": [[]]},
            {"methodName": "locstor.logout", "params": [{"sessid": "?"}]},
            {"methodName": "system.listMethods"},
            {"methodName": 5},
            "nonsense",
        ],
    )
    assert answers[0] == [{"version": "1.2.3"}]
    assert answers[5] == [NAMES]
    codes = [answer["faultCode"] for answer in answers if isinstance(answer, dict)]
    assert codes == [1, 3, 3, 803, 3, 3]


def test_too_many_calls_are_none(client):
    calls = [{"methodName": "a", "params": []}] * 1001
    assert client.fault("system.multicall", calls)[0] in (3, 805)
