"""What callers can get wrong, and what they cannot help.

An error holds a message for the caller and the facts somebody acts on. How it
looks on a wire is data in `problems`.
"""


class ArchiveError(Exception):
    """A call that was not carried out; nothing was changed by it."""


class BadRequest(ArchiveError):
    """A parameter is missing, of the wrong type, or makes no sense."""


class BadDocument(BadRequest):
    """A metadata document cannot be read or breaks a rule."""


class BadCriteria(BadRequest):
    """Search criteria that cannot be answered."""


class BadCredentials(ArchiveError):
    """The login name or the password is wrong."""


class TooManyAttempts(BadCredentials):
    """Too many wrong passwords; `retry_after` is in seconds."""

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class NoSession(ArchiveError):
    """The session id is unknown, logged out or expired."""


class Forbidden(ArchiveError):
    """The caller has no right to it."""


class NotFound(ArchiveError):
    """No such clip, revision or user."""


class UnknownGroup(NotFound):
    """No such group of users."""


class UnknownPreference(NotFound):
    """Nothing is kept under this key."""


class CursorLost(ArchiveError):
    """What happened after a cursor cannot be told any more, at least not all of it."""


class UnknownToken(ArchiveError):
    """The token was never given out, is closed, or has expired."""


class WrongToken(ArchiveError):
    """The token is good, but for another purpose."""


class Conflict(ArchiveError):
    """What is asked for contradicts what is there (a name that is taken, say)."""


class Duplicate(Conflict):
    """The archive has this audio already, and is configured to refuse copies."""


class UploadBusy(Conflict):
    """Another request is writing or closing this upload."""


class WrongOffset(Conflict):
    """Bytes were sent for a place other than the end; `offset` is where the upload stands."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


class RefusedAudio(ArchiveError):
    """The bytes are not what was announced, or not whole audio; `reason` is a stable code."""

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class RefusedArchive(ArchiveError):
    """A tar archive is not what was announced, or not what it should be; `reason` as above."""

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class TooLarge(ArchiveError):
    """More bytes than the configuration allows."""


class QuotaExceeded(ArchiveError):
    """The user owns as many bytes as they may, or would."""


class TooManyUploads(QuotaExceeded):
    """The user has as many uploads open as they may."""


class TooManyJobs(QuotaExceeded):
    """As many jobs of the user wait, or are being done, as may."""


class Unavailable(ArchiveError):
    """The store or the database is away; nothing is lost, try again in `retry_after` seconds."""

    def __init__(self, message: str, retry_after: int = 5) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Damaged(Unavailable):
    """The bytes are known to be damaged in the store; they may be stored again, or mended."""

    def __init__(self, message: str = "the audio is damaged in the store") -> None:
        super().__init__(message, retry_after=600)
