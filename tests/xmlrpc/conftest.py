"""The real methods over real services, called through the real resource, in memory."""

import xmlrpc.client
from functools import partial
from typing import Any

import pytest
from fixtures.fix_http import Answer, Wire, site_of
from fixtures.fix_services import Services
from support import immediately

from archive_server.http import urls
from archive_server.xmlrpc.administration import AdministrationMethods
from archive_server.xmlrpc.backup import BackupMethods
from archive_server.xmlrpc.clips import ClipMethods
from archive_server.xmlrpc.dispatch import Dispatcher
from archive_server.xmlrpc.downloads import DownloadMethods
from archive_server.xmlrpc.journal import JournalMethods
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

LARGEST = 200_000  # bytes of a call


@pytest.fixture
def resource(services: Services) -> XmlRpcResource:
    """The resource, with every method."""
    admin = services.administration
    methods = bound_methods(
        SessionMethods(services.sessions, "1.2.3"),
        ClipMethods(services.sessions, services.clips, urls.upload_url),
        DownloadMethods(services.sessions, services.downloads, urls.access_url),
        SearchMethods(services.sessions, services.search),
        JournalMethods(services.sessions, services.journal),
        RenderingMethods(services.sessions, services.rendering, urls.access_url),
        BackupMethods(
            services.sessions,
            services.backups,
            services.restores,
            urls.access_url,
            urls.upload_url,
        ),
        PlaylistMethods(
            services.sessions, services.playlists, services.playlist_access, urls.access_url
        ),
        WebstreamMethods(services.sessions, services.webstreams),
        TransferMethods(
            services.sessions,
            services.exports,
            services.imports,
            services.downloads,
            urls.access_url,
            urls.upload_url,
        ),
        ResetMethods(services.reset),
        PutMethods(services.sessions, services.puts, urls.upload_url),
        PreferenceMethods(services.sessions, services.preferences),
        AdministrationMethods(services.sessions, admin.users, admin.groups),
        PermissionMethods(services.sessions, admin.permissions),
        TokenMethods(services.sessions, admin.tokens),
    )
    base_url = partial(urls.base_url, public_url="")
    return XmlRpcResource(Dispatcher(methods, immediately), base_url, LARGEST)


class Client:
    """Calls methods with the codec of Python's own client."""

    def __init__(self, resource: XmlRpcResource) -> None:
        self.site = site_of(resource)

    def request(self, verb: str, body: bytes = b"") -> Answer:
        return Wire(self.site).ask(verb, "/xmlrpc", {"host": "archive.example:8000"}, body)

    def post(self, body: bytes) -> bytes:
        response = self.request("POST", body)
        assert response.status == 200
        return response.body

    def call(self, method: str, *parameters: Any) -> Any:
        """The result of a call; raises xmlrpc.client.Fault."""
        answer = self.post(xmlrpc.client.dumps(parameters, method, allow_none=True).encode())
        ((result,), _) = xmlrpc.client.loads(answer)
        return result

    def locstor(self, method: str, **members: Any) -> Any:
        return self.call(f"locstor.{method}", members)

    def fault(self, method: str, *parameters: Any) -> tuple[int, str]:
        """The code and text of the fault a call ends with."""
        with pytest.raises(xmlrpc.client.Fault) as caught:
            self.call(method, *parameters)
        return caught.value.faultCode, caught.value.faultString


@pytest.fixture
def client(resource: XmlRpcResource) -> Client:
    """Somebody who calls methods."""
    return Client(resource)
