"""`locstor.resetStorage`: everything away, and the sample instead. For tests only."""

from dataclasses import dataclass

from archive_server.errors import BadRequest, Conflict, Forbidden
from archive_server.services.reset import ResetService
from archive_server.xmlrpc.method import Client, Kind, Member, Method
from archive_server.xmlrpc.parameters import boolean, truth
from archive_server.xmlrpc.search import FOUND, found
from archive_server.xmlrpc.values import Struct


@dataclass(frozen=True)
class ResetMethods:
    """The call that empties the archive."""

    resetting: ResetService

    async def reset(self, client: Client, struct: Struct) -> Struct:
        """Empty the archive, fill it, and tell what is in it then, as a search for all would."""
        loading = struct.get("loadSampleData")
        load_sample = loading is None or truth(loading, "loadSampleData")
        end_sessions = boolean(struct, "invalidateSessionIds")
        return found(await self.resetting.reset(load_sample=load_sample, end_sessions=end_sessions))


METHODS = (
    Method(
        "locstor.resetStorage",
        "Deletes everything, if `[testing] allow_reset` of the configuration allows it, and fills "
        "the archive with a sample: clips, playlists and a webstream with the ids that tests of "
        "the old clients know. It needs no session, and sessions go on.",
        takes=(
            Member("loadSampleData", Kind.BOOLEAN, "whether to fill it; true if absent", True),
            Member(
                "invalidateSessionIds",
                Kind.BOOLEAN,
                "whether to end all sessions, and go back to the users and groups of a new archive",
                True,
            ),
        ),
        gives=FOUND,
        call=ResetMethods.reset,
        raises=(BadRequest, Forbidden, Conflict),
        since="2005-01; as a search's result 2006-06",
    ),
)
