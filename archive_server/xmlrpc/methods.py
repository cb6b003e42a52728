"""Every call we answer."""

from collections.abc import Mapping, Sequence

from archive_server.xmlrpc import (
    administration,
    backup,
    clips,
    downloads,
    introspection,
    journal,
    permissions,
    playlists,
    preferences,
    puts,
    rendering,
    reset,
    search,
    sessions,
    tokens,
    transfer,
    webstreams,
)
from archive_server.xmlrpc.introspection import SystemMethods
from archive_server.xmlrpc.method import Method

# The calls of each subject, by the class whose objects carry them out.
_TABLES: Mapping[type, Sequence[Method]] = {
    sessions.SessionMethods: sessions.METHODS,
    clips.ClipMethods: clips.METHODS,
    downloads.DownloadMethods: downloads.METHODS,
    webstreams.WebstreamMethods: webstreams.METHODS,
    playlists.PlaylistMethods: playlists.METHODS,
    transfer.TransferMethods: transfer.METHODS,
    search.SearchMethods: search.METHODS,
    journal.JournalMethods: journal.METHODS,
    rendering.RenderingMethods: rendering.METHODS,
    backup.BackupMethods: backup.METHODS,
    reset.ResetMethods: reset.METHODS,
    puts.PutMethods: puts.METHODS,
    preferences.PreferenceMethods: preferences.METHODS,
    administration.AdministrationMethods: administration.METHODS,
    permissions.PermissionMethods: permissions.METHODS,
    tokens.TokenMethods: tokens.METHODS,
    SystemMethods: introspection.METHODS,
}

METHODS: tuple[Method, ...] = tuple(method for table in _TABLES.values() for method in table)


def bound_methods(*groups: object) -> Mapping[str, Method]:
    """Give every method of these objects by its name on the wire, ready to be called.

    `system.*` comes by itself.
    """
    methods: dict[str, Method] = {}
    for group in (*groups, SystemMethods(methods)):
        methods.update((method.name, method.bound_to(group)) for method in _TABLES[type(group)])
    return methods
