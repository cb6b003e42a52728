"""What whoever watches the archive is shown, built from its parts."""

from datetime import timedelta
from importlib import metadata
from pathlib import Path
from typing import Any

from archive_server.app.process_usage import usage_since
from archive_server.app.services import Seams, now
from archive_server.config import Config
from archive_server.http.exchange import Exchange
from archive_server.http.health import HealthBoard
from archive_server.http.insiders import Insiders
from archive_server.http.measurements import Measurements
from archive_server.http.monitoring import Monitoring
from archive_server.services.gauges import GaugeService
from archive_server.services.health import HealthService, Proof
from audio_store import AudioStore
from audio_store.probe import Prober


def build_monitoring(
    config: Config, data_dir: Path, store: AudioStore, prober: Prober, seams: Seams, reactor: Any
) -> Monitoring:
    """The answers for monitoring; nothing is started."""
    gauges = GaugeService(seams.database, store, seams.disk, now)
    health = HealthService(
        seams.database,
        store,
        seams.disk,
        prober,
        gauges,
        now,
        config.operations.warn_free_bytes,
        timedelta(days=config.integrity.verify_days) or None,
        Proof(timedelta(days=config.backup.drill_days), is_wanted=bool(config.backup.directory)),
    )
    measurements = Measurements()
    measurements.watch(usage_since())
    return Monitoring(
        HealthBoard(health.checks(), reactor),
        gauges,
        measurements,
        Exchange(data_dir / "metrics"),
        seams.disk,
        Insiders.of(config.operations.allow),
        now,
        metadata.version("archive-server"),
    )
