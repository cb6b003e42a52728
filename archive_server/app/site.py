"""The site: the edges over the services, every call and every path."""

import resource
from collections.abc import Awaitable, Callable, Mapping
from importlib import metadata

from archive_server.app.services import Services
from archive_server.blocking import InThread
from archive_server.config import Config
from archive_server.http.backups import Backups
from archive_server.http.downloads import Downloads
from archive_server.http.limits import Limits
from archive_server.http.monitoring import Monitoring
from archive_server.http.operations import Operations
from archive_server.http.origins import Origins
from archive_server.http.proxies import Proxies
from archive_server.http.sessions import BrowserSessions
from archive_server.http.simple_get import SimpleGet
from archive_server.http.site import (
    ArchiveSite,
    archive_routes,
    classic_routes,
    monitoring_routes,
    routes,
    session_routes,
)
from archive_server.http.uploads import Uploads
from archive_server.http.urls import access_url, base_url, upload_url
from archive_server.xmlrpc.administration import AdministrationMethods
from archive_server.xmlrpc.backup import BackupMethods
from archive_server.xmlrpc.clips import ClipMethods
from archive_server.xmlrpc.dispatch import Dispatcher
from archive_server.xmlrpc.downloads import DownloadMethods
from archive_server.xmlrpc.journal import JournalMethods
from archive_server.xmlrpc.method import Method
from archive_server.xmlrpc.methods import bound_methods
from archive_server.xmlrpc.permissions import PermissionMethods
from archive_server.xmlrpc.playlists import PlaylistMethods
from archive_server.xmlrpc.preferences import PreferenceMethods
from archive_server.xmlrpc.puts import PutMethods
from archive_server.xmlrpc.rendering import RenderingMethods
from archive_server.xmlrpc.reset import ResetMethods
from archive_server.xmlrpc.resource import XmlRpcResource
from archive_server.xmlrpc.search import SearchMethods
from archive_server.xmlrpc.sessions import SessionMethods
from archive_server.xmlrpc.tokens import TokenMethods
from archive_server.xmlrpc.transfer import TransferMethods
from archive_server.xmlrpc.webstreams import WebstreamMethods

# So much of the log's last lines a process that is killed takes with it.
_LOG_EVERY_S = 0.2

_SHARE_OF_FILES = 4  # one in so many is for everything but connections


def build_site(
    config: Config,
    services: Services,
    disk: InThread,
    parsing: InThread,
    require_ready: Callable[[], Awaitable[None]],
    monitoring: Monitoring,
) -> ArchiveSite:
    """All paths, and what answers there. `require_ready` raises Unavailable, with the reason."""
    xmlrpc = XmlRpcResource(
        Dispatcher(build_methods(services), parsing),
        lambda request: base_url(request, config.server.public_url),
        config.limits.request_bytes,
    )
    downloads = Downloads(services.downloads, services.exports, services.sessions, disk)
    origins = Origins(config.server.allowed_origins)
    table = routes(
        downloads,
        Uploads(services.uploads),
        Operations(require_ready),
        xmlrpc.answer,
        xmlrpc.refuse,
    )
    archives = archive_routes(Backups(services.backups, downloads, disk))
    classic = classic_routes(SimpleGet(services.simple_get, services.sessions, downloads))
    return ArchiveSite(
        (
            *archives,
            *table,
            *classic,
            *session_routes(BrowserSessions(services.sessions, origins)),
            *monitoring_routes(monitoring),
        ),
        request_bytes=config.limits.request_bytes,
        touch=downloads.touch,
        measurements=monitoring.measurements,
        limits=limits(config),
        proxies=_proxies(config),
        origins=origins,
        log_every_s=_LOG_EVERY_S,
    )


def limits(config: Config) -> Limits:
    """What clients may take of this process; of connections never more than it can open."""
    given = config.limits
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return Limits(
        min(given.connections, files - files // _SHARE_OF_FILES),
        given.connections_per_address,
        given.idle_s,
        given.head_s,
        given.body_pause_s,
        given.slowest_sender,
        given.reader_pause_s,
        given.waiting_bytes,
    )


def _proxies(config: Config) -> Proxies | None:
    trusted = config.server.trusted_proxies
    return Proxies(trusted, config.server.proxy_header) if trusted else None


def build_methods(services: Services) -> Mapping[str, Method]:
    """Every XML-RPC call, by its name."""
    sessions, admin = services.sessions, services.administration
    return bound_methods(
        SessionMethods(sessions, metadata.version("archive-server")),
        ClipMethods(sessions, services.clips, upload_url),
        DownloadMethods(sessions, services.downloads, access_url),
        SearchMethods(sessions, services.search),
        JournalMethods(sessions, services.journal),
        RenderingMethods(sessions, services.rendering, access_url),
        BackupMethods(sessions, services.backups, services.restores, access_url, upload_url),
        PlaylistMethods(sessions, services.playlists, services.playlist_access, access_url),
        WebstreamMethods(sessions, services.webstreams),
        TransferMethods(
            sessions,
            services.exports,
            services.imports,
            services.downloads,
            access_url,
            upload_url,
        ),
        ResetMethods(services.reset),
        PutMethods(sessions, services.puts, upload_url),
        PreferenceMethods(sessions, services.preferences),
        AdministrationMethods(sessions, admin.users, admin.groups),
        PermissionMethods(sessions, admin.permissions),
        TokenMethods(sessions, admin.tokens),
    )
