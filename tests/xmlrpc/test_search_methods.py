import xmlrpc.client

import pytest

from archive_server.errors import BadRequest
from archive_server.model.clips import FileType
from archive_server.model.search import Condition, Criteria, Operator, Order
from archive_server.model.users import Role
from archive_server.xmlrpc.search import criteria

DOCUMENT = """<audioClip><metadata xmlns="http://mdlf.org/campcaster/elements/1.0/"
 xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/"
 xmlns:ls="http://mdlf.org/campcaster/elements/1.0/"><dc:title>{}</dc:title><dc:creator>{}</dc:creator>
 <dcterms:extent>00:00:01.000000</dcterms:extent><ls:track_num>7</ls:track_num></metadata></audioClip>"""


@pytest.fixture
def sessid(services):
    return services.session_id(Role.CLIENT)


@pytest.fixture
def clips(services, wav):
    """Two clips, with documents."""
    return [
        str(services.store_clip(wav, document=DOCUMENT.format(*words)))
        for words in (("Über den Wolken", "Reinhard Mey"), ("Ännchen", "Volk"))
    ]


def condition(cat="dc:title", op="partial", val="über"):
    return {"cat": cat, "op": op, "val": val}


def test_hits_come_in_the_new_form_and_in_the_old_one(client, sessid, clips):
    found = client.locstor(
        "searchMetadata",
        sessid=sessid,
        criteria={"conditions": [condition()], "filetype": "audioClip"},
    )
    (hit,) = found["results"]
    assert hit.pop("id").isdigit()
    assert hit == {
        "gunid": clips[0],
        "type": "audioclip",
        "title": "Über den Wolken",
        "creator": "Reinhard Mey",
        "source": "",
        "length": "00:00:01.000000",
        "duration": "00:00:01.000000",
        "track_num": "7",
    }
    del found["results"]
    assert found == {
        "cnt": 1,
        "audioClipResults": [clips[0]],
        "audioClipCnt": 1,
        "playlistResults": [],
        "playlistCnt": 0,
        "webstreamResults": [],
        "webstreamCnt": 0,
    }


def test_whoever_searches_without_criteria_finds_everything(client, sessid, clips):
    everything = client.locstor("searchMetadata", sessid=sessid, criteria={})
    assert everything["cnt"] == len(clips)
    assert client.locstor("searchMetadata", sessid=sessid) == everything
    assert client.locstor("searchMetadata", sessid=sessid, criteria=None) == everything


def test_a_page_is_part_of_what_there_is(client, sessid, clips):
    wanted = {"limit": "1", "offset": 1, "orderby": "dc:creator", "desc": "1"}
    found = client.locstor("searchMetadata", sessid=sessid, criteria=wanted)
    assert (found["cnt"], found["audioClipCnt"]) == (2, 2)
    assert [hit["creator"] for hit in found["results"]] == ["Reinhard Mey"]


@pytest.mark.parametrize("more", [{}, {"criteria": {}}, {"criteria": []}, {"criteria": None}])
def test_browsing_needs_no_criteria(client, sessid, clips, more):
    browsed = client.locstor("browseCategory", sessid=sessid, category="creator", **more)
    assert browsed == {"cnt": 2, "results": ["Reinhard Mey", "Volk"]}


def test_browsing_among_the_clips_that_meet_criteria(client, sessid, clips):
    among = {"conditions": [condition()]}
    browsed = client.locstor("browseCategory", sessid=sessid, category="dc:creator", criteria=among)
    assert browsed == {"cnt": 1, "results": ["Reinhard Mey"]}


def test_the_empty_archive_answers_empty_arrays(client, sessid):
    found = client.locstor("searchMetadata", sessid=sessid, criteria={})
    assert (found["cnt"], found["results"]) == (0, [])
    assert client.locstor("browseCategory", sessid=sessid, category="dc:title")["results"] == []


@pytest.mark.parametrize(
    "wanted",
    [
        "all",
        {"filetype": "song"},
        {"filetype": 5},
        {"conditions": [condition(op="like")]},
        {"conditions": [condition(cat="a b")]},
        {"conditions": [condition(cat=5)]},
        {"conditions": [condition(val=[])]},
        {"conditions": [condition(val=True)]},
        {"conditions": ["dc:title"]},
        {"conditions": "dc:title"},
        {"conditions": [{"cat": "dc:title", "val": "x"}]},
        {"limit": -1},
        {"limit": "many"},
        {"limit": 1.5},
        {"offset": "99999999999999"},
        {"orderby": [5]},
        {"orderby": "x'; DROP TABLE clip; --"},
        {"orderby": ["dc:title"], "desc": [[]]},
    ],
)
def test_criteria_that_make_no_sense_are_fault_805(client, sessid, wanted):
    code, text = client.fault("locstor.searchMetadata", {"sessid": sessid, "criteria": wanted})
    assert (code, text.partition(":")[0]) == (805, "xr_searchMetadata")


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ({}, Criteria()),
        ({"filetype": "ALL", "form": 1, "counter": "x"}, Criteria()),
        ({"filetype": "audioClip"}, Criteria(file_type=FileType.AUDIO_CLIP)),
        ({"operator": "OR"}, Criteria(match_any=True)),
        ({"operator": ""}, Criteria()),
        (
            {"conditions": None, "limit": "", "offset": None, "orderby": "", "desc": None},
            Criteria(),
        ),
        ({"limit": "10", "offset": " 20 "}, Criteria(limit=10, offset=20)),
        (
            {"conditions": {"b": condition(val=1990), "a": condition(val="")}},
            Criteria(conditions=(Condition("dc:title", Operator.PARTIAL, "1990"),)),
        ),
        ({"orderby": "a", "desc": True}, Criteria(order_by=(Order("a", True),))),
        ({"orderby": "a", "desc": "0"}, Criteria(order_by=(Order("a"),))),
        (
            {"orderby": {"0": "a", "1": "", "2": "b", "3": "c"}, "desc": [1, 1, "1"]},
            Criteria(order_by=(Order("a", True), Order("b", True), Order("c"))),
        ),
    ],
)
def test_criteria_are_read_as_clients_write_them(sent, meant):
    assert criteria(sent) == meant


def test_a_wrong_type_is_named():
    with pytest.raises(BadRequest, match=r"^cat: string expected$"):
        criteria({"conditions": [{"op": "=", "val": "x"}]})


def test_a_point_in_time_is_searched_as_the_cpp_client_sends_it(client, sessid, clips):
    def found_since(moment: str) -> int:
        since = condition("ls:mtime", ">=", xmlrpc.client.DateTime(moment))
        return client.locstor("searchMetadata", sessid=sessid, criteria={"conditions": [since]})[
            "cnt"
        ]

    assert found_since("20061102T01:02:03") == 2
    assert found_since("29991102T01:02:03") == 0
