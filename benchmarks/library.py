"""A made-up library of any size: clips as radio stations describe them, the same for each seed.

Words, artists, genres and labels follow Zipf's law, in a dozen languages and four scripts; titles
come in two languages, creators, genres and moods repeat; some clips have elements of a namespace
of their own. Clip number N is the same however many are made, and any range can be made by itself.
"""

import itertools
import math
import random
from bisect import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from archive_server.model.clips import FileType
from archive_server.model.documents import Document, Element
from archive_server.model.extents import extent_text
from archive_server.model.gunid import Gunid
from benchmarks.library_words import FIRST_NAMES, GENRES, LANGUAGES, MOODS, SYLLABLES

LAST_CHANGE = datetime(2026, 11, 1, tzinfo=UTC)
_BLOCK = 2_000  # clips that share one stream of chance
_LABELS = ("Records", "Music", "Recordings", "Audio", "Disques", "Tonträger", "Sound")


@dataclass(frozen=True, slots=True)
class LibraryClip:
    """A clip of the library: all that searches can know of it."""

    number: int  # from 1 on
    gunid: Gunid
    file_type: FileType
    document: Document
    mtime: datetime
    duration_us: int


class Zipf:
    """Draws ranks from 0 on; rank k weighs 1 / (k + shift) ** exponent."""

    def __init__(self, ranks: int, exponent: float = 1.0, shift: float = 2.0) -> None:
        weights = (1.0 / (rank + shift) ** exponent for rank in range(ranks))
        self._bounds = list(itertools.accumulate(weights))

    def draw(self, rng: random.Random) -> int:
        """A rank."""
        return bisect(self._bounds, rng.random() * self._bounds[-1])


@dataclass(frozen=True, slots=True)
class Artist:
    """Somebody with a name, a language, a usual genre, and albums with their years."""

    name: str
    language: str
    genre: str
    albums: tuple[tuple[str, int], ...]


