"""Documents as the old scripts and clients wrote them."""

import re

# What a clip's document must look like when it is read back (LiveSupport storage protocol, 5.4).
CANONICAL = (
    r'(<\?xml version="1\.0" encoding="UTF-8"\?>\n)?'
    r'<audioClip><metadata xmlns="[^"]+" xmlns:dc="[^"]+" xmlns:dcterms="[^"]+" xmlns:ls="[^"]+" '
    r'xmlns:xml="http://www\.w3\.org/XML/1998/namespace">'
    r"<dc:title>%s</dc:title> <dcterms:extent>%s</dcterms:extent> "
    r"<ls:mtime>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d</ls:mtime></metadata></audioClip>\n?"
)
_DECLARED = """\
 xmlns="http://mdlf.org/campcaster/elements/1.0/"
 xmlns:ls="http://mdlf.org/campcaster/elements/1.0/"
 xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:dcterms="http://purl.org/dc/terms/"
 xmlns:xml="http://www.w3.org/XML/1998/namespace"
"""


def clip(title: str, extent: str = "00:00:11.000000") -> str:
    """A clip's document as `testRunner.sh` writes it."""
    return (
        f'<?xml version="1.0" encoding="utf-8"?>\n<audioClip>\n <metadata\n{_DECLARED} >\n'
        f"  <dc:title>{title}</dc:title>\n  <dcterms:extent>{extent}</dcterms:extent>\n"
        " </metadata>\n</audioClip>\n"
    )


def is_canonical(document: str, title: str, extent: str) -> bool:
    pattern = CANONICAL % (re.escape(title), re.escape(extent))
    return re.fullmatch(pattern, document) is not None


def script_playlist(plid: str, clips: list[str]) -> str:
    """A playlist as `testRunner.sh` writes it: offsets of 0, and metadata of another world."""
    items = "".join(
        f'<playlistElement id="{number:016x}" relativeOffset="0">\n<audioClip id="{gunid}"/>\n'
        "</playlistElement>\n"
        for number, gunid in enumerate(clips, 0x101)
    )
    return (
        f'<?xml version="1.0" encoding="utf-8"?>\n<playlist id="{plid}">\n<metadata\n'
        ' xmlns="http://www.streamonthefly.org/"\n xmlns:dc="http://purl.org/dc/elements/1.1/"\n'
        ' xmlns:dcterms="http://purl.org/dc/terms/"\n'
        ' xmlns:xbmf="http://www.streamonthefly.org/xbmf"\n'
        ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"\n>\n'
        "<dc:title>Playlist of the test runner</dc:title>\n"
        "<dc:creator>A. Author</dc:creator>\n<dcterms:extent>00:00:23.200000</dcterms:extent>\n"
        f"</metadata>\n{items}</playlist>\n"
    )


def studio_playlist(plid: str, title: str, clips: list[tuple[str, int, str]]) -> str:
    """A playlist as Studio writes it: nothing escaped, livesupport's namespaces.

    `clips` are ids, seconds and titles.
    """
    items, offset = "", 0
    for number, (gunid, seconds, name) in enumerate(clips, 0x201):
        items += (
            f'<playlistElement id="{number:016x}" relativeOffset="{_time(offset)}">'
            f'<audioClip id="{gunid}" title="{name}" playlength="{_time(seconds)}"/>'
            f'<fadeInfo id="{number + 0x100:016x}" fadeIn="{_time(0)}" fadeOut="{_time(1)}"/>'
            "</playlistElement>\n"
        )
        offset += seconds
    return (
        f'<?xml version="1.0"?>\n<playlist id="{plid}">\n{items}'
        '<metadata xmlns="http://mdlf.org/livesupport/elements/1.0/"'
        ' xmlns:ls="http://mdlf.org/livesupport/elements/1.0/"'
        ' xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/"'
        ' xmlns:xml="http://www.w3.org/XML/1998/namespace">'
        f"<dc:title>{title}</dc:title><dcterms:extent>{_time(offset)}</dcterms:extent>"
        "</metadata></playlist>\n"
    )


def _time(seconds: int) -> str:
    return f"00:{seconds // 60:02}:{seconds % 60:02}.000000"
