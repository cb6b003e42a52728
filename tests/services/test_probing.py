"""What is known of an upload's audio before it is closed."""

from dataclasses import replace

import pytest
from fixtures.fix_audio import music, ogg, tagged_ogg
from hypothesis import given
from hypothesis import strategies as st
from support import immediately, result_of

from archive_server.errors import RefusedAudio, Unavailable
from archive_server.model.gunid import Gunid
from archive_server.services.probing import Probing
from audio_store.probe import Facts, Prober, Remark, Report

# Also what no database takes as it is: tags come from strangers.
texts = st.text(st.characters())
remarks = st.lists(st.builds(Remark, texts, texts)).map(tuple)
reports = st.builds(
    Report,
    st.just(()),
    remarks,
    st.none() | st.from_type(Facts),
    st.dictionaries(texts, st.lists(texts).map(tuple)),
)


@pytest.fixture
def token(services):
    return result_of(services.clips.start_upload(services.caller(), None, "", "a.wav", "")).token


@pytest.fixture
def close(services):
    """Closes an upload; nothing can be examined any more."""
    ended = Prober(workers=1)
    ended.close()
    publisher = services.clips.publisher
    probing = replace(publisher.probing, prober=ended)
    clips = replace(services.clips, publisher=replace(publisher, probing=probing))
    return lambda token: result_of(clips.finish_upload(services.caller(), token))


def send(services, token, block, *, start=None, total=None):
    receiving = result_of(services.uploads.receive(token, start, total))
    result_of(receiving.append(block))
    result_of(receiving.finish())


def verdict_of(services, token):
    return result_of(services.uploads.find(token)).verdict


@pytest.fixture
def probing(services):
    return services.uploads.probing


@pytest.fixture
def examined(probing, high, tmp_path):
    """What the probe says of a file, and how that is kept."""
    path = tmp_path / "high.wav"
    path.write_bytes(high)
    report = result_of(probing.report(path, "a.wav"))
    return report, result_of(probing.verdict(path, "a.wav"))


def test_audio_that_has_come_is_closed_without_another_look(services, token, high, close):
    send(services, token, high, total=len(high))
    assert isinstance(close(token), Gunid)


def test_what_its_tags_say_is_kept_as_well(services, token, close):
    sung = tagged_ogg(ogg(music(44_100)), title=["Wörter & Töne"])
    send(services, token, sung, total=len(sung))
    document = result_of(services.clips.document(services.caller(), close(token)))
    assert "Wörter &amp; Töne" in document


def test_what_very_long_tags_say_is_asked_again_when_it_is_closed(services, token):
    sung = tagged_ogg(
        ogg(music(44_100)), title=["Lang"], comment=[f"{n} " + "la " * 5_000 for n in range(5)]
    )
    send(services, token, sung, total=len(sung))
    assert verdict_of(services, token) is None
    gunid = result_of(services.clips.finish_upload(services.caller(), token))
    assert "<dc:title>Lang</dc:title>" in result_of(
        services.clips.document(services.caller(), gunid)
    )


@pytest.mark.parametrize("total", [None, 10**6])
def test_audio_is_not_examined_before_all_of_it_has_come(services, token, high, close, total):
    send(services, token, high, total=total)
    assert verdict_of(services, token) is None
    with pytest.raises((Unavailable, RefusedAudio)):
        close(token)


def test_what_came_in_pieces_is_examined_when_it_is_closed(services, token, high, close):
    send(services, token, high[:1000], total=len(high))
    send(services, token, high[1000:], start=1000, total=len(high))
    assert verdict_of(services, token) is None
    with pytest.raises(Unavailable):
        close(token)
    result_of(services.clips.finish_upload(services.caller(), token))


def test_what_was_found_is_not_believed_of_what_is_sent_again(services, token, high):
    send(services, token, high, total=len(high))
    assert verdict_of(services, token) is not None
    send(services, token, bytes(len(high)), total=len(high))
    assert verdict_of(services, token) is None
    with pytest.raises(RefusedAudio):
        result_of(services.clips.finish_upload(services.caller(), token))


def test_what_was_found_is_forgotten_before_the_first_new_byte(services, token, high):
    send(services, token, high, total=len(high))
    receiving = result_of(services.uploads.receive(token, None, len(high)))
    assert verdict_of(services, token) is None
    result_of(receiving.finish())


def test_other_uploads_are_not_examined(services, high):
    token = result_of(services.puts.open(services.caller())).token
    send(services, token, high, total=len(high))
    assert verdict_of(services, token) is None


def test_a_report_is_kept_as_it_is(probing, examined):
    report, verdict = examined
    assert probing.kept(verdict) == report


@given(reports)
def test_any_report_can_be_kept(report):
    probing = Probing(Prober(), immediately, frozenset({"overlong"}))
    written = probing.written(report)
    assert written.isascii()
    assert probing.kept(written) == report


def test_a_refusal_is_not_kept(probing, tmp_path):
    path = tmp_path / "silence.wav"
    path.write_bytes(b"no audio at all")
    assert result_of(probing.report(path, "a.wav")).refusals
    assert result_of(probing.verdict(path, "a.wav")) is None


def test_what_cannot_be_examined_is_no_verdict(probing, tmp_path):
    assert result_of(probing.verdict(tmp_path / "missing.wav", "a.wav")) is None


def test_a_report_by_other_rules_does_not_hold(probing, examined):
    _, verdict = examined
    assert replace(probing, accept=frozenset({"overlong"})).kept(verdict) is None


@pytest.mark.parametrize(
    "verdict",
    [
        "{}",
        "[]",
        '{"accept": []}',
        '{"accept": [], "refusals": [], "warnings": [], "facts": {"loudness": 1}, "tags": {}}',
        '{"accept": [], "refusals": [], "warnings": [{}], "facts": null, "tags": {}}',
    ],
)
def test_what_another_version_has_kept_does_not_hold(probing, verdict):
    assert probing.kept(verdict) is None
