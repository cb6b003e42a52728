"""How text is folded before it is compared: one function, for data and for queries.

Livesupport-protocol 6.2: the classic operators ignore case, in every script, and nothing else.
"""

from unicodedata import normalize

# Listed, because every library has another idea of it: XML's, and Unicode's space separators.
WHITE_SPACE = (
    " \t\r\n\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u202f\u205f\u3000"
)
_NO_WHITE_SPACE = str.maketrans("", "", WHITE_SPACE)
_SORTED_BY = 200  # characters; more would overflow the rows of a btree


def fold(text: str) -> str:
    """`text` without differences of case and of Unicode composition."""
    if text.isascii():
        return text.lower()
    # Case folding can take composed characters apart, so compose once more.
    return normalize("NFC", normalize("NFC", text).casefold())


def sort_key(text: str) -> str:
    """What `text` is sorted by: folded, without white space, its beginning only.

    Livesupport-protocol 6.6: "File2 Title" comes before "File Title".
    """
    return fold(text).translate(_NO_WHITE_SPACE)[:_SORTED_BY]
