"""The services, built from the configuration and what blocking work is done by."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from archive_server.app.administration import Administration, build_administration
from archive_server.blocking import Database, InThread, InTurn
from archive_server.config import Config
from archive_server.http.urls import clip_url
from archive_server.model.gunid import IdStyle
from archive_server.model.integrity import BrakePolicy
from archive_server.model.jobs import Work
from archive_server.services.accesses import Accesses
from archive_server.services.brake import Brake
from archive_server.services.clips import ClipPolicy, ClipService
from archive_server.services.downloads import DownloadService
from archive_server.services.exporting import ExportService
from archive_server.services.file_examining import Examiner
from archive_server.services.folder_import import FolderImport
from archive_server.services.importing import ImportLimits, ImportService
from archive_server.services.integrity import IntegrityService
from archive_server.services.jobs import JobService
from archive_server.services.journal import JournalService
from archive_server.services.maintenance import MaintenanceService, Retention
from archive_server.services.memories import Memories
from archive_server.services.packing import KIND as BACKUP
from archive_server.services.packing import BackupService
from archive_server.services.playlist_access import PlaylistAccess
from archive_server.services.playlists import PlaylistService
from archive_server.services.preferences import PreferenceService
from archive_server.services.probing import Probing
from archive_server.services.publishing import Publisher
from archive_server.services.puts import PutService
from archive_server.services.quotas import Quota
from archive_server.services.remembering import Hearing
from archive_server.services.render_work import RenderWork
from archive_server.services.rendering import RenderingService
from archive_server.services.reset import ResetPolicy, ResetService
from archive_server.services.search import SearchService
from archive_server.services.sessions import SessionPolicy, SessionService
from archive_server.services.sidecar_checking import SidecarChecking
from archive_server.services.sidecars import SidecarService
from archive_server.services.simple_get import SimpleGetService
from archive_server.services.unpacking import KIND as RESTORE
from archive_server.services.unpacking import RestoreService
from archive_server.services.unpacking_items import RestoreLimits
from archive_server.services.uploads import UploadPolicy, UploadService
from archive_server.services.verification import VerificationService
from archive_server.services.webstreams import WebstreamService
from audio_store import AudioStore, Sidecars
from audio_store.probe import Limits, Prober
from audio_store.render import Renderer


@dataclass(frozen=True)
class Seams:
    """Where blocking work goes."""

    database: Database
    disk: InThread  # short work on the store
    probe: InThread  # long work: digests, decoding
    hashing: InThread
    jobs: InThread  # minutes of work: what jobs do
    verifying: InThread  # reading slowly, for as long as there is something to read
    in_turn: InTurn
    memories: Memories = field(default_factory=lambda: Memories(Hearing(), 0))


@dataclass(frozen=True)
class Services:
    """What may be done with the archive."""

    sessions: SessionService
    uploads: UploadService
    clips: ClipService
    downloads: DownloadService
    playlists: PlaylistService
    playlist_access: PlaylistAccess
    webstreams: WebstreamService
    exports: ExportService
    imports: ImportService
    simple_get: SimpleGetService
    puts: PutService
    search: SearchService
    journal: JournalService
    reset: ResetService
    brake: Brake
    maintenance: MaintenanceService
    verification: VerificationService
    integrity: IntegrityService
    administration: Administration
    preferences: PreferenceService
    jobs: JobService
    rendering: RenderingService
    render_work: RenderWork
    backups: BackupService
    restores: RestoreService
    sidecars: SidecarService
    sidecar_checking: SidecarChecking

    def work(self) -> Mapping[str, Work]:
        """What jobs there are, and what does them."""
        return {
            **self.render_work.by_kind(),
            BACKUP: self.backups.work,
            RESTORE: self.restores.work,
        }


def now() -> datetime:
    """The time."""
    return datetime.now(UTC)


def build_services(
    config: Config, data_dir: Path, store: AudioStore, prober: Prober, seams: Seams
) -> Services:
    """The services, over what is given; nothing is started."""
    retention = _retention(config)
    idle_lease = retention.leases
    quota = Quota(config.uploads.per_user, config.uploads.user_bytes, config.limits.jobs_per_user)
    probing = Probing(prober, seams.probe, frozenset(config.audio.accept))
    uploads = UploadService(
        seams.database,
        store,
        seams.disk,
        probing,
        now,
        UploadPolicy(retention.uploads, config.uploads.largest_bytes, quota),
    )
    publisher = Publisher(
        seams.database,
        store,
        seams.disk,
        probing,
        now,
        quota,
    )
    clip_policy = ClipPolicy(
        IdStyle(config.ids.style),
        config.limits.document_bytes,
        config.storage.refuse_duplicates,
    )
    search = SearchService(seams.database, config.limits.page)
    jobs = JobService(seams.database, data_dir / "work", seams.jobs, now, quota)
    memories = seams.memories
    accesses = Accesses(config.journal.accesses)
    brake = Brake(seams.database, now, _brake_policy(config))
    verification = VerificationService(
        seams.database,
        store,
        seams.verifying,
        now,
        brake.policy,
        timedelta(days=config.integrity.verify_days) or None,
    )
    downloads = DownloadService(
        seams.database, store, seams.disk, now, idle_lease, memories.leases, accesses
    )
    return Services(
        SessionService(
            seams.database,
            seams.hashing,
            seams.in_turn,
            now,
            retention.sessions,
            memories.sessions,
        ),
        uploads,
        ClipService(seams.database, uploads, publisher, now, clip_policy),
        downloads,
        PlaylistService(
            seams.database, downloads, now, clip_policy.id_style, clip_policy.largest_document
        ),
        PlaylistAccess(seams.database, store, downloads, now),
        WebstreamService(seams.database, now, clip_policy.id_style, clip_policy.largest_document),
        ExportService(seams.database, store, seams.disk, now, accesses),
        ImportService(
            seams.database,
            uploads,
            publisher,
            now,
            ImportLimits(config.limits.import_members, config.limits.document_bytes),
        ),
        SimpleGetService(seams.database, downloads),
        PutService(seams.database, uploads, store, seams.probe),
        search,
        JournalService(seams.database, config.limits.page),
        ResetService(
            seams.database,
            store,
            seams.disk,
            seams.in_turn,
            publisher,
            search,
            now,
            ResetPolicy(config.testing.allow_reset, clip_policy.id_style),
        ),
        brake,
        MaintenanceService(seams.database, store, seams.disk, now, retention, brake),
        verification,
        IntegrityService(seams.database, store, seams.disk, now, verification),
        build_administration(seams.database, seams.hashing),
        PreferenceService(seams.database),
        jobs,
        RenderingService(seams.database, jobs, now, idle_lease, clip_policy.id_style),
        RenderWork(
            seams.database,
            store,
            publisher,
            Renderer(),
            seams.jobs,
            now,
            clip_url,
            config.audio.longest_hours * 3600,
        ),
        BackupService(seams.database, store, search, jobs, seams.jobs, now),
        RestoreService(
            seams.database,
            store,
            uploads,
            publisher,
            jobs,
            seams.jobs,
            now,
            RestoreLimits(config.limits.restore_members, clip_policy.largest_document),
        ),
        SidecarService(seams.database, Sidecars(store)),
        SidecarChecking(seams.database, Sidecars(store)),
    )


def _retention(config: Config) -> Retention:
    return Retention(
        sessions=SessionPolicy(
            idle=timedelta(hours=config.sessions.idle_hours),
            absolute=timedelta(days=config.sessions.absolute_days),
        ),
        uploads=timedelta(hours=config.uploads.idle_hours),
        leases=timedelta(hours=config.leases.idle_hours),
        file_leases=timedelta(days=config.leases.file_idle_days) or None,
        trash=timedelta(days=config.retention.trash_days),
        revisions=timedelta(days=config.retention.revisions_days),
        orphans=timedelta(seconds=config.retention.orphans_s),
        journal=timedelta(days=config.retention.journal_days) or None,
    )


def _brake_policy(config: Config) -> BrakePolicy:
    return BrakePolicy(config.integrity.brake_contents, config.integrity.brake_percent)


def build_folder_import(
    config: Config, store: AudioStore, prober: Prober, database: Database, decoders: int
) -> FolderImport:
    """What imports folders, with a prober of so many workers."""
    examiner = Examiner(store, prober, frozenset(config.audio.accept))
    return FolderImport(database, examiner, now, IdStyle(config.ids.style), decoders)


def build_prober(config: Config, workers: int | None = None) -> Prober:
    """So many of the probe's worker processes, or as configured; they start when needed."""
    limits = Limits(longest_s=config.audio.longest_hours * 3600)
    return Prober(workers=workers or config.audio.probe_workers, limits=limits)
