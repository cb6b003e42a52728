import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive_server.errors import RefusedArchive
from archive_server.model.gunid import Gunid
from archive_server.model.playlist_archives import (
    ClipNames,
    Contents,
    ListType,
    audio_name,
    document_name,
    in_order,
    list_type_of,
    playlist_name,
    topmost_name,
)

CLIP = Gunid.parse("00000000000000a1")
LIST = Gunid.parse("01234567-89ab-7def-8123-456789abcdef")


@pytest.mark.parametrize("list_type", ListType)
def test_names_that_we_give_are_names_that_we_understand(list_type):
    names = [
        topmost_name(list_type),
        playlist_name(LIST, list_type),
        audio_name(CLIP, "ogg"),
        document_name(CLIP),
    ]
    found = Contents.of(names)
    assert found.clips == {CLIP: ClipNames(f"audioClip/{CLIP}.ogg", f"audioClip/{CLIP}.xml")}
    assert found.playlists == {LIST: f"playlist/{LIST}.{list_type}"}
    assert found.topmost == f"exportedPlaylist.{list_type}"
    assert list_type_of(found.topmost) is list_type


def test_of_several_forms_of_a_playlist_the_one_that_says_most_is_taken():
    names = [f"playlist/{LIST}.{extension}" for extension in ("m3u", "SMIL", "lspl", "xml")]
    assert Contents.of(names).playlists == {LIST: names[2]}
    assert Contents.of(names[:2]).playlists == {LIST: names[1]}


def test_the_topmost_file_may_bear_the_id_of_the_playlist():
    assert Contents.of([f"playlist/{LIST}.lspl", f"{LIST}.lspl"]).named_by_topmost == LIST
    assert Contents.of([f"playlist/{LIST}.lspl", "other.lspl"]).named_by_topmost is None


@pytest.mark.parametrize(
    "name", ["audioClip/x.ogg", "audioClip/a/b.ogg", "x/y.lspl", "note.txt", f"playlist/{LIST}"]
)
def test_what_has_no_place_in_an_archive_is_named(name):
    with pytest.raises(RefusedArchive, match=name):
        Contents.of([f"playlist/{LIST}.lspl", name])


GUNIDS = [Gunid.parse(f"{number:016x}") for number in range(6)]


@given(st.dictionaries(st.sampled_from(GUNIDS), st.sets(st.sampled_from(GUNIDS))))
def test_each_comes_after_those_it_holds_or_there_is_a_circle(references):
    try:
        order = in_order(references)
    except RefusedArchive:
        assert _has_circle(references)
    else:
        assert sorted(order) == sorted(references)
        for place, gunid in enumerate(order):
            assert references[gunid] & references.keys() <= set(order[:place])


def _has_circle(references):
    def reaches(start, goal, seen):
        return any(
            held == goal or (held not in seen and reaches(held, goal, seen | {held}))
            for held in references.get(start, ())
        )

    return any(reaches(gunid, gunid, frozenset()) for gunid in references)