class Library:
    """The world behind the clips. `scale`: how many clips it is made for, not how many are drawn;
    artists and labels grow with it, more slowly.
    """

    def __init__(self, seed: int = 1, scale: int = 1_000_000) -> None:
        self._seed, self._scale = seed, scale
        rng = random.Random(f"library/{seed}/{scale}")  # noqa: S311 - not a secret
        self._words = {language: _vocabulary(rng, language) for language in LANGUAGES}
        self._ranks = {name: Zipf(len(words), 1.0, 4.0) for name, words in self._words.items()}
        self._genres = Zipf(len(GENRES), 1.05)
        artists = max(50, int(0.9 * scale**0.8))
        self._artists = [self._artist(rng, rank / artists) for rank in range(artists)]
        self._fame = Zipf(artists, 0.85, 12.0)
        self._labels = [
            f"{_capital(self._word(rng, 'en'))} {rng.choice(_LABELS)}"
            for _ in range(max(20, int(scale**0.6)))
        ]
        self._label_ranks = Zipf(len(self._labels), 0.9, 5.0)
        self._studios = [f"{_capital(self._word(rng, 'en'))} Studio {n % 4}" for n in range(300)]

    def clips(self, first: int = 1, last: int | None = None) -> Iterator[LibraryClip]:
        """The clips of these numbers; without `last` all that the library was made for."""
        last = self._scale if last is None else last
        block, skipped = divmod(first - 1, _BLOCK)
        blocks = itertools.count(block)
        clips = itertools.chain.from_iterable(map(self._block, blocks))
        return itertools.islice(clips, skipped, skipped + last - first + 1)

    def _block(self, block: int) -> Iterator[LibraryClip]:
        rng = random.Random(f"clips/{self._seed}/{self._scale}/{block}")  # noqa: S311
        for place in range(_BLOCK):
            yield self._clip(rng, block * _BLOCK + place + 1)

    def _clip(self, rng: random.Random, number: int) -> LibraryClip:
        chance = rng.random()
        file_type = (
            FileType.AUDIO_CLIP
            if chance < 0.97
            else FileType.PLAYLIST
            if chance < 0.99
            else FileType.WEBSTREAM
        )
        artist = self._artists[self._fame.draw(rng)]
        duration_us = int(_duration(rng) * 1_000_000)
        elements = [
            *self._titles(rng, artist.language),
            *self._creators(rng, artist),
            _element("dcterms:extent", extent_text(duration_us)),
            *self._publication(rng, artist),
            *self._details(rng, artist),
        ]
        bare = _BARE[file_type]
        document = Document(bare.root, bare.attributes, bare.metadata_attributes, tuple(elements))
        age = timedelta(days=min(22 * 365.0, rng.expovariate(1 / 1500)), seconds=rng.random())
        mtime = (LAST_CHANGE - age).replace(microsecond=0)
        return LibraryClip(number, _gunid(rng), file_type, document, mtime, duration_us)

    def _titles(self, rng: random.Random, language: str) -> Iterator[Element]:
        title = self._title(rng, language)
        chance = rng.random()
        if chance < 0.05:
            title += " (Live)"
        elif chance < 0.08:
            title += " (Remix)"
        elif chance < 0.11:
            title += f" - Part {rng.randint(1, 9)}"
        if rng.random() < 0.94:
            yield _element("dc:title", title)
            return
        other = "en" if language != "en" else rng.choice(("fr", "es", "de", "ru"))
        yield _element("dc:title", title, language)
        yield _element("dc:title", self._title(rng, other), other)

    def _creators(self, rng: random.Random, artist: Artist) -> Iterator[Element]:
        yield _element("dc:creator", artist.name)
        if rng.random() < 0.10:
            yield _element("dc:creator", self._artists[self._fame.draw(rng)].name)

    def _publication(self, rng: random.Random, artist: Artist) -> Iterator[Element]:
        album, year = rng.choice(artist.albums)
        if rng.random() < 0.85:
            yield _element("dc:source", album)
        if rng.random() < 0.92:
            own = rng.random() < 0.7
            yield _element("ls:genre", artist.genre if own else GENRES[self._genres.draw(rng)])
            if rng.random() < 0.08:
                yield _element("ls:genre", GENRES[self._genres.draw(rng)])
        if rng.random() < 0.88:
            yield _element("ls:year", str(year))
        if rng.random() < 0.80:
            yield _element("ls:track_num", str(1 + int(18 * rng.random() * rng.random())))
        if rng.random() < 0.45:
            yield _element("dc:publisher", self._labels[self._label_ranks.draw(rng)])
        if rng.random() < 0.30:
            country, firm = rng.choice(("US", "GB", "DE", "FR", "RS")), rng.choice(("ABC", "QZ1"))
            code = f"{country}{firm}{year % 100:02}{rng.randrange(100_000):05}"
            yield _element("ls:isrcnumber", code)

    def _details(self, rng: random.Random, artist: Artist) -> Iterator[Element]:
        language = artist.language
        if rng.random() < 0.25:
            yield _element("ls:bpm", str(int(rng.gauss(118, 22))))
        if rng.random() < 0.30:
            yield _element("dc:language", language)
        if rng.random() < 0.20:
            for mood in rng.sample(MOODS, 1 + (rng.random() < 0.3)):
                yield _element("ls:mood", mood)
        if rng.random() < 0.12:
            yield _element("dc:contributor", self._artists[self._fame.draw(rng)].name)
        if rng.random() < 0.08:
            words = (self._word(rng, language) for _ in range(rng.randint(12, 40)))
            yield _element("dc:description", _capital(" ".join(words)) + ".", language)
        if rng.random() < 0.05:
            yield _element("x:studio", rng.choice(self._studios))
        if rng.random() < 0.05:
            shelf = f"{rng.choice('ABCDEFGH')}-{rng.randrange(1000):03}/{rng.randrange(60):02}"
            yield _element("x:shelf", shelf)

    def _artist(self, rng: random.Random, obscurity: float) -> Artist:
        """An artist; the famous ones have more albums."""
        shares = list(itertools.accumulate(share for _, share, *_ in LANGUAGES.values()))
        language = list(LANGUAGES)[bisect(shares, rng.random() * shares[-1])]
        year = 1952 + int(72 * math.sqrt(rng.random()))
        number = 1 + int(rng.random() * (2 + 14 / (1 + 20 * obscurity)))
        albums = ((self._title(rng, language, 5), min(2026, year + 2 * n)) for n in range(number))
        genre = GENRES[self._genres.draw(rng)]
        return Artist(self._name(rng, language), language, genre, tuple(albums))

    def _name(self, rng: random.Random, language: str) -> str:
        script = LANGUAGES[language][0]
        chance = rng.random()
        if chance < 0.55:
            space = "" if script == "kana" else " "
            return rng.choice(FIRST_NAMES[script]) + space + _capital(self._word(rng, language))
        if chance < 0.75 and script == "latin":
            words = _capital(self._word(rng, language)), _capital(self._word(rng, language))
            return f"The {words[0]} {words[1]}s"
        if chance < 0.85:
            return f"{rng.choice(FIRST_NAMES[script])} & {_capital(self._word(rng, language))}"
        return self._title(rng, language, 3)

    def _title(self, rng: random.Random, language: str, longest: int = 6) -> str:
        number = min(longest, 1 + int(rng.random() * rng.random() * 7))
        if number == 1 and rng.random() < 0.6:
            number = 2
        words = [self._word(rng, language) for _ in range(number)]
        return "".join(words) if language == "ja" else " ".join(map(_capital, words))

    def _word(self, rng: random.Random, language: str) -> str:
        return self._words[language][self._ranks[language].draw(rng)]


_BARE = {file_type: Document.empty(file_type) for file_type in FileType}


def _element(name: str, text: str, language: str = "") -> Element:
    return Element(name, (("xml:lang", language),) if language else (), text, ())


def _vocabulary(rng: random.Random, language: str) -> Sequence[str]:
    """The frequent words of a language, then words of syllables."""
    script, _, size, accents, frequent = LANGUAGES[language]
    words = dict.fromkeys(frequent)
    while len(words) < size:
        syllables = rng.choice((1, 2, 2, 2, 3, 4 if script == "kana" else 3))
        word = "".join(rng.choice(part) for _ in range(syllables) for part in SYLLABLES[script])
        if accents and rng.random() < 0.35:
            place = rng.randrange(len(word) + 1)
            word = word[:place] + rng.choice(accents) + word[place:]
        if len(word) > 2:
            words[word] = None
    return list(words)


def _capital(word: str) -> str:
    return word[:1].upper() + word[1:]


def _duration(rng: random.Random) -> float:
    """Seconds: mostly songs, some jingles, some shows."""
    chance = rng.random()
    if chance < 0.06:
        return rng.uniform(3, 35)
    if chance < 0.09:
        return rng.uniform(900, 7300)
    return min(1500.0, max(45.0, rng.lognormvariate(5.42, 0.33)))


def _gunid(rng: random.Random) -> Gunid:
    return Gunid(UUID(int=rng.getrandbits(128), version=4))
