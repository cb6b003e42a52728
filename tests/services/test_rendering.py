"""Playlists become files, clips and feeds: real services, real mixing processes."""

import io
from datetime import timedelta
from xml.etree import ElementTree

import numpy as np
import pytest
import soundfile
from fixtures import fix_audio as audio
from support import result_of
from twisted.internet.task import Clock

from archive_server.errors import Forbidden, NotFound, UnknownToken, WrongToken
from archive_server.model.documents import Document
from archive_server.model.gunid import Gunid
from archive_server.model.users import Role
from archive_server.services.jobs import SILENCE
from archive_server.services.rendering import Rendering
from archive_server.workers.jobs import JobRunner

BASE = "http://archive.example:8000"
DC = "{http://purl.org/dc/elements/1.1/}"


def wav(frequency, seconds, rate=44100, channels=2):
    return audio.wav(audio.tone(int(rate * seconds), rate, channels, frequency), rate)


@pytest.fixture
def clip(services):
    """Store a tone; the same frequency in both channels of the mix is not needed."""

    def store(frequency=440.0, seconds=1.0, rate=44100, channels=2, title=""):
        document = f"<audioClip><metadata><dc:title>{title}</dc:title></metadata></audioClip>"
        return services.store_clip(
            wav(frequency, seconds, rate, channels),
            document=document if title else "",
            file_name="tone.wav",
        )

    return store


@pytest.fixture
def playlist(services):
    """Save a playlist of the elements given."""
    caller = services.caller()

    def save(*elements, metadata="", length="00:00:00.000000", gunid=None):
        gunid = result_of(services.playlists.create(caller, gunid, "list.xml"))
        lease = result_of(services.playlists.edit(caller, gunid))
        xml = (
            f'<playlist id="{gunid}" playlength="{length}">{"".join(elements)}'
            f"<metadata>{metadata}</metadata></playlist>"
        )
        result_of(services.playlists.save(caller, lease.token, xml))
        return gunid

    return save


def element(number, gunid, at, *, fade="", kind="audioClip", attributes=""):
    return (
        f'<playlistElement id="{number:016x}" relativeOffset="{at}" {attributes}>'
        f'<{kind} id="{gunid}"/>{fade}</playlistElement>'
    )


def fade(rise, fall):
    return f'<fadeInfo id="{9:016x}" fadeIn="{rise}" fadeOut="{fall}"/>'


@pytest.fixture
def render(services):
    """Ask for a rendering, have it done, and ask for the result."""

    def rendered(gunid, kind=Rendering.FILE):
        token = result_of(services.rendering.start(services.caller(), gunid, kind, BASE))
        work(services)
        return token, result_of(services.rendering.check(token, kind))

    return rendered


def work(services):
    runner = JobRunner(services.jobs, services.render_work.by_kind(), Clock())
    runner.start()  # and all is done, since nothing has to wait
    result_of(runner.stop(0))


def sound_of(services, rendered):
    assert (rendered.status, rendered.fault) == ("success", "")
    file = result_of(services.downloads.leased(rendered.lease, "ogg"))
    with file.content as content:
        return soundfile.read(io.BytesIO(content.read()), dtype="float32", always_2d=True)


def level(samples):
    return float(np.sqrt(np.mean(samples**2)))


def test_who_was_taken_for_dead_leaves_the_file_of_who_took_over(services, clip, playlist):
    gunid = playlist(element(1, clip(), "0"))
    kind = Rendering.FILE
    token = result_of(services.rendering.start(services.caller(), gunid, kind, BASE))
    first = result_of(services.jobs.claim([kind]))
    services.clock.advance(2 * SILENCE)
    second = result_of(services.jobs.claim([kind]))
    result_of(services.jobs.make_directory(second))

    def while_the_other_ends(share):
        if share == 0.9:
            result_of(services.render_work.to_file(first, lambda _: None))

    made = result_of(services.render_work.to_file(second, while_the_other_ends))
    result_of(services.jobs.succeed(second, made))
    samples, _ = sound_of(services, result_of(services.rendering.check(token, kind)))
    assert level(samples) > 0


def test_a_long_title_is_cut_in_the_file(services, clip, playlist, render):
    title = "x" * 3_000_000
    gunid = playlist(element(1, clip(), "0"), metadata=f"<dc:title>{title}</dc:title>")
    _, rendered = render(gunid)
    samples, _ = sound_of(services, rendered)
    assert level(samples) > 0


