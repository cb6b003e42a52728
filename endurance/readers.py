"""Clients that read what others change: each gets the bytes of one revision, at its own pace."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from endurance.crowd import Client, Crowd, Lost
from endurance.slots import NO_AUDIO, NOT_DONE, Slot, is_prefix, path_of
from endurance.sounds import by_digest
from endurance.wire import Refused, Wire

_KEPT = 4  # leases that are held over crashes


@dataclass
class Reading:
    """A lease, and what has been read with it."""

    gunid: str
    token: str
    path: str
    md5: str
    has: bytearray = field(default_factory=bytearray)
    is_closing: bool = False


class Reader(Client):
    """Leases, reads in its own time, goes on where it was cut off, and closes."""

    def __init__(
        self, crowd: Crowd, wire: Wire, number: int, seed: int, slots: Sequence[Slot]
    ) -> None:
        super().__init__(crowd, wire, f"reader {number}")
        self._slots = slots
        self._chance = random.Random(f"{seed} {self.name}")  # noqa: S311 - not a secret
        self._readings: list[Reading] = []
        self._files: dict[str, tuple[Path, str]] = {}  # token: where it is, and of which clip
        self._releasing: str | None = None

    def step(self) -> None:
        slot, pause_s = self._chance.choice(self._slots), self._chance.choice((0, 0, 0.002, 0.02))
        takes_file, closes = self._chance.random() < 0.15, self._chance.random() < 0.8
        if takes_file:
            self.crowd.begin("take a file")
            self._take_file(slot)
            return
        self.crowd.begin("lease and read")
        reading = self._lease(slot)
        if reading is not None:
            self._read(reading, pause_s)
            self._close_some(0 if closes else _KEPT)

    def settle(self) -> None:
        """Go on reading, from where it was."""
        if self._releasing is not None:
            self._release(self._releasing)
        for reading in self._readings:
            if not reading.is_closing:
                self._read(reading, 0)
        self._close_some(_KEPT)
        self._look_at_files()

    def verify_all(self) -> None:
        """Read all that is leased from its beginning."""
        for reading in self._readings:
            if not reading.is_closing:
                reading.has.clear()
                self._read(reading, 0)
        self._look_at_files()

    # -- over HTTP --------------------------------------------------------------------------------

    def _lease(self, slot: Slot) -> Reading | None:
        try:
            opened = self.wire.call("downloadRawAudioDataOpen", gunid=slot.gunid)
        except Refused as refusal:
            if refusal.code == NO_AUDIO:
                return None
            raise
        reading = Reading(slot.gunid, opened["token"], path_of(opened["url"]), opened["chsum"])
        self._readings.append(reading)
        if reading.md5 not in slot.sounds:
            raise Lost(f"{slot.gunid} never had the audio that is leased: {reading.md5}")
        return reading

    def _read(self, reading: Reading, pause_s: float) -> None:
        """Read the rest. Raises Lost where it is not the rest of the same revision."""
        size = len(by_digest()[reading.md5])
        if len(reading.has) == size:
            return
        if reading.has:
            self.crowd.count("downloads resumed")
        status = self.wire.get_from(reading.path, len(reading.has), reading.has, pause_s)
        if status != 206 or len(reading.has) != size or not is_prefix(reading.has, reading.md5):
            raise Lost(f"{status}, {len(reading.has)} bytes: a lease of {reading.gunid}")

    def _close_some(self, most: int) -> None:
        while len(self._readings) > most:
            reading = self._readings[0]
            was_closing, reading.is_closing = reading.is_closing, True
            try:
                self.wire.call("downloadRawAudioDataClose", token=reading.token)
            except Refused as refusal:
                if not (was_closing and refusal.code == NOT_DONE):
                    raise Lost(f"a lease of {reading.gunid} was lost: {refusal}") from refusal
            del self._readings[0]

    # -- as files ---------------------------------------------------------------------------------

    def _take_file(self, slot: Slot) -> None:
        if len(self._files) >= _KEPT:
            self._release(next(iter(self._files)))
        try:
            given = self.wire.call("accessRawAudioData", gunid=slot.gunid)
        except Refused as refusal:
            if refusal.code == NOT_DONE:
                return
            raise
        path = Path(unquote(urlsplit(given["url"]).path))
        self._files[given["token"]] = path, slot.gunid
        self._look_at_files()

    def _release(self, token: str) -> None:
        path, gunid = self._files[token]
        was_releasing, self._releasing = self._releasing == token, token
        try:
            self.wire.call("releaseRawAudioData", token=token)
        except Refused as refusal:
            if not (was_releasing and refusal.code == NOT_DONE):
                raise Lost(f"the lease of a file of {gunid} was lost: {refusal}") from refusal
        else:
            if path.exists():
                raise Lost(f"{path.name} is still there after its release")
        del self._files[token]
        self._releasing = None

    def _look_at_files(self) -> None:
        sounds = by_digest().values()
        for token, (path, gunid) in self._files.items():
            if token != self._releasing and (not path.exists() or path.read_bytes() not in sounds):
                raise Lost(f"a file that was given out of {gunid} is not there, or not whole")
