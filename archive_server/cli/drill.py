"""`archive-server drill`: proof that the backup can be restored."""

import time
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from archive_server.app.services import now
from archive_server.cli.backup import (
    bar_of_bytes,
    directory_argument,
    pace_option,
    paced,
    place_of,
)
from archive_server.cli.offline import (
    DAMAGED,
    AtOnce,
    CommandFailed,
    Target,
    at_once,
    failures,
    finished,
)
from archive_server.cli.options import config_option, data_option, json_option, print_json
from archive_server.cli.scratch import scratch_place
from archive_server.model.integrity import BrakePolicy
from archive_server.services import drilling, restoring
from archive_server.services.backing_up import BackingUp
from archive_server.services.backup_place import BackupPlace
from archive_server.services.drilling import Compared
from archive_server.services.integrity import IntegrityService, Severity
from archive_server.services.loading import LeftOut
from archive_server.services.restoring import Restored
from archive_server.services.snapshots import Snapshot
from archive_server.services.verification import VerificationService
from audio_store import AudioStore

_NAMED = 20


@dataclass(frozen=True, slots=True)
class Drilled:
    """What a drill has found."""

    restored: Restored
    compared: Compared
    faults: list[LeftOut]  # of the restored archive
    seconds: float

    @property
    def is_proven(self) -> bool:
        """Whether the archive could be lost today."""
        return self.restored.is_whole and not (self.faults or self.compared.differences)


@click.command()
@directory_argument
@click.option("--snapshot", "name", default="", help="Which one; without it the newest.")
@click.option("--fresh", is_flag=True, help="Make a new one first.")
@click.option(
    "--scratch",
    type=click.Path(file_okay=False, exists=True, path_type=Path),
    help="Where there is room for a second archive, for the time of the drill; without it beside"
    " the data directory.",
)
@pace_option
@json_option
@data_option
@config_option
def drill(
    directory: Path | None,
    name: str,
    fresh: bool,
    scratch: Path | None,
    mib_a_second: float,
    as_json: bool,
    data_dir: Path,
    config_file: Path | None,
) -> None:
    """Restore a snapshot of DIRECTORY into a scratch place, and compare it with the archive.

    Every byte is read and every record compared. What has changed since the snapshot is no fault.
    The time of the last proof is kept; /health and /metrics show it. The server may be running.

    Ends with 0 if the backup is proven, with 3 if not.
    """
    target = Target(data_dir, config_file)
    place = place_of(directory, target)
    with target.living("drill") as (living, store), failures():
        if fresh:
            _back_up(place, target, living, store, mib_a_second)
        snapshot = place.snapshot(name)
        _require_ours(place, snapshot, store)
        with scratch_place(scratch or data_dir.absolute().parent, store.store_id) as room:
            drilled = _drill(target, place, snapshot, living, room, mib_a_second)
        if drilled.is_proven:
            finished(drilling.note_proof(living, now()))
    if as_json:
        print_json({"proven": drilled.is_proven, **asdict(drilled)})
    else:
        _show(drilled)
    if not drilled.is_proven:
        click.get_current_context().exit(DAMAGED)


def _back_up(
    place: BackupPlace, target: Target, living: AtOnce, store: AudioStore, mib: float
) -> None:
    with bar_of_bytes("copying") as bar:
        service = BackingUp(living, store, now)
        keep = target.config().backup.keep
        finished(service.back_up(place, keep=keep, pace=paced(mib), progress=bar))


def _require_ours(place: BackupPlace, snapshot: Snapshot, store: AudioStore) -> None:
    if snapshot.manifest().store_id != store.store_id:
        raise CommandFailed(f"{place.path} holds the backups of another archive")


def _drill(
    target: Target,
    place: BackupPlace,
    snapshot: Snapshot,
    living: AtOnce,
    room: Path,
    mib_a_second: float,
) -> Drilled:
    began_at = time.monotonic()
    with bar_of_bytes("restoring") as bar:
        pace = paced(mib_a_second)
        store = restoring.copy_contents(place, snapshot, room, pace, bar)
    with target.scratch_database(room, "drill") as database:
        restored = finished(restoring.fill(database, snapshot, store, lambda: None))
        faults = finished(drilling.restored_as_written(database, snapshot))
        with bar_of_bytes("checking") as bar:
            bar.begin(restored.size)
            # What a scratch archive loses, nobody misses: no brake.
            verification = VerificationService(database, store, at_once, now, BrakePolicy(0, 100))
            integrity = IntegrityService(database, store, at_once, now, verification)
            findings = finished(
                integrity.check(digests=True, pace=paced(mib_a_second), on_content=bar.advance)
            )
    faults += [
        LeftOut(each.subject, each.message) for each in findings if each.severity is Severity.DAMAGE
    ]
    compared = finished(drilling.compare(living, snapshot))
    return Drilled(restored, compared, faults, round(time.monotonic() - began_at, 1))


def _show(drilled: Drilled) -> None:
    restored, compared = drilled.restored, drilled.compared
    for what, found in (
        ("left out", restored.left_out),
        ("incomplete", restored.incomplete),
        ("wrong", drilled.faults),
        ("differs", compared.differences),
    ):
        for each in found[:_NAMED]:
            click.echo(f"{what}: {each.subject}: {each.reason}")
        if (more := len(found) - _NAMED) > 0:
            click.echo(f"{what}: {more} more; --json names all")
    click.echo(
        f"since snapshot {restored.snapshot}: {compared.same} items are the same,"
        f" {compared.changed} changed, {compared.newer} new, {compared.gone} gone"
    )
    verdict = "proven" if drilled.is_proven else "NOT PROVEN"
    click.echo(
        f"{verdict}: restored {restored.items} items, {restored.contents} contents"
        f" ({restored.size} bytes) in {drilled.seconds} s"
    )