def test_clips_are_heard_one_after_the_other(services, clip, playlist, render):
    gunid = playlist(element(1, clip(440), "0"), element(2, clip(880), "00:00:01.000000"))
    token, rendered = render(gunid)
    samples, rate = sound_of(services, rendered)
    assert (rate, samples.shape) == (44100, (88200, 2))
    for start, frequency in ((0, 440), (44100, 880)):
        spectrum = np.abs(np.fft.rfft(samples[start : start + 44100, 0]))
        assert spectrum.argmax() == frequency
    assert not list(services.jobs.files(token).iterdir())


def test_a_playlist_is_as_long_as_it_says_and_not_shorter_than_its_clips(
    services, clip, playlist, render
):
    longer = playlist(element(1, clip(), "0"), length="00:00:02.500000")
    assert len(sound_of(services, render(longer)[1])[0]) == 110250
    shorter = playlist(element(1, clip(), "0"), length="00:00:00.500000")
    assert len(sound_of(services, render(shorter)[1])[0]) == 44100


def test_only_the_part_between_clip_start_and_clip_end_is_heard(services, playlist, render):
    silent_but_for_the_middle = audio.tone(3 * 44100)
    silent_but_for_the_middle[:44100] = silent_but_for_the_middle[88200:] = 0
    gunid = services.store_clip(audio.wav(silent_but_for_the_middle), file_name="a.wav")
    cut = 'clipStart="00:00:01.000000" clipEnd="00:00:02.000000"'
    samples, _ = sound_of(services, render(playlist(element(1, gunid, "0", attributes=cut)))[1])
    assert len(samples) == 44100
    assert level(samples[:4410]) == pytest.approx(level(samples[-4410:]), rel=0.02)
    assert level(samples) > 0.15


def test_fades_of_a_playlist_inside_are_multiplied_with_those_of_its_clips(
    services, clip, playlist, render
):
    tone = clip(440, 4)
    inner = playlist(element(1, tone, "0", fade=fade("00:00:04.000000", "0")))
    outer = playlist(element(1, inner, "0", kind="playlist", fade=fade("00:00:04.000000", "0")))
    samples, _ = sound_of(services, render(outer)[1])
    whole = 0.25 / 2**0.5
    for second in (1, 2, 3):
        part = samples[second * 44100 - 2205 : second * 44100 + 2205]
        assert level(part) == pytest.approx(whole * (second / 4) ** 2, rel=0.03)


def test_a_playlist_inside_is_heard_at_its_place_as_it_was_last_saved(
    services, clip, playlist, render
):
    inner = playlist(element(1, clip(880), "00:00:00.500000"))
    outer = playlist(element(1, clip(440), "0"), element(2, inner, "1", kind="playlist"))
    samples, _ = sound_of(services, render(outer)[1])
    assert len(samples) == 44100 * 2.5
    assert level(samples[44100 + 1000 : 66150 - 1000]) < 0.001
    assert level(samples[67150:]) > 0.15


def test_a_playlist_that_the_archive_has_not_is_taken_as_it_is_written(clip, services, render):
    caller = services.caller()
    gunid = result_of(services.playlists.create(caller, None, "list.xml"))
    lease = result_of(services.playlists.edit(caller, gunid))
    inline = f'<playlist id="00000000000000ff">{element(1, clip(), "0")}</playlist>'
    xml = (
        f'<playlist id="{gunid}"><playlistElement id="0000000000000001" relativeOffset="0">'
        f"{inline}</playlistElement></playlist>"
    )
    result_of(services.playlists.save(caller, lease.token, xml))
    samples, _ = sound_of(services, render(gunid)[1])
    assert level(samples) > 0.15


def test_one_form_that_all_clips_have_is_kept_and_else_it_is_that_of_a_cd(
    services, clip, playlist, render
):
    same = playlist(*(element(n, clip(440, 1, 22050, 1), str(n)) for n in range(2)))
    samples, rate = sound_of(services, render(same)[1])
    assert (rate, samples.shape[1]) == (22050, 1)
    mixed = playlist(
        element(1, clip(440, 1, 22050, 1), "0"), element(2, clip(440, 1, 48000, 2), "1")
    )
    samples, rate = sound_of(services, render(mixed)[1])
    assert (rate, samples.shape) == (44100, (88200, 2))
    assert level(samples[5000:40000, 0]) == pytest.approx(level(samples[50000:80000, 0]), rel=0.02)


# -- what cannot be rendered ------------------------------------------------------------------


