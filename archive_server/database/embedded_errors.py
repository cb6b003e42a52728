"""What can keep the embedded PostgreSQL from running, in sentences for the administrator."""


class EmbeddedError(Exception):
    """The embedded PostgreSQL could not be made, started or reached."""


class DirectoryBusy(EmbeddedError):
    """Another program has the data directory; the message names it."""


class NoPostgres(EmbeddedError):
    """There are no programs of PostgreSQL that could be started."""
