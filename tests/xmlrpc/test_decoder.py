import base64
import xmlrpc.client

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive_server.xmlrpc.decoder import MethodCall, decode_call
from archive_server.xmlrpc.values import NOT_XML_RPC, DateTime, Fault
from archive_server.xmlrpc.xml_tree import SMALL

legal_text = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\r\ufffe\uffff").filter(
        lambda letter: letter >= " " or letter in "\t\n"
    )
)
values = st.recursive(
    legal_text
    | st.integers(-(2**31), 2**31 - 1)
    | st.booleans()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(legal_text, inner, max_size=4),
    max_leaves=12,
)


def call_of(value: str) -> bytes:
    return (
        "<?xml version='1.0'?><methodCall><methodName>m</methodName>"
        f"<params><param>{value}</param></params></methodCall>"
    ).encode()


def read(value: str):
    (parameter,) = decode_call(call_of(value)).parameters
    return parameter


def refused(body: bytes) -> int:
    with pytest.raises(Fault) as caught:
        decode_call(body)
    return caught.value.code


def as_sent(value):
    """What xmlrpc.client has read, in our types."""
    if isinstance(value, dict):
        return {name: as_sent(member) for name, member in value.items()}
    if isinstance(value, list):
        return [as_sent(each) for each in value]
    return value.data if isinstance(value, xmlrpc.client.Binary) else value


@given(st.lists(values, max_size=3))
def test_what_python_writes_is_read_back(parameters):
    body = xmlrpc.client.dumps(tuple(parameters), "locstor.test").encode()
    assert decode_call(body) == MethodCall("locstor.test", tuple(parameters))


@given(values)
def test_the_careful_parser_reads_the_same_as_the_fast_one(value):
    body = xmlrpc.client.dumps((value,), "m").encode()
    careful = body.replace(b"<params>", b"<params><!-- not plain -->")
    assert decode_call(careful) == decode_call(body)
    assert decode_call(body).parameters == (as_sent(xmlrpc.client.loads(body)[0][0]),)


@given(st.binary())
def test_noise_is_refused(noise):
    assert refused(noise) > 100


@given(st.data())
def test_a_damaged_call_is_refused_or_read_but_never_breaks_us(data):
    body = bytearray(xmlrpc.client.dumps(({"a": [1, True, "x", 2.5], "b": {}},), "m").encode())
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    try:
        decode_call(bytes(body))
    except Fault as fault:
        assert fault.code == NOT_XML_RPC or fault.code > 100


def test_a_truncated_call_is_refused_wherever_it_ends():
    body = xmlrpc.client.dumps(({"a": [1, "é"]},), "m").encode().rstrip()
    assert all(refused(body[:end]) > 100 for end in range(len(body)))


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("<value></value>", ""),
        ("<value/>", ""),
        ("<value>plain &amp; simple</value>", "plain & simple"),
        ("<value> </value>", " "),
        ("<value>\n  <string> x </string>\n</value>", " x "),
        ("<value><string/></value>", ""),
        ("<value><![CDATA[<xml/>]]></value>", "<xml/>"),
        ("<value><string>a<!-- b -->c<?d?></string></value>", "ac"),
        ("<value><string>a\r\nb\rc&#13;</string></value>", "a\nb\nc\r"),
        ("<value><int> +5 </int></value>", 5),
        ("<value><i4>-2147483648</i4></value>", -(2**31)),
        ("<value><i8>4294967296</i8></value>", 2**32),
        ("<value><boolean>1</boolean></value>", True),
        ("<value><boolean> 0 </boolean></value>", False),
        ("<value><double>-12.25</double></value>", -12.25),
        ("<value><double>.5e1</double></value>", 5.0),
        ("<value><base64>\n eHl6\n eQ==\n</base64></value>", b"xyzy"),
        ("<value><dateTime.iso8601>20061102T01:02:03</dateTime.iso8601></value>",
         "20061102T01:02:03"),
        ("<value><nil/></value>", None),
        ("<value><array><data></data></array></value>", []),
        ("<value><array><data/></array></value>", []),
        ("<value><struct></struct></value>", {}),
        ("<value><struct/></value>", {}),
        ("<value><STRING>x</STRING></value>", "x"),
        ("<VALUE><Struct><Member><NAME>n</NAME><Value>v</Value></Member></Struct></VALUE>",
         {"n": "v"}),
        ("<value><ex:i8 xmlns:ex='http://ws.apache.org/xmlrpc/namespaces/extensions'>1</ex:i8>"
         "</value>", 1),
        ("<value a='1'><string b='2'>x</string></value>", "x"),
    ],
)  # fmt: skip
def test_every_way_of_writing_a_value_is_read(written, value):
    assert read(written) == value
    assert type(read(written)) in (type(value), DateTime)


