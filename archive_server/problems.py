"""What each error looks like on a wire: XML-RPC fault code, HTTP status, title.

The fault codes are those of the LiveSupport storage protocol, 11.3; problem types and titles are
those of RFC 9457.
"""

import re
from dataclasses import dataclass

from archive_server import errors
from archive_server.errors import ArchiveError


@dataclass(frozen=True, slots=True)
class Problem:
    """How one kind of error is shown."""

    fault_code: int
    status: int
    title: str

    @property
    def type(self) -> str:
        """The URI that names this kind of problem (RFC 9457, 3.1.1); there is nothing behind it."""
        return "tag:archive-server,2026:" + re.sub(r"[^a-z0-9]+", "-", self.title.lower())


PROBLEMS: dict[type[ArchiveError], Problem] = {
    errors.ArchiveError: Problem(805, 400, "Not carried out"),
    errors.BadRequest: Problem(805, 400, "Bad request"),
    errors.BadDocument: Problem(805, 422, "Bad metadata document"),
    errors.BadCriteria: Problem(805, 400, "Bad search criteria"),
    errors.BadCredentials: Problem(802, 401, "Wrong name or password"),
    errors.TooManyAttempts: Problem(802, 429, "Too many wrong passwords"),
    errors.NoSession: Problem(805, 401, "No such session"),
    errors.Forbidden: Problem(805, 403, "Not allowed"),
    errors.NotFound: Problem(805, 404, "Not found"),
    errors.UnknownGroup: Problem(820, 404, "No such group"),
    errors.UnknownPreference: Problem(849, 404, "No such preference"),
    errors.CursorLost: Problem(805, 410, "Cursor lost"),
    errors.UnknownToken: Problem(805, 404, "Unknown token"),
    errors.WrongToken: Problem(805, 403, "Token for another purpose"),
    errors.Conflict: Problem(805, 409, "Conflict"),
    errors.Duplicate: Problem(888, 409, "Stored already"),
    errors.UploadBusy: Problem(805, 409, "Upload busy"),
    errors.WrongOffset: Problem(805, 409, "Wrong offset"),
    errors.RefusedAudio: Problem(805, 422, "Audio refused"),
    errors.RefusedArchive: Problem(805, 422, "Archive refused"),
    errors.TooLarge: Problem(805, 413, "Too large"),
    errors.QuotaExceeded: Problem(805, 507, "Quota exceeded"),
    errors.TooManyUploads: Problem(805, 429, "Too many uploads"),
    errors.TooManyJobs: Problem(805, 429, "Too many jobs"),
    errors.Unavailable: Problem(804, 503, "Not available now"),
    errors.Damaged: Problem(804, 503, "Audio damaged"),
}

# Where a method's clients know another code than the usual one (protocol 2.1, 3.2, 3.5, 7, 8).
_OVERRIDES: dict[tuple[str, type[ArchiveError]], int] = {
    ("locstor.logout", errors.NoSession): 803,
    ("locstor.loadPref", errors.NoSession): 848,
    ("locstor.savePref", errors.NoSession): 848,
    ("locstor.delPref", errors.NoSession): 848,
    ("locstor.loadGroupPref", errors.NoSession): 848,
    ("locstor.saveGroupPref", errors.NoSession): 848,
    ("locstor.downloadRawAudioDataOpen", errors.NotFound): 847,
    ("locstor.accessPlaylist", errors.NotFound): 847,
    ("locstor.deletePlaylist", errors.NotFound): 842,
    ("locstor.storeAudioClipClose", errors.WrongToken): 850,
}


def problem_for(error: ArchiveError) -> Problem:
    """Find the entry of the most specific class listed."""
    return next(PROBLEMS[kind] for kind in type(error).__mro__ if kind in PROBLEMS)


def fault_code(method: str, error: ArchiveError) -> int:
    """Find the fault code that callers of this method (`locstor.…`) know the error by."""
    return fault_code_of(method, type(error))


def fault_code_of(method: str, kind: type[ArchiveError]) -> int:
    """Find the fault code that callers of this method know this kind of error by."""
    for base in kind.__mro__:
        if (method, base) in _OVERRIDES:
            return _OVERRIDES[method, base]
        if base in PROBLEMS:
            return PROBLEMS[base].fault_code
    raise AssertionError("ArchiveError is listed")
