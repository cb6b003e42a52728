"""Who may do what: asked inside the transaction that does it."""

from typing import Any

from archive_server.model.clips import Clip
from archive_server.model.rights import Action
from archive_server.model.users import Caller, Role


def require_on_clip(cursor: Any, caller: Caller, action: Action, clip: Clip) -> None:
    """Raise Forbidden unless the caller may do this with a clip, playlist or webstream."""
    caller.must_be(Role.CLIENT if action is Action.READ else Role.MAINTAINER)


def require_on_home(cursor: Any, caller: Caller, action: Action) -> None:
    """Raise Forbidden unless the caller may do this in their own home: WRITE is to add to it."""
    caller.must_be(Role.CLIENT if action is Action.READ else Role.MAINTAINER)


def require_on_archive(cursor: Any, caller: Caller, action: Action) -> None:
    """Raise Forbidden unless the caller may do this with all of it: READ is to search."""
    caller.must_be(Role.CLIENT if action is Action.READ else Role.ADMIN)
