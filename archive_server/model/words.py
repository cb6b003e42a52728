"""What counts as a word, in texts and in what is looked for: one function, for both.

Words are compared without accents and compatibility forms, beside what folding leaves out. Schema
files 0017 and 0022 say the same in SQL, for archives that were there before; tests hold the two
together.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from unicodedata import normalize

from archive_server.model.folding import fold

# All are listed, because every library has another idea of what a letter is, and parts of regular
# expressions, here and in PostgreSQL.
_ACCENTS = (
    r"\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a"
    r"\u064b-\u065f\u0670\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f"
)
_BETWEEN_WORDS = (
    r"\u0001-/:-@\[-`{-\u00a9\u00ab-\u00b1\u00b4\u00b6-\u00b8\u00bb\u00bf\u00d7\u00f7\u02c2-\u02c5"
    r"\u02d2-\u02df\u037e\u0387\u055a-\u055f\u0589\u058a\u05be\u05c0\u05c3\u05c6\u05f3\u05f4\u060c"
    r"\u060d\u061b\u061f\u066a-\u066d\u06d4\u0964\u0965\u1680\u180e\u2000-\u206f\u2117\u2190-\u2bff"
    r"\u2e00-\u2e7f\u3000-\u303f\u30fb\ufe10-\ufe1f\ufe30-\ufe6f"
)
# Written without spaces: each character is a word.
_WORDS_THEMSELVES = r"\u3040-\u30fa\u30fc-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"

_accents = re.compile(f"[{_ACCENTS}]")
_between_words = re.compile(f"[{_BETWEEN_WORDS}]+")
_words_themselves = re.compile(f"[{_WORDS_THEMSELVES}]")

LONGEST = 64  # characters of a word: what agrees in them is the same word
# Characters of `plain` texts. What they become has to fit into the megabyte of a tsvector, three
# times, at four bytes each.
_MOST_CHARACTERS = 80_000
_LONGEST_PLAIN = 6  # times as many characters as a text has bytes, at most, if it is not ASCII


@dataclass(frozen=True, slots=True)
class Sought:
    """Words that all have to occur, in any order: whole ones, and the beginning of one."""

    whole: tuple[str, ...]
    beginning: str | None

    @classmethod
    def read(cls, text: str) -> "Sought":
        """Read what somebody types: as long as nothing follows it, the last word goes on.

        Of one character by itself it does not: too much begins so.
        """
        found = words([fold(text)])
        if not found or len(found[-1]) == 1 or plain(fold(text)).endswith(" "):
            return cls(tuple(found), None)
        return cls(tuple(found[:-1]), found[-1])

    def __len__(self) -> int:
        return len(self.whole) + (self.beginning is not None)


def plain(folded: str) -> str:
    """The words of a folded text, with spaces between them."""
    if folded.isascii():  # nearly all are
        return _between_words.sub(" ", folded)
    text = normalize("NFC", _accents.sub("", normalize("NFKD", folded))).casefold()
    return _between_words.sub(" ", _words_themselves.sub(r" \g<0> ", text))


def words(folded: Iterable[str]) -> list[str]:
    """The different words of folded texts, in the order of their first occurrence.

    Of more text than one would read, the beginning only.
    """
    text = " ".join(map(plain, folded))[:_MOST_CHARACTERS]
    return list(dict.fromkeys(word[:LONGEST] for word in text.split(" ") if word))


def are_all_read(folded: Sequence[str]) -> bool:
    """Whether `words` finds all words of these texts for certain."""
    longest = (
        len(text) if text.isascii() else _LONGEST_PLAIN * len(text.encode()) for text in folded
    )
    return sum(longest) + len(folded) <= _MOST_CHARACTERS


def words_inside(part: str) -> list[str]:
    """The words of every text that has this folded part.

    The first and the last of the part may be pieces of longer ones.
    """
    found = [word[:LONGEST] for word in plain(part).split(" ") if word]
    first = 0 if plain(part[:1]) == " " else 1
    last = len(found) if plain(part[-1:]) == " " else -1
    return list(dict.fromkeys(found[first:last]))
