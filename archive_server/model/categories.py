"""Names of metadata elements: their grammar, and the standard ones (livesupport-protocol 5.2)."""

import re

# NCName of "Namespaces in XML 1.0"
_START = (
    "A-Z_a-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02ff\u0370-\u037d\u037f-\u1fff\u200c\u200d"
    "\u2070-\u218f\u2c00-\u2fef\u3001-\ud7ff\uf900-\ufdcf\ufdf0-\ufffd\U00010000-\U000effff"
)
_NCNAME = f"[{_START}][{_START}0-9.\u00b7\u0300-\u036f\u203f\u2040-]*"
_QNAME = re.compile(f"{_NCNAME}(?::{_NCNAME})?")
_LONGEST = 255  # characters

STANDARD = frozenset(
    """
    dc:title dcterms:extent
    dc:identifier dc:creator dc:source dc:publisher dc:subject dc:contributor dc:rights
    dcterms:alternative dcterms:entity dcterms:isPartOf ls:encoded_by ls:composer ls:encoder
    ls:orchestra ls:conductor ls:lyricist ls:originallyricist ls:radiostationname
    ls:originalartist ls:license ls:filename ls:mood
    dc:description ls:lyrics
    ls:genre ls:year dc:type dc:format ls:track_num ls:disc_num ls:channels ls:samplerate
    dc:language dcterms:spatial
    ls:bpm ls:rating ls:bitrate ls:crc ls:isrcnumber ls:catalognumber
    ls:audiofileinfourl ls:artisturl ls:audiosourceurl ls:radiostationurl ls:buycdurl ls:url
    dcterms:temporal dc:date
    ls:mtime
    """.split()  # noqa: SIM905 - a list to be compared with the protocol's, line by line
)


def is_name(text: str) -> bool:
    """Whether `text` can name an element: one name, or a prefix and a name."""
    return len(text) <= _LONGEST and _QNAME.fullmatch(text) is not None


def local_name(category: str) -> str:
    """The name without its prefix."""
    return category.rpartition(":")[2]


def is_meant(category: str, name: str) -> bool:
    """Whether elements called `name` are meant by `category`, which may lack a prefix."""
    return name == category or local_name(name) == category
