"""Taking many files of audio into the archive, at the pace of the disk or the decoder.

Several files are copied, digested and examined at a time, while those before them get their names
and rows, a batch in one transaction: bytes before rows, here too. What is in already is known by
its bytes. So an import that was broken off goes on where it stood when it is begun again, and
nothing has to remember how far it had come.
"""

import os
import time
from collections import deque
from collections.abc import Callable, Container, Generator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from archive_server.blocking import Database
from archive_server.database import clips_bulk, contents
from archive_server.database.clips_bulk import NewClip
from archive_server.model.gunid import Gunid, IdStyle
from archive_server.model.rights import Action
from archive_server.model.users import Caller
from archive_server.services.clip_making import audio_facts, described_by_audio
from archive_server.services.file_examining import Examiner, Known, Refusal, Whole
from archive_server.services.folders import FoundFile
from archive_server.services.rights import require_on_home
from archive_server.services.storing import store_errors
from audio_store import AudioStore, Quarantine, sync_all

_CHUNK = 1000  # files; of so many at a time the archive is asked what it has already
_BATCH = 250  # clips a transaction: their rows take a third of a millisecond each, alone three
_BATCH_S = 5  # so much work is lost at most when the machine dies
# Files examined before it is their turn: while a batch gets its names and rows, which takes as long
# as examining it, the decoders have another one to do. Each holds a descriptor.
_AHEAD = _BATCH
_COPYING = 2  # more threads than decoders: who copies, or waits for the disk, needs none

_Outcome = Whole | Known | Refusal


@dataclass(slots=True)
class Imported:
    """What became of the files."""

    imported: int = 0
    size: int = 0  # bytes that were imported
    already: int = 0  # files whose bytes are, or were, the audio of a clip
    refused: list[Refusal] = field(default_factory=list)
    was_stopped: bool = False


@dataclass(frozen=True, slots=True)
class Wishes:
    """How files are to be imported."""

    defaults: Mapping[str, str]  # category -> what a clip says of it where its tags do not
    dry_run: bool = False  # only look: nothing is stored


@dataclass(frozen=True)
class FolderImport:
    """Imports files."""

    database: Database
    examiner: Examiner
    now: Callable[[], datetime]
    id_style: IdStyle
    decoders: int  # files that are examined at a time

    async def run(
        self,
        caller: Caller,
        files: Sequence[FoundFile],
        wishes: Wishes,
        *,
        on_file: Callable[[FoundFile], object] = lambda file: None,
        stopped: Callable[[], bool] = lambda: False,
    ) -> Imported:
        """Make clips of files that are audio, each with what its tags say; equal bytes once.

        `on_file` hears of each file that was dealt with. When `stopped` says so, what has been
        examined is still imported. Raises Forbidden, Unavailable, and what the store raises; then
        the batches before are imported.
        """
        await self.database.run(require_on_home, caller, Action.WRITE)
        batch = _Batch(self, caller, wishes)
        with ThreadPoolExecutor(self.decoders + _COPYING, "import") as pool, store_errors():
            try:
                for start in range(0, len(files), _CHUNK):
                    chunk = files[start : start + _CHUNK]
                    known = await self.database.run(
                        contents.list_of_clips, {file.size for file in chunk}
                    )
                    examine = partial(self._examine, known, keep=not wishes.dry_run)
                    with closing(_examined(pool, chunk, examine, stopped)) as examined:
                        for file, outcome in examined:
                            await batch.take(outcome)
                            on_file(file)
                await batch.publish()
            finally:
                batch.drop()  # what an error has left
        batch.imported.was_stopped = stopped()
        return batch.imported

    def _examine(self, known: Mapping[int, set[bytes]], file: FoundFile, *, keep: bool) -> _Outcome:
        return self.examiner.examine(file.path, known.get(file.size, ()), keep=keep)


def _examined(
    pool: ThreadPoolExecutor,
    files: Sequence[FoundFile],
    examine: Callable[[FoundFile], _Outcome],
    stopped: Callable[[], bool],
) -> Generator[tuple[FoundFile, _Outcome], None, None]:
    """What becomes of each file, in order; some are examined ahead. Ends early when stopped."""
    ahead: deque[tuple[FoundFile, Future[_Outcome]]] = deque()
    try:
        for file in files:
            if stopped():
                break
            ahead.append((file, pool.submit(examine, file)))
            if len(ahead) >= _AHEAD:
                yield ahead[0][0], ahead[0][1].result()
                ahead.popleft()
        while ahead:
            file, future = ahead[0]
            if not (stopped() and future.cancel()):
                yield file, future.result()
            ahead.popleft()
    finally:
        for _, future in ahead:
            if not future.cancel():
                _drop(future)


