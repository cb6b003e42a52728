"""The services, built from the configuration and what blocking work is done by."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from archive_server.blocking import Database, InThread, InTurn
from archive_server.config import Config
from archive_server.model.gunid import IdStyle
from archive_server.services.clips import ClipPolicy, ClipService
from archive_server.services.downloads import DownloadService
from archive_server.services.integrity import IntegrityService
from archive_server.services.maintenance import MaintenanceService, Retention
from archive_server.services.publishing import Publisher
from archive_server.services.search import SearchService
from archive_server.services.sessions import SessionPolicy, SessionService
from archive_server.services.uploads import UploadPolicy, UploadService
from audio_store import AudioStore
from audio_store.probe import Limits, Prober


@dataclass(frozen=True)
class Seams:
    """Where blocking work goes."""

    database: Database
    disk: InThread  # short work on the store
    probe: InThread  # long work: digests, decoding
    hashing: InThread
    in_turn: InTurn


@dataclass(frozen=True)
class Services:
    """What may be done with the archive."""

    sessions: SessionService
    uploads: UploadService
    clips: ClipService
    downloads: DownloadService
    search: SearchService
    maintenance: MaintenanceService
    integrity: IntegrityService


def now() -> datetime:
    """The time."""
    return datetime.now(UTC)


def build_services(config: Config, store: AudioStore, prober: Prober, seams: Seams) -> Services:
    """The services, over what is given; nothing is started."""
    session_policy = SessionPolicy(
        idle=timedelta(hours=config.sessions.idle_hours),
        absolute=timedelta(days=config.sessions.absolute_days),
    )
    idle_upload = timedelta(hours=config.uploads.idle_hours)
    idle_lease = timedelta(hours=config.leases.idle_hours)
    retention = Retention(
        sessions=session_policy,
        uploads=idle_upload,
        leases=idle_lease,
        file_leases=timedelta(days=config.leases.file_idle_days) or None,
        trash=timedelta(days=config.retention.trash_days),
        revisions=timedelta(days=config.retention.revisions_days),
        orphans=timedelta(days=1),
    )
    uploads = UploadService(
        seams.database,
        store,
        seams.disk,
        now,
        UploadPolicy(idle_upload, config.uploads.largest_bytes),
    )
    publisher = Publisher(
        seams.database,
        store,
        prober,
        seams.disk,
        seams.probe,
        now,
        frozenset(config.audio.accept),
    )
    clip_policy = ClipPolicy(
        IdStyle(config.ids.style),
        config.limits.document_bytes,
        config.storage.refuse_duplicates,
    )
    return Services(
        SessionService(seams.database, seams.hashing, seams.in_turn, now, session_policy),
        uploads,
        ClipService(seams.database, uploads, publisher, now, clip_policy),
        DownloadService(seams.database, store, seams.disk, now, idle_lease),
        SearchService(seams.database, config.limits.page),
        MaintenanceService(seams.database, store, seams.disk, now, retention),
        IntegrityService(seams.database, store, seams.disk),
    )


def build_prober(config: Config) -> Prober:
    """The probe's worker processes; they start when they are needed."""
    limits = Limits(longest_s=config.audio.longest_hours * 3600)
    return Prober(workers=config.audio.probe_workers, limits=limits)
