"""Who may do what: asked inside the transaction that does it, so that it holds when it is done."""

from typing import Any

from archive_server.database import rights
from archive_server.database.reading import Reading, answered
from archive_server.errors import Forbidden
from archive_server.model.clips import Clip, ClipState, FileType
from archive_server.model.gunid import Gunid
from archive_server.model.rights import Action, is_allowed
from archive_server.model.users import Caller

_VERBS = {
    Action.READ: "read",
    Action.WRITE: "change",
    Action.EDIT_RIGHTS: "change the permissions of",
    Action.CLASSES: "change the object classes of",
    Action.SUBJECTS: "change the users and groups of",
}


def require_on_clip(cursor: Any, caller: Caller, action: Action, clip: Clip) -> None:
    """Raise Forbidden unless the caller may do this with a clip, playlist or webstream."""
    require_scope(caller, action)
    applicable = rights.applicable(
        cursor, caller.user_id, action, clip_id=clip.clip_id, home_of=clip.owner_id
    )
    if not is_allowed(action, applicable):
        raise _forbidden(caller, action, str(clip.gunid))


def find_allowed(
    caller: Caller, action: Action, gunid: Gunid
) -> Reading[tuple[ClipState, FileType] | None]:
    """State and type of an item with which the caller may do this; None where there is none.

    Raises Forbidden.
    """
    found = yield from rights.applicable_to(caller.user_id, action, gunid)
    if found is None:
        return None
    state, file_type, applicable = found
    require_scope(caller, action)
    if not is_allowed(action, applicable):
        raise _forbidden(caller, action, str(gunid))
    return state, file_type


def require_on_home(cursor: Any, caller: Caller, action: Action) -> None:
    """Raise Forbidden unless the caller may do this in their own home: WRITE is to add to it."""
    require_scope(caller, action)
    applicable = rights.applicable(cursor, caller.user_id, action, home_of=caller.user_id)
    if not is_allowed(action, applicable):
        raise _forbidden(caller, action, f"home:{caller.login}")


def require_on_archive(cursor: Any, caller: Caller, action: Action) -> None:
    """Raise Forbidden unless the caller may do this with all of it: READ is to search."""
    answered(cursor, allowed_on_archive(caller, action))


def allowed_on_archive(caller: Caller, action: Action) -> Reading[None]:
    """What `require_on_archive` asks."""
    require_scope(caller, action)
    applicable = yield from rights.applicable_to_archive(caller.user_id, action)
    if not is_allowed(action, applicable):
        raise _forbidden(caller, action, "the archive")


def require_to_administer(cursor: Any, caller: Caller | None, action: Action) -> None:
    """As `require_on_archive`; None is the operator of the machine, who may do everything."""
    if caller is not None:
        require_on_archive(cursor, caller, action)


def require_scope(caller: Caller, action: Action) -> None:
    """Raise Forbidden where a program may not do this for its user, whatever the user may."""
    if not caller.scope.allows(action):
        raise Forbidden(f"the API token's scope, {caller.scope}, is not enough for this")


def _forbidden(caller: Caller, action: Action, what: str) -> Forbidden:
    return Forbidden(f"user {caller.login} may not {_VERBS[action]} {what}")
