"""When each clip of a playlist is heard, and how loud: playlists within playlists made flat.

An item is heard from its offset on, from `clip_start_us` to `clip_end_us` of what it is, or to
its end. Its fades are straight, from 0 to 100 % of the level; those of a playlist are multiplied
with those inside.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from archive_server.errors import Conflict, TooLarge
from archive_server.model.clips import AudioFacts, FileType
from archive_server.model.gunid import Gunid
from archive_server.model.playlists import Item, Playlist

# Playlists that hold others twice, which hold others twice: nobody means to hear all of that.
_MOST = 10_000
_MOST_AT_ONCE = 64
_USUAL_RATE = 44_100
_LOWEST_RATE, _HIGHEST_RATE = 8_000, 192_000  # that Vorbis encoders know
_STEREO = 2


@dataclass(frozen=True, slots=True)
class Ramp:
    """A rise from silence at the start, and a fall to silence at the end."""

    start_us: int
    end_us: int
    in_us: int
    out_us: int

    def moved(self, by_us: int) -> "Ramp":
        return replace(self, start_us=self.start_us + by_us, end_us=self.end_us + by_us)


@dataclass(frozen=True, slots=True)
class Sound:
    """Some of a clip, heard from `at_us` on; the levels of all its ramps are multiplied."""

    gunid: Gunid
    element: str  # which element it is, for who has to repair it: `a/b` is b of the playlist at a
    at_us: int
    from_us: int  # where in the clip
    length_us: int
    ramps: tuple[Ramp, ...] = ()

    @property
    def end_us(self) -> int:
        return self.at_us + self.length_us

    def cut(self, start_us: int, end_us: int) -> "Sound":
        """What of it is heard between two times; no length, or less, if nothing is."""
        late = max(0, start_us - self.at_us)
        at_us = self.at_us + late
        end_us = min(self.end_us, end_us)
        return replace(self, at_us=at_us, from_us=self.from_us + late, length_us=end_us - at_us)

    def moved(self, by_us: int) -> "Sound":
        ramps = tuple(ramp.moved(by_us) for ramp in self.ramps)
        return replace(self, at_us=self.at_us + by_us, ramps=ramps)


def sounds(
    playlist: Playlist, playlists: Mapping[Gunid, Playlist], lengths_us: Mapping[Gunid, int]
) -> list[Sound]:
    """Everything that is heard, by time.

    `playlists` are those that are held, at any depth; `lengths_us` are those of the clips' audio.
    Raises TooLarge, Conflict.
    """
    _check_number(playlist, playlists)
    found = _sounds(playlist, playlists, lengths_us, "")
    found.sort(key=lambda sound: sound.at_us)
    _check_voices(found)
    return found


def length_us(playlist: Playlist, heard: Iterable[Sound]) -> int:
    """How long it is: what the playlist says, but not less than what is heard."""
    return max([playlist.length_us, *(sound.end_us for sound in heard)])


def in_order(playlist: Playlist, playlists: Mapping[Gunid, Playlist]) -> list[tuple[str, Item]]:
    """The clips and streams of a playlist, one after the other, each with the name of its element.

    Those of a playlist that it holds stand in its place. Raises TooLarge.
    """
    _check_number(playlist, playlists)
    return list(_in_order(playlist, playlists, ""))


def inside(item: Item, playlists: Mapping[Gunid, Playlist]) -> Playlist:
    """The playlist that an item is: as the archive has it, or as it is written in the item."""
    known = playlists.get(item.gunid) if item.gunid else None
    playlist = known or item.inline
    assert playlist is not None, "what is held was found before"
    return playlist


def common_form(clips: Sequence[AudioFacts]) -> tuple[int, int]:
    """The sample rate and the number of channels that all agree on, or else CD's."""
    rates = {facts.sample_rate for facts in clips}
    channels = {facts.channels for facts in clips}
    rate = rates.pop() if len(rates) == 1 else _USUAL_RATE
    if not _LOWEST_RATE <= rate <= _HIGHEST_RATE:
        rate = _USUAL_RATE
    return rate, 1 if channels == {1} else _STEREO


def _in_order(
    playlist: Playlist, playlists: Mapping[Gunid, Playlist], element: str
) -> Iterator[tuple[str, Item]]:
    for item in playlist.in_time().items:
        name = element + item.element_id
        if item.kind is FileType.PLAYLIST:
            yield from _in_order(inside(item, playlists), playlists, f"{name}/")
        else:
            yield name, item


def _sounds(
    playlist: Playlist,
    playlists: Mapping[Gunid, Playlist],
    lengths_us: Mapping[Gunid, int],
    element: str,
) -> list[Sound]:
    found: list[Sound] = []
    for item in playlist.items:
        found += _heard(item, playlists, lengths_us, element)
    return found


def _heard(
    item: Item,
    playlists: Mapping[Gunid, Playlist],
    lengths_us: Mapping[Gunid, int],
    element: str,
) -> Iterator[Sound]:
    name = element + item.element_id
    if item.kind is FileType.PLAYLIST:
        playlist = inside(item, playlists)
        parts = _sounds(playlist, playlists, lengths_us, f"{name}/")
        whole_us = length_us(playlist, parts)
    else:
        assert item.gunid is not None, "what is heard was found before"
        whole_us = lengths_us[item.gunid]
        parts = [Sound(item.gunid, name, 0, 0, whole_us)]
    return _placed(item, parts, whole_us)


def _placed(item: Item, parts: Iterable[Sound], whole_us: int) -> Iterator[Sound]:
    """What is heard of an item, at the item's place, with the item's fades."""
    start_us = min(item.clip_start_us or 0, whole_us)
    end_us = whole_us if item.clip_end_us is None else min(item.clip_end_us, whole_us)
    ramps = _ramps(item, end_us - start_us)
    for part in parts:
        cut = part.cut(start_us, end_us)
        if cut.length_us > 0:
            moved = cut.moved(item.offset_us - start_us)
            yield replace(moved, ramps=(*moved.ramps, *ramps))


def _ramps(item: Item, played_us: int) -> tuple[Ramp, ...]:
    fade = item.fade
    if fade is None or not (fade.fade_in_us or fade.fade_out_us):
        return ()
    end_us = item.offset_us + played_us
    return (Ramp(item.offset_us, end_us, fade.fade_in_us, fade.fade_out_us),)


def _check_number(playlist: Playlist, playlists: Mapping[Gunid, Playlist]) -> None:
    """Raise TooLarge for too many items, whether anything is heard of them or not.

    It looks into each playlist once: ten levels of ten empty ones are as many as with clips.
    """
    if _number(playlist, playlists, {}) > _MOST:
        raise TooLarge(f"the playlist holds more than {_MOST} items, counting all inside")


def _number(
    playlist: Playlist, playlists: Mapping[Gunid, Playlist], known: dict[Gunid, int]
) -> int:
    number = len(playlist.items)
    for item in playlist.items:
        if item.kind is not FileType.PLAYLIST:
            continue
        if item.gunid is None or item.gunid not in playlists:
            number += _number(inside(item, playlists), playlists, known)
            continue
        if item.gunid not in known:
            known[item.gunid] = _number(playlists[item.gunid], playlists, known)
        number += known[item.gunid]
    return number


def _check_voices(by_time: Iterable[Sound]) -> None:
    playing: list[int] = []  # when each ends
    for sound in by_time:
        playing = [end_us for end_us in playing if end_us > sound.at_us]
        playing.append(sound.end_us)
        if len(playing) > _MOST_AT_ONCE:
            raise Conflict(
                f"playlistElement {sound.element}: more than {_MOST_AT_ONCE} clips play at once"
            )