def _drop(future: Future[_Outcome]) -> None:
    with suppress(Exception):  # it is not the first one that is reported
        outcome = future.result()
        if isinstance(outcome, Whole):
            outcome.drop()


class _Batch:
    """What has been examined, and is imported together."""

    def __init__(self, service: FolderImport, caller: Caller, wishes: Wishes) -> None:
        self.imported = Imported()
        self._service = service
        self._caller = caller
        self._wishes = wishes
        self._waiting: list[Whole] = []
        self._seen: set[bytes] = set()  # SHA-256 of what a dry run would have imported
        self._due = 0.0

    async def take(self, outcome: _Outcome) -> None:
        """Count a file, and import the batch if it is large or old enough."""
        if isinstance(outcome, Refusal):
            self.imported.refused.append(outcome)
        elif isinstance(outcome, Known):
            self.imported.already += 1
        elif self._wishes.dry_run:
            self._count([outcome], [outcome] * (outcome.content.sha256 not in self._seen))
            self._seen.add(outcome.content.sha256)
        else:
            if not self._waiting:
                self._due = time.monotonic() + _BATCH_S
            self._waiting.append(outcome)
        if len(self._waiting) >= _BATCH or (self._waiting and time.monotonic() > self._due):
            await self.publish()

    async def publish(self) -> None:
        """Import what is waiting, in one transaction."""
        if not self._waiting:
            return
        service = self._service
        # Not before: to bring one file to the disk takes nearly as long as all of a batch.
        sync_all([whole.staged for whole in self._waiting if whole.staged is not None])
        naming = _Naming(service.examiner.store)
        added = await service.database.run(
            _add, naming, self._caller, self._waiting, self._wishes.defaults, service
        )
        self._count(self._waiting, added)
        self.drop()

    def drop(self) -> None:
        """Forget what is waiting, and the copies of what was not imported."""
        for whole in self._waiting:
            whole.drop()
        self._waiting = []

    def _count(self, waiting: Sequence[Whole], added: Sequence[Whole]) -> None:
        self.imported.imported += len(added)
        self.imported.size += sum(whole.content.size for whole in added)
        self.imported.already += len(waiting) - len(added)


class _Naming:
    """Gives files their names in the store, however often the transaction is tried."""

    def __init__(self, store: AudioStore) -> None:
        self._store = store
        self._named: set[bytes] = set()

    def __call__(self, files: Sequence[Whole], damaged: Container[bytes]) -> None:
        fresh = [whole for whole in files if whole.content.sha256 not in self._named]
        for whole in fresh:
            if whole.content.sha256 in damaged:
                Quarantine(self._store).clear(whole.digests.content_id)
        self._store.publish_all(
            [(whole.staged, whole.digests) for whole in fresh if whole.staged is not None]
        )
        self._named.update(whole.content.sha256 for whole in fresh)
        # Between two tries the content is nobody's, and the janitor may take it away.
        for whole in files:
            self._store.size(whole.digests.content_id)


def _add(
    cursor: Any,
    give_names: _Naming,
    caller: Caller,
    files: Sequence[Whole],
    defaults: Mapping[str, str],
    service: FolderImport,
) -> list[Whole]:
    """Add clips of what no clip has; return it. What a clip has damaged is mended."""
    require_on_home(cursor, caller, Action.WRITE)
    by_content = {whole.content.sha256: whole for whole in reversed(files)}  # the first counts
    damaged = contents.lock_all(cursor, by_content)  # the janitor stays away from these bytes
    known = contents.known_to_clips(cursor, list(by_content))
    first = [whole for whole in files if whole is by_content[whole.content.sha256]]
    new = [whole for whole in first if whole.content.sha256 not in known]
    mending = [whole for whole in first if whole.content.sha256 in known & damaged]
    give_names([*new, *mending], damaged)  # bytes before rows
    at = service.now()
    contents.add_all(cursor, [whole.content for whole in mending], at)
    clips_bulk.add_all(
        cursor,
        [_clip(whole, defaults, service.id_style, at) for whole in new],
        owner_id=caller.user_id,
        login=caller.login,
        at=at,
    )
    return new


def _clip(whole: Whole, defaults: Mapping[str, str], style: IdStyle, at: datetime) -> NewClip:
    # Names are bytes to the disk; what is no UTF-8, the database has no letters for.
    name = os.fsencode(whole.file.name).decode("utf-8", "replace")
    document = described_by_audio(name, whole.facts, whole.report.tags)
    for category, text in defaults.items():
        if not document.first(category):
            document = document.with_element(category, text)
    return NewClip(
        Gunid.new(style),
        name,
        document.stamped(at),
        whole.content,
        audio_facts(whole.facts),
        [remark.code for remark in whole.report.warnings],
    )
