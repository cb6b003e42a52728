"""Playlists in all three forms: read within limits, mended where titles broke them, kept."""

from collections.abc import Callable
from dataclasses import replace

from archive_server.errors import BadDocument, RefusedArchive
from archive_server.model import m3u, smil
from archive_server.model.gunid import Gunid
from archive_server.model.playlist_imports import Tracks, made, references
from archive_server.model.playlists import Playlist
from archive_server.model.tracks import Track
from fuzz.costs import in_time

LARGEST = 2**18  # bytes of a playlist
_GUNID = Gunid.parse("0123456789abcdef")

TOKENS = (
    b'<playlist id="0000000000000001" playlength="00:00:11.000000" title="', b"</playlist>",
    b'<playlistElement id="0000000000000002" relativeOffset="0">', b"</playlistElement>",
    b'<audioClip id="0000000000000003" title="', b'" playlength="00:00:01.5"/>', b'clipStart="',
    b'clipEnd="', b'clipLength="', b'<fadeInfo id="1" fadeIn="', b'fadeOut="', b"<metadata>",
    b"</metadata>", b"<dc:title>", b"</dc:title>", b"uri=", b"xmlns:", b'" />', b'">', b"&", b"<",
    b"<smil>", b"</smil>", b"<body>", b"</body>", b"<par>", b"</par>", b'<audio src="', b"begin=",
    b"clipBegin=", b"<animate ", b'attributeName="soundLevel"', b'from="0%" to="100%"', b"29.7s",
    b"npt=", b"#EXTM3U\n", b"#EXTINF: ", b", ", b"99999999999999999999", b"../audioClip/",
    b"0000000000000003.ogg", b"http://a/",
)  # fmt: skip


def fuzz_one(data: bytes) -> None:
    """Read it as each of the forms; what is understood is kept, and read from there."""
    texts: list[bytes | str] = [data]
    try:
        texts.append(data.decode())
    except UnicodeDecodeError:
        texts.append(data.decode("latin-1"))
    for text in texts:
        _read_playlist(text)
    for read in (smil.read, m3u.read):
        _read_tracks(read, data)


def _read_playlist(xml: bytes | str) -> None:
    try:
        with in_time(len(xml)):
            playlist = Playlist.parse(xml, largest=LARGEST)
            playlist.check_metadata()
    except BadDocument as error:
        assert len(str(error)) < 2000, "an error tells of a document, and does not repeat it"
        return
    check_kept(playlist)


def check_kept(playlist: Playlist) -> None:
    """What is kept is what was read, and it can be found."""
    try:
        written = playlist.to_xml()
    except BadDocument:
        return  # a sum of times is too long
    again = Playlist.parse(written)
    assert again == replace(playlist, title=again.title), "what was read is what is kept"
    assert again.to_xml() == written
    assert Playlist.parse(written, largest=10 * LARGEST) == again, "what is kept can be sent"
    assert again.to_be_found().first("dcterms:extent")
    offsets = [item.offset_us for item in playlist.in_time().items]
    assert offsets == sorted(offsets)
    assert all(item.gunid is None or str(item.gunid) for item in playlist.references())


def check_kept_tracks(playlist: Playlist) -> None:
    """As `check_kept`, for what was no XML: of control characters nothing is kept."""
    try:
        written = playlist.to_xml()
    except BadDocument:
        return
    check_kept(Playlist.parse(written))


def _read_tracks(read: Callable[..., list[Track]], data: bytes) -> None:
    try:
        with in_time(len(data)):
            tracks = Tracks(tuple(read(data, largest=LARGEST)))
    except BadDocument:
        return
    assert tracks.is_as(tracks)
    try:
        lengths_us = {gunid: 1_000_000 for _, gunid in references(tracks)}
    except RefusedArchive:
        return
    check_kept_tracks(made(_GUNID, tracks, lengths_us))
    for write, back in ((smil.write, smil.read), (m3u.write, m3u.read)):
        written = write(tracks.tracks)
        assert len(back(written, largest=100 * LARGEST)) == len(tracks.tracks)