def test_a_clip_that_is_gone_is_named_by_its_element(services, clip, playlist, render):
    gone = clip()
    inner = playlist(element(7, gone, "0"))
    outer = playlist(element(1, clip(), "0"), element(2, inner, "1", kind="playlist"))
    result_of(services.clips.delete(services.caller(), gone, forced=False))
    _, rendered = render(outer)
    name = f"{2:016x}/{7:016x}"
    assert rendered.status == "fault"
    assert rendered.fault == f"playlistElement {name}: there is no clip {gone}"


def test_a_playlist_that_is_gone_is_named_by_its_element(services, clip, playlist, render):
    inner = playlist(element(7, clip(), "0"))
    outer = playlist(element(2, inner, "0", kind="playlist"))
    result_of(services.playlists.delete(services.caller(), inner, forced=True))
    _, rendered = render(outer)
    assert rendered.fault == f"playlistElement {2:016x}: there is no playlist {inner}"


def test_bytes_that_are_missing_are_named_by_the_element(services, clip, playlist, render):
    gunid = clip()
    outer = playlist(element(3, gunid, "0"))
    (content,) = services.store.contents()
    services.store.remove(content)
    _, rendered = render(outer)
    assert rendered.fault == (
        f"playlistElement {3:016x}: clip {gunid}: the audio cannot be found in the store"
    )


def test_audio_that_cannot_be_decoded_is_named_by_the_element(services, clip, playlist, render):
    gunid = clip()
    outer = playlist(element(3, gunid, "0"))
    (content,) = services.store.contents()
    path = services.store.path(content)
    path.chmod(0o600)
    path.write_bytes(bytes(path.stat().st_size))
    _, rendered = render(outer)
    assert rendered.status == "fault"
    assert rendered.fault.startswith(f"playlistElement {3:016x}: clip {gunid}: ")


def test_a_webstream_cannot_be_mixed(services, playlist, render):
    stream = result_of(
        services.webstreams.store(services.caller(), None, "", "live", "http://live.example/x")
    )
    _, rendered = render(playlist(element(5, stream, "0")))
    assert rendered.fault == f"playlistElement {5:016x}: {stream} is a webstream"


def test_an_empty_playlist_cannot_be_mixed(playlist, render):
    assert render(playlist())[1].fault == "nothing is played in the playlist"


def test_a_playlist_of_days_is_refused_at_once(clip, playlist, render):
    _, rendered = render(playlist(element(1, clip(), "90000")))
    assert rendered.fault == "the playlist is longer than 24 hours"


def test_what_is_no_playlist_is_refused_before_there_is_a_job(services, clip):
    for gunid in (clip(), Gunid.parse("00000000000000aa")):
        for kind in Rendering:
            with pytest.raises(NotFound):
                result_of(services.rendering.start(services.caller(), gunid, kind, BASE))


def test_who_may_not_store_may_not_render_to_a_clip(services, clip, playlist):
    gunid = playlist(element(1, clip(), "0"))
    client = services.caller(Role.CLIENT)
    with pytest.raises(Forbidden):
        result_of(services.rendering.start(client, gunid, Rendering.CLIP, BASE))
    assert result_of(services.rendering.start(client, gunid, Rendering.FILE, BASE))


# -- what there is afterwards -----------------------------------------------------------------


@pytest.mark.usefixtures("dsn")
def test_the_file_is_kept_by_its_lease_alone(services, clip, playlist, render):
    gunid = playlist(element(1, clip(), "0"), metadata="<dc:title>Überraschung</dc:title>")
    token, rendered = render(gunid)
    result_of(services.maintenance.tidy())
    assert len(list(services.store.contents())) == 2
    file = result_of(services.downloads.leased(rendered.lease, "ogg"))
    file.content.close()
    assert file.file_name == "Überraschung"
    result_of(services.rendering.close(token, Rendering.FILE))
    result_of(services.maintenance.tidy())
    assert len(list(services.store.contents())) == 1
    for use in (services.rendering.check, services.rendering.close):
        with pytest.raises(UnknownToken):
            result_of(use(token, Rendering.FILE))


def test_only_the_result_is_leased_when_a_job_has_ended(
    services, clip, playlist, render, connection
):
    render(playlist(element(1, clip(), "0")))
    render(playlist(element(1, Gunid.parse("00000000000000aa"), "0")))
    with connection.cursor() as cursor:
        cursor.execute("SELECT kind FROM lease")
        assert cursor.fetchall() == [("audio",)]


def test_a_file_that_nobody_asks_for_expires(services, clip, playlist, render):
    token, rendered = render(playlist(element(1, clip(), "0")))
    for _ in range(3):
        services.clock.advance(timedelta(hours=20))
        assert result_of(services.rendering.check(token, Rendering.FILE)) == rendered
    services.clock.advance(timedelta(hours=25))
    assert result_of(services.rendering.check(token, Rendering.FILE)).status == "fault"


