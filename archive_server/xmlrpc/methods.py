"""Every call we answer."""

from collections.abc import Mapping

from archive_server.xmlrpc import clips, downloads, introspection, search, sessions
from archive_server.xmlrpc.clips import ClipMethods
from archive_server.xmlrpc.downloads import DownloadMethods
from archive_server.xmlrpc.introspection import SystemMethods
from archive_server.xmlrpc.method import Method
from archive_server.xmlrpc.search import SearchMethods
from archive_server.xmlrpc.sessions import SessionMethods

METHODS: tuple[Method, ...] = (
    *sessions.METHODS,
    *clips.METHODS,
    *downloads.METHODS,
    *search.METHODS,
    *introspection.METHODS,
)


def bound_methods(
    sessions_: SessionMethods,
    clips_: ClipMethods,
    downloads_: DownloadMethods,
    search_: SearchMethods,
) -> Mapping[str, Method]:
    """Give every method by its name on the wire, ready to be called."""
    methods: dict[str, Method] = {}
    groups = (
        (sessions_, sessions.METHODS),
        (clips_, clips.METHODS),
        (downloads_, downloads.METHODS),
        (search_, search.METHODS),
        (SystemMethods(methods), introspection.METHODS),
    )
    for group, described in groups:
        methods.update((method.name, method.bound_to(group)) for method in described)
    return methods
