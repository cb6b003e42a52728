"""Clients that store, replace, describe, delete and trash clips of their own."""

import random
from dataclasses import dataclass
from enum import StrEnum

from endurance.crowd import Client, Crowd, Lost
from endurance.slots import NOT_DONE, Slot, State, Upload, path_of
from endurance.sounds import COUNT, digest, sound
from endurance.wire import Refused, Unanswered, Wire, in_pieces

_SLOTS = 6  # clips of each writer
_TRIES = 100


class Verb(StrEnum):
    """What a writer does to a clip."""

    STORE = "store or replace"
    DESCRIBE = "update metadata"
    DELETE = "delete"
    TRASH = "trash"
    BEGIN = "begin an upload"  # and leave it until the clip's next turn


_WEIGHTS = {Verb.STORE: 45, Verb.DESCRIBE: 20, Verb.DELETE: 8, Verb.TRASH: 8, Verb.BEGIN: 12}


@dataclass(frozen=True, slots=True)
class Order:
    """One operation, as the seed has it, whatever becomes of those before it."""

    number: int
    verb: Verb
    slot: int
    sound: int
    pause_s: float  # between two pieces of a body
    part: float  # of an upload that is only begun
    goes_on: bool  # with an upload that was broken off

    @classmethod
    def drawn(cls, number: int, chance: random.Random) -> "Order":
        """The next one."""
        (verb,) = chance.choices(list(_WEIGHTS), list(_WEIGHTS.values()))
        # The large ones seldom: they would be all that is ever done.
        size = min(int(chance.expovariate(6) * COUNT), COUNT - 1)
        return cls(
            number,
            verb,
            chance.randrange(_SLOTS),
            size,
            chance.choice((0, 0, 0.002, 0.01)),
            chance.random(),
            chance.random() < 0.7,
        )


class Writer(Client):
    """Has some clips that nobody else changes, and knows what each may be."""

    def __init__(
        self, crowd: Crowd, wire: Wire, number: int, seed: int, *, forsakes: bool = True
    ) -> None:
        """With `forsakes` some uploads that were broken off are left so."""
        super().__init__(crowd, wire, f"writer {number}")
        self.slots = [
            Slot(f"{number + 1:08x}{each:08x}", f"writer {number} clip {each}")
            for each in range(_SLOTS)
        ]
        self._chance = random.Random(f"{seed} {self.name}")  # noqa: S311 - not a secret
        self._looks = random.Random(f"{seed} {self.name} looks")  # noqa: S311 - not a secret
        self._forsakes = forsakes
        self._number = 0
        self._last = self.slots[0]

    def step(self) -> None:
        self._number += 1
        order = Order.drawn(self._number, self._chance)
        self.crowd.begin(order.verb)
        slot = self._last = self.slots[order.slot]
        if slot.upload is not None:
            self._go_on(slot, slot.upload, order)
        self._carry_out(order, slot)

    def settle(self) -> None:
        """Look after the last clip, and any other."""
        self._last.verify(self.wire)
        self._looks.choice(self.slots).verify(self.wire)

    def verify_all(self) -> None:
        for slot in self.slots:
            slot.verify(self.wire)

    def _carry_out(self, order: Order, slot: Slot) -> None:
        state = slot.state
        if state is None or order.verb in (Verb.STORE, Verb.BEGIN):
            self._store(order, slot)
        elif order.verb is Verb.DESCRIBE:
            self._describe(slot, State(state.md5, self._creator(order)))
        else:
            slot.possible.add(None)
            is_forced = order.verb is Verb.DELETE
            self.wire.call("deleteAudioClip", gunid=slot.gunid, forced=is_forced)
            slot.possible = {None}

    def _creator(self, order: Order) -> str:
        return f"{self.name} order {order.number}"

    def _describe(self, slot: Slot, result: State) -> None:
        slot.possible.add(result)
        document = slot.document(result.creator)
        self.wire.call("updateAudioClipMetadata", gunid=slot.gunid, metadata=document)
        slot.possible = {result}

    # -- uploads ----------------------------------------------------------------------------------

    def _store(self, order: Order, slot: Slot) -> None:
        chsum, creator = digest(order.sound), self._creator(order)
        opened = self.wire.call(
            "storeAudioClipOpen",
            gunid=slot.gunid,
            metadata=slot.document(creator),
            fname=f"{order.number}.wav",
            chsum=chsum,
        )
        result = State(chsum, creator)
        upload = Upload(opened["token"], path_of(opened["url"]), order.sound, result)
        slot.upload = upload
        slot.sounds.add(chsum)
        if order.verb is Verb.BEGIN:
            size = int(len(sound(order.sound)) * order.part)
            self._send(upload, sound(order.sound)[:size], order.pause_s)
        else:
            self._finish(slot, upload, order)

    def _finish(self, slot: Slot, upload: Upload, order: Order) -> None:
        self._send(upload, sound(upload.sound), order.pause_s)
        upload.is_closing = True
        slot.possible.add(upload.result)
        self.wire.call("storeAudioClipClose", token=upload.token)
        slot.possible, slot.upload = {upload.result}, None

    def _go_on(self, slot: Slot, upload: Upload, order: Order) -> None:
        """Take up what was broken off; or leave it, as clients do that are closed."""
        if slot.state == upload.result:
            slot.upload = None
            self._require_closed(upload)
        elif order.goes_on or not self._forsakes:
            self._finish(slot, upload, order)
            self.crowd.count("uploads resumed")
        else:
            slot.upload = None

    def _require_closed(self, upload: Upload) -> None:
        """Raise Lost unless an upload that was closed without an answer cannot be closed again."""
        try:
            self.wire.call("storeAudioClipClose", token=upload.token)
        except Refused as refusal:
            if refusal.code == NOT_DONE:
                return
        raise Lost(f"an upload can be closed twice: {upload}")

    def _send(self, upload: Upload, whole: bytes, pause_s: float) -> None:
        """Send what the archive has not got yet. Raises Lost if it has less than it said."""
        total = len(sound(upload.sound))
        for _ in range(_TRIES):
            answer = self.wire.ask("HEAD", upload.path)
            offset = int(answer.headers.get("Upload-Offset", -1))
            if offset < upload.acknowledged and not upload.is_closing:
                raise Lost(f"{answer.status}: {offset} bytes of {upload} are left")
            if offset >= len(whole):
                return
            last = len(whole) - 1
            place = {
                "Content-Range": f"bytes {offset}-{last}/{total}",
                "Content-Length": str(len(whole) - offset),
            }
            body = in_pieces(whole[offset:], pause_s)
            answer = self.wire.ask("PUT", upload.path, body, place)
            if answer.status == 200:
                upload.acknowledged = len(whole)
                return
            if answer.status != 409:  # who sent before has not let go yet
                raise Lost(f"{answer.status} {answer.body!r} to {place} of {upload}")
        raise Unanswered("somebody else is sending")