def test_a_clip_is_described_like_the_playlist(services, clip, playlist, render):
    said = (
        "<dc:title>Song &amp; dance</dc:title><dcterms:extent>00:00:02.000000</dcterms:extent>"
        "<dc:creator>Ann</dc:creator><dc:description>&lt;b&gt;</dc:description>"
    )
    gunid = playlist(element(1, clip(), "0"), metadata=said, length="00:00:02.000000")
    _, rendered = render(gunid, Rendering.CLIP)
    assert (rendered.status, rendered.lease) == ("success", "")
    caller = services.caller()
    document = Document.parse(result_of(services.clips.document(caller, rendered.gunid)))
    told = {element.name: element.text for element in document.elements}
    del told["ls:mtime"]
    assert told == {
        "dc:title": "Song & dance",
        "dcterms:extent": "00:00:02.000000",
        "dc:creator": "Ann",
        "dc:description": "<b>",
    }
    file = result_of(services.downloads.current(caller, rendered.gunid))
    with file.content:
        assert (file.file_name, file.format) == ("rendered_playlist", "ogg")


def test_rendering_once_more_after_a_crash_makes_no_second_clip(services, clip, playlist):
    gunid = playlist(element(1, clip(), "0"))
    token = result_of(services.rendering.start(services.caller(), gunid, Rendering.CLIP, BASE))
    job = result_of(services.jobs.claim([Rendering.CLIP]))
    for _ in range(2):
        result_of(services.jobs.make_directory(job))
        result_of(services.render_work.to_clip(job, lambda share: None))
    result_of(services.jobs.give_back(job))
    work(services)
    rendered = result_of(services.rendering.check(token, Rendering.CLIP))
    assert str(rendered.gunid) == job.parameters["clip"]


def test_a_feed_names_every_clip_in_order(services, clip, playlist, render):
    song, jingle = clip(title="A &amp; B"), clip(880, title="Jingle &lt;1&gt;")
    stream = result_of(
        services.webstreams.store(services.caller(), None, "", "live", "http://l.example/?a&b")
    )
    inner = playlist(element(1, jingle, "0"))
    gunid = playlist(
        element(1, song, "0"),
        element(2, inner, "1", kind="playlist"),
        element(3, stream, "2"),
        element(4, song, "3"),
        metadata="<dc:title>Tonight &amp; always</dc:title>",
    )
    token, rendered = render(gunid, Rendering.FEED)
    file = result_of(services.downloads.leased(rendered.lease, "rss"))
    channel = ElementTree.fromstring(file.body).find("channel")
    assert channel.findtext("title") == "Tonight & always"
    assert channel.findtext("link") == f"{BASE}/"
    items = channel.findall("item")
    titles = [item.findtext("title") for item in items]
    assert titles[:2] == ["A & B", "Jingle <1>"]
    assert titles[3] == "A & B"
    enclosures = [item.find("enclosure") for item in items]
    assert [each is None for each in enclosures] == [False, False, True, False]
    assert enclosures[0].attrib["url"] == f"{BASE}/clips/{song}/audio.wav"
    assert enclosures[0].attrib["type"] == "audio/x-wav"
    assert int(enclosures[0].attrib["length"]) > 88200 * 2
    assert items[2].findtext("link") == "http://l.example/?a&b"
    guids = [item.findtext("guid") for item in items]
    assert len(set(guids)) == 4
    result_of(services.rendering.close(token, Rendering.FEED))
    with pytest.raises(UnknownToken):
        result_of(services.downloads.leased(rendered.lease, "rss"))


def test_a_token_is_for_one_kind_of_rendering(services, clip, playlist):
    gunid = playlist(element(1, clip(), "0"))
    caller = services.caller()
    for kind in Rendering:
        token = result_of(services.rendering.start(caller, gunid, kind, BASE))
        for other in set(Rendering) - {kind}:
            for use in (services.rendering.check, services.rendering.close):
                with pytest.raises(WrongToken):
                    result_of(use(token, other))
        assert result_of(services.rendering.check(token, kind)).status == "working"


def test_a_closed_rendering_is_not_made(services, clip, playlist):
    gunid = playlist(element(1, clip(), "0"))
    token = result_of(services.rendering.start(services.caller(), gunid, Rendering.FILE, BASE))
    result_of(services.rendering.close(token, Rendering.FILE))
    work(services)
    assert len(list(services.store.contents())) == 1
