"""Clients that make, change and delete playlists of their own."""

import random
import re

from endurance.crowd import Client, Crowd, Lost
from endurance.slots import NO_AUDIO, NOT_DONE, path_of
from endurance.wire import Refused, Wire

_LISTS = 3
_TITLE = re.compile(r"<dc:title>version (\d+)</dc:title>")
_ITEM = re.compile(r"<playlistElement\b")
_MOST_ITEMS = 20


class Editor(Client):
    """Saves version after version of some playlists, and knows which it may find."""

    def __init__(self, crowd: Crowd, wire: Wire, number: int, seed: int) -> None:
        super().__init__(crowd, wire, f"editor {number}")
        self._chance = random.Random(f"{seed} {self.name}")  # noqa: S311 - not a secret
        self._plids = [f"{0xE000 + number:08x}{each:08x}" for each in range(_LISTS)]
        # The versions each may be: 0 is an empty one, None none at all.
        self._possible: dict[str, set[int | None]] = {plid: {None} for plid in self._plids}
        self._tokens: dict[str, str] = {}  # of those that are being changed
        self._unknown: set[str] = set()  # those that may be, with a token that never came
        self._version = 0
        self._saving = 0  # the last version that was sent to be saved
        self._last = self._plids[0]

    def step(self) -> None:
        self._version += 1
        plid, deletes = self._chance.choice(self._plids), self._chance.random() < 0.1
        self._last = plid
        if deletes or plid in self._unknown:
            self.crowd.begin("playlist delete")
            self._remove(plid)
        else:
            self.crowd.begin("playlist save")
            self._save(plid, self._version)

    def settle(self) -> None:
        self._verify(self._last)

    def verify_all(self) -> None:
        for plid in self._plids:
            self._verify(plid)

    def _remove(self, plid: str) -> None:
        self._possible[plid].add(None)
        self.wire.call("deletePlaylist", plid=plid, forced=True)
        self._possible[plid] = {None}
        self._tokens.pop(plid, None)
        self._unknown.discard(plid)

    def _save(self, plid: str, version: int) -> None:
        if self._possible[plid] == {None}:
            self._possible[plid].add(0)
            self.wire.call("createPlaylist", plid=plid)
            self._possible[plid] = {0}
        if plid not in self._tokens:
            self._unknown.add(plid)
            self._tokens[plid] = self.wire.call("editPlaylist", plid=plid)["token"]
            self._unknown.discard(plid)
        self._possible[plid].add(version)
        self._saving = version
        token, xml = self._tokens[plid], _playlist(plid, version)
        self.wire.call("savePlaylist", token=token, newPlaylist=xml)
        self._possible[plid] = {version}
        del self._tokens[plid]

    def _verify(self, plid: str) -> None:
        found = self._observe(plid)
        expected, self._possible[plid] = self._possible[plid], {found}
        if found not in expected:
            raise Lost(f"playlist {plid} is version {found}, and may be {expected}")
        if found in (None, self._saving):
            # What was done without an answer has ended the right to change it.
            self._tokens.pop(plid, None)

    def _observe(self, plid: str) -> int | None:
        try:
            opened = self.wire.call("accessPlaylist", plid=plid)
        except Refused as refusal:
            if refusal.code in (NO_AUDIO, NOT_DONE):
                return None
            raise
        text = self.wire.ask("GET", path_of(opened["url"])).body.decode()
        self.wire.call("releasePlaylist", token=opened["token"])
        title, items = _TITLE.search(text), len(_ITEM.findall(text))
        version = int(title[1]) if title else 0
        if items != _items(version):
            raise Lost(f"version {version} of playlist {plid} has {items} items")
        return version


def _items(version: int) -> int:
    return version % _MOST_ITEMS


def _playlist(plid: str, version: int) -> str:
    items = "".join(
        f'<playlistElement id="{number}" relativeOffset="{number}"><audioClip id="{number:016x}" '
        f'playlength="00:00:01.000000" title="{number}"/></playlistElement>'
        for number in range(1, _items(version) + 1)
    )
    return (
        f'<?xml version="1.0"?><playlist id="{plid}">{items}<metadata '
        f'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>version {version}</dc:title>'
        "</metadata></playlist>"
    )
