import xmlrpc.client
from collections import namedtuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive_server.model.clips import FileType
from archive_server.xmlrpc.encoder import encode_answer, encode_fault
from archive_server.xmlrpc.values import DateTime, Fault

values = st.recursive(
    st.text()
    | st.integers(-(2**31), 2**31 - 1)
    | st.booleans()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def as_read(value):
    """What a client gets of a value: in text, what XML cannot say is replaced."""
    if isinstance(value, str):
        text = value.replace("\r\n", "\n").replace("\r", "\n")
        return "".join(letter if _is_legal(letter) else "\ufffd" for letter in text)
    if isinstance(value, bytes):
        return xmlrpc.client.Binary(value)
    if isinstance(value, list):
        return [as_read(each) for each in value]
    if isinstance(value, dict):
        return {as_read(name): as_read(member) for name, member in value.items()}
    return value


def _is_legal(letter: str) -> bool:
    code = ord(letter)
    return letter in "\t\n" or (code >= 32 and not 0xD800 <= code < 0xE000 and code | 1 != 0xFFFF)


@given(values)
def test_python_reads_what_we_write(value):
    (answer,), method = xmlrpc.client.loads(encode_answer(value))
    assert method is None
    assert answer == as_read(value)


@given(values)
def test_nothing_is_written_that_old_parsers_stumble_over(value):
    answer = encode_answer(value)
    assert b"/>" not in answer
    assert b"&#" not in answer
    assert b"\r" not in answer
    assert b"<nil" not in answer
    assert b"<!" not in answer


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("", "<string></string>"),
        ("a & b < c > d \"e\" 'f'", "<string>a &amp; b &lt; c &gt; d \"e\" 'f'</string>"),
        ("Kőbor ♫ 😀", "<string>Kőbor ♫ 😀</string>"),
        ("a\r\nb\rc", "<string>a\nb\nc</string>"),
        ("\0\x1b\ud800\uffff", "<string>\ufffd\ufffd\ufffd\ufffd</string>"),
        (FileType.AUDIO_CLIP, "<string>audioclip</string>"),
        (True, "<boolean>1</boolean>"),
        (False, "<boolean>0</boolean>"),
        (-1, "<int>-1</int>"),
        (2**31 - 1, "<int>2147483647</int>"),
        (2**31, "<double>2147483648.0</double>"),
        (-(2**31) - 1, "<double>-2147483649.0</double>"),
        (1.5, "<double>1.5</double>"),
        (1e22, "<double>10000000000000000000000</double>"),
        (1e-7, "<double>0.0000001</double>"),
        (b"xyz", "<base64>eHl6</base64>"),
        (DateTime("20061102T01:02:03"), "<dateTime.iso8601>20061102T01:02:03</dateTime.iso8601>"),
        ([], "<array><data></data></array>"),
        ((), "<array><data></data></array>"),
        (namedtuple("Pair", "a b")("x", 1),
         "<array><data><value><string>x</string></value><value><int>1</int></value></data></array>"),
        ({}, "<struct></struct>"),
        ({"a&b": ""}, "<struct><member><name>a&amp;b</name>"
                      "<value><string></string></value></member></struct>"),
    ],
)  # fmt: skip
def test_a_value_is_written_like_this(value, written):
    assert encode_answer(value).decode() == (
        '<?xml version="1.0" encoding="UTF-8"?>\n<methodResponse><params><param>'
        f"<value>{written}</value></param></params></methodResponse>\n"
    )


def test_a_fault_is_written_like_this():
    assert encode_fault(Fault(805, "xr_login: <no>")).decode() == (
        '<?xml version="1.0" encoding="UTF-8"?>\n<methodResponse><fault><value><struct>'
        "<member><name>faultCode</name><value><int>805</int></value></member>"
        "<member><name>faultString</name>"
        "<value><string>xr_login: &lt;no&gt;</string></value></member>"
        "</struct></value></fault></methodResponse>\n"
    )


@pytest.mark.parametrize("value", [None, float("inf"), float("nan"), object(), {"a": [None]}])
def test_what_has_no_form_on_the_wire_is_not_written(value):
    with pytest.raises((TypeError, ValueError)):
        encode_answer(value)
