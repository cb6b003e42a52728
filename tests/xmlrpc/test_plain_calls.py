"""Plain calls are read as the parser reads them, or left to it."""

import xmlrpc.client

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from archive_server.xmlrpc.decoder import MethodCall, decode_call, decode_with_parser
from archive_server.xmlrpc.plain_calls import read_plain
from archive_server.xmlrpc.values import Fault

ascii_text = st.text(st.characters(min_codepoint=9, max_codepoint=126), max_size=20)
any_text = st.text(max_size=20)  # also what XML cannot hold
scalars = ascii_text | any_text | st.booleans() | st.integers(-(2**31), 2**31 - 1)


def outcome(read, body):
    try:
        return read(body)
    except Fault as fault:
        return fault.code, fault.text


@given(st.dictionaries(ascii_text, scalars, max_size=5), st.sampled_from(["a.b", "locstor.x_1"]))
def test_what_xmlrpclib_sends_is_read_as_by_the_parser(struct, method):
    body = xmlrpc.client.dumps((struct,), method).encode(errors="surrogatepass")
    assert outcome(decode_call, body) == outcome(decode_with_parser, body)


def _within(deeper: int) -> st.SearchStrategy:
    if not deeper:
        return scalars
    inner = _within(deeper - 1)
    structs = st.dictionaries(ascii_text, inner, max_size=3)
    return scalars | structs | st.lists(inner, max_size=3)


@given(st.dictionaries(ascii_text, _within(4), max_size=3))
def test_structs_and_arrays_in_it_are_read_as_by_the_parser(struct):
    body = xmlrpc.client.dumps((struct,), "locstor.x").encode(errors="surrogatepass")
    assert outcome(decode_call, body) == outcome(decode_with_parser, body)


MARKUP = """
    <?xml version="1.0"?> <methodCall> </methodCall> <methodName>a.b</methodName> <methodName>
    <params> </params> <param> </param> <value> </value> <struct> </struct> <member> </member>
    <name>n</name> <name/> <string>x</string> <string> </string> <int>5</int> <int>+5</int>
    <i4>-0</i4> <boolean>1</boolean> <boolean>2</boolean> <array> &amp; & > ]]> <!--x-->
    <![CDATA[x]]> ü text <value>x</value> <Value> <?x?> <int></string> <value><int>5</i4></value>
    <member><name>n</name><value>x</value></member>
    <member><name>n</name><value><int>5</string></value></member>
    <array><data> </data></array> </data> </array> <struct></struct> </struct>
    <member><name>n</name><value><array><data> </data></array></value></member> </value></member>
    <member><name>n</name><value><struct> </struct></value></member>
"""
BLANKS = [" ", "\n", "\t", "\r", "\x0b", "\x00"]
DECLARED = "<?xml version='1.0' encoding=\"UTF-8\"?>"
PIECES = st.sampled_from([*MARKUP.split(), *BLANKS, DECLARED])
START = "<methodCall><methodName>a.b</methodName><params><param><value><struct>"
END = "</struct></value></param></params></methodCall>"


@given(st.lists(PIECES, max_size=6).map("".join), st.lists(PIECES, max_size=2).map("".join))
@example("<member><name>a</name><value> <string> x </string> </value></member>", "")
@example("<member><name>a</name><value> x </value></member>", "\n")
@example(
    "<member><name>a</name><value></value></member><member><name>a</name><value>1</value></member>",
    "",
)
def test_whatever_is_sent_is_read_as_by_the_parser(members, more):
    for text in (START + members + END, more + START + members + END + more, members + more):
        body = text.encode("utf-8")
        assert outcome(decode_call, body) == outcome(decode_with_parser, body)


def test_calls_as_clients_make_them_are_plain():
    session = {"sessid": "0123456789abcdef" * 2, "gunid": "0190163d-8694-739b-aea5-966c26f8ad91"}
    for struct in ({}, session, {"limit": 5, "forced": True, "title": "a, b (c)"}):
        body = xmlrpc.client.dumps((struct,), "locstor.x").encode()
        assert read_plain(body) == ("locstor.x", struct)
        assert decode_call(body) == MethodCall("locstor.x", (struct,))


def nested(deeper: int) -> dict:
    """Criteria as `searchMetadata` takes them, or so much deeper."""
    inner = {"cat": "dc:title", "op": "partial", "val": "song"}
    for _ in range(deeper):
        inner = {"still": inner}
    return {"sessid": "0", "criteria": {"limit": 5, "conditions": [inner, "x"], "orderby": []}}


def test_a_search_is_plain_and_what_lies_deeper_is_left_to_the_parser():
    for deeper in range(3):
        struct = nested(deeper)
        body = xmlrpc.client.dumps((struct,), "locstor.x").encode()
        assert read_plain(body) == (("locstor.x", struct) if not deeper else None)
        assert decode_call(body) == MethodCall("locstor.x", (struct,))


@pytest.mark.parametrize("value", ["<string>a&amp;b</string>", "<nil/>", "<array><data/></array>"])
def test_what_is_not_plain_is_left_to_the_parser(value):
    body = f"{START}<member><name>a</name><value>{value}</value></member>{END}"
    assert read_plain(body.encode()) is None


@pytest.mark.parametrize("encoding", ["", "utf-8", "UTF-8", "iso-8859-1", "us-ascii"])
@pytest.mark.parametrize("value", ["a", "ä", "月", "\x80", "\ufffd", "\ufffe", "\U0001f3b5"])
@pytest.mark.parametrize("codec", ["utf-8", "latin-1"])
def test_what_is_declared_decides_how_it_is_read(value, encoding, codec):
    declared = f"<?xml version='1.0'{encoding and f' encoding={encoding!r}'}?>"
    text = f"{declared}{START}<member><name>a</name><value>{value}</value></member>{END}"
    body = text.encode(codec, errors="replace")
    assert outcome(decode_call, body) == outcome(decode_with_parser, body)


@pytest.mark.parametrize("declared", ["", "<?xml version='1.0' encoding='utf-8'?>"])
@pytest.mark.parametrize("value", ["Déjà", "любовь", "月", "\x80", "\ufffd", "\U0001f3b5"])
def test_all_scripts_are_plain_in_utf_8(value, declared):
    text = f"{declared}{START}<member><name>a</name><value>{value}</value></member>{END}"
    assert read_plain(text.encode()) == ("a.b", {"a": value})


@pytest.mark.parametrize("version", ["1,0", "1\0000", "1.1", "10"])
def test_a_declaration_of_another_version_is_left_to_the_parser(version):
    body = f'<?xml version="{version}"?>{START}{END}'.encode()
    assert read_plain(body) is None
    assert outcome(decode_call, body) == outcome(decode_with_parser, body)


def test_it_takes_no_long_time_to_be_left_to_the_parser():
    member = "<member><name>a</name><value>x</value></member>" + " " * 40
    inner = "<member><name>a</name><value><struct>"
    for start in (START, START + inner, START + 3 * inner, START + 30 * inner):
        for end in ("<", "<member>", "</struct>", ""):
            assert read_plain((start + member * 30 + end).encode()) is None