@pytest.mark.parametrize(
    "written",
    [
        "",
        "<string>x</string>",
        "<value>1</value><value>2</value>",
        "<value>text<int>1</int></value>",
        "<value><int>1</int>text</value>",
        "<value><int>1</int><int>2</int></value>",
        "<value><int></int></value>",
        "<value><int>1_0</int></value>",
        "<value><int>\u0661</int></value>",
        "<value><int>1.5</int></value>",
        "<value><int>2147483648</int></value>",
        f"<value><int>{'9' * 5000}</int></value>",
        "<value><i8>9223372036854775808</i8></value>",
        "<value><int><b>1</b></int></value>",
        "<value><boolean>2</boolean></value>",
        "<value><double>inf</double></value>",
        "<value><double>nan</double></value>",
        "<value><double>1e999</double></value>",
        "<value><double>1_0</double></value>",
        "<value><base64>x</base64></value>",
        "<value><base64>ÄÖÜ=</base64></value>",
        "<value><dateTime.iso8601>yesterday</dateTime.iso8601></value>",
        "<value><array></array></value>",
        "<value><array><data><int>1</int></data></array></value>",
        "<value><array><data></data><data></data></array></value>",
        "<value><struct><member><name>n</name></member></struct></value>",
        "<value><struct><member><value>n</value><name>n</name></member></struct></value>",
        "<value><struct><name>n</name></struct></value>",
        "<value><complex>1</complex></value>",
    ],
)
def test_a_value_that_is_none_is_refused(written):
    assert refused(call_of(written)) == NOT_XML_RPC


def test_the_last_of_several_members_of_one_name_counts():
    member = "<member><name>n</name><value>{}</value></member>"
    assert read(f"<value><struct>{member.format(1)}{member.format(2)}</struct></value>") == {
        "n": "2"
    }


@pytest.mark.parametrize(
    "body",
    [
        b"<methodCall><methodName>m</methodName></methodCall>",
        b"<methodCall><methodName> m </methodName><params></params></methodCall>",
        b"\xef\xbb\xbf<?xml version='1.0' encoding='UTF-8'?>\n"
        b"<methodCall>\n<methodName>m</methodName>\n<params/>\n</methodCall>\n",
        "<?xml version='1.0'?><methodCall><methodName>m</methodName></methodCall>".encode("utf-16"),
    ],
)
def test_a_call_may_have_no_parameters(body):
    assert decode_call(body) == MethodCall("m", ())


@pytest.mark.parametrize(
    "body",
    [
        b"<methodResponse><params/></methodResponse>",
        b"<methodCall/>",
        b"<methodCall><params/></methodCall>",
        b"<methodCall><methodName>m</methodName><params/><params/></methodCall>",
        b"<methodCall><methodName><b/></methodName></methodCall>",
        b"<methodCall><methodName>m</methodName><parameters/></methodCall>",
        b"<methodCall><methodName>m</methodName><params><value/></params></methodCall>",
        b"<methodCall><methodName>m</methodName><params><param/></params></methodCall>",
    ],
)
def test_xml_that_is_no_call_is_fault_7(body):
    assert refused(body) == NOT_XML_RPC


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", 103),
        (b"GET / HTTP/1.0", 102),
        (b"<methodCall>", 103),
        (b"<methodCall></methodcall>", 107),
        (b"<methodCall>\xff</methodCall>", 104),
        (b"<methodCall>\xc0\x80</methodCall>", 104),
        (b"<methodCall>\xed\xa0\x80</methodCall>", 104),
        (b"<methodCall>\x00</methodCall>", 104),
        (b"<methodCall>&#0;</methodCall>", 114),
        (b"<methodCall>&xxe;</methodCall>", 111),
        (b"<methodCall/><methodCall/>", 109),
        (b"<?xml version='1.0' encoding='klingon'?><methodCall/>", 118),
        (b"<?xml version='1.0' encoding='utf-7'?><methodCall/>", 118),
    ],
)
def test_what_is_not_xml_is_fault_100_and_the_number_of_the_error(body, code):
    assert refused(body) == code
    assert refused(body + b" " * SMALL) == code or body == b""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize(
    "doctype",
    [
        "<!DOCTYPE methodCall>",
        '<!DOCTYPE methodCall SYSTEM "file:///etc/passwd">',
        '<!DOCTYPE m [<!ENTITY e SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE m [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>',
    ],
)
def test_document_types_are_refused(doctype, encoding):
    body = f"<?xml version='1.0'?>{doctype}<methodCall><methodName>&e;</methodName></methodCall>"
    assert refused(body.encode(encoding)) == NOT_XML_RPC


@pytest.mark.parametrize("blank", ["", " " * SMALL])
def test_too_deep_values_are_refused(blank):
    def nested(depth: int) -> bytes:
        return call_of("<value><array><data>" * depth + blank + "</data></array></value>" * depth)

    value = decode_call(nested(20)).parameters[0]
    for _ in range(19):
        (value,) = value
    assert value == []
    assert refused(nested(60)) == NOT_XML_RPC
    assert refused(nested(2500)) == NOT_XML_RPC


def test_too_many_values_are_refused():
    assert (
        refused(call_of(f"<value><array><data>{'<value/>' * 300_000}</data></array></value>")) == 7
    )


@pytest.mark.parametrize(
    "written",
    [
        "<value " + " ".join(f'a{number}=""' for number in range(50_000)) + "/>",
        f"<!--{'-x' * 200_000}--><value/>",
        f"<{'x' * 400_000}/>",
    ],
)
def test_a_tag_that_does_not_end_is_refused(written):
    assert refused(call_of(written)) == NOT_XML_RPC


@pytest.mark.parametrize("text", ["<value>{}</value>", "<value><![CDATA[{}]]></value>"])
def test_long_texts_are_read(text):
    long = "Zeile mit Umläuten\n" * 100_000
    assert read(text.format(long)) == long


def test_long_base64_is_read():
    block = bytes(range(256)) * 4000
    assert read(f"<value><base64>{base64.b64encode(block).decode()}</base64></value>") == block
