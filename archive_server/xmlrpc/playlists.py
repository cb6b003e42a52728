"""Making, changing, reading and deleting playlists, as `locstor.*` calls."""

from collections.abc import Callable
from dataclasses import dataclass

from archive_server.errors import (
    BadDocument,
    BadRequest,
    Conflict,
    Forbidden,
    NoSession,
    NotFound,
    TooLarge,
    Unavailable,
    UnknownToken,
    WrongToken,
)
from archive_server.model.gunid import Gunid
from archive_server.model.users import Caller
from archive_server.services.leased_files import LocalFile, OpenLease
from archive_server.services.playlist_access import (
    OpenItem,
    OpenPlaylist,
    OpenStream,
    PlaylistAccess,
)
from archive_server.services.playlists import PlaylistService
from archive_server.services.sessions import SessionService
from archive_server.xmlrpc.file_names import file_name
from archive_server.xmlrpc.method import Client, Kind, Member, Method
from archive_server.xmlrpc.parameters import boolean, optional_text, text
from archive_server.xmlrpc.sessions import SESSION, caller_of
from archive_server.xmlrpc.values import Struct, Value

_NEW_FILE = "newFile.xml"  # what the original calls a playlist without a name


@dataclass(frozen=True)
class PlaylistMethods:
    """The calls about playlists."""

    sessions: SessionService
    playlists: PlaylistService
    access: PlaylistAccess
    access_url: Callable[[str, str, str], str]  # of our base URL, a token and an extension

    async def create(self, client: Client, struct: Struct) -> Struct:
        """Make an empty playlist."""
        caller = await self._caller(client, struct)
        wanted = plid(struct) if optional_text(struct, "plid") else None
        name = optional_text(struct, "fname")
        name = file_name(name) if name else _NEW_FILE
        return {"plid": str(await self.playlists.create(caller, wanted, name))}

    async def edit(self, client: Client, struct: Struct) -> Struct:
        """Give out the right to change a playlist, and say where to GET it."""
        lease = await self.playlists.edit(await self._caller(client, struct), plid(struct))
        return self._readable(client, lease)

    async def save(self, client: Client, struct: Struct) -> Struct:
        """Save a playlist."""
        caller = await self._caller(client, struct)
        token, xml = text(struct, "token"), text(struct, "newPlaylist")
        return {"plid": str(await self.playlists.save(caller, token, xml))}

    async def revert(self, client: Client, struct: Struct) -> Struct:
        """Give up changing a playlist."""
        return {"plid": str(await self.playlists.revert(text(struct, "token")))}

    async def delete(self, client: Client, struct: Struct) -> Struct:
        """Delete a playlist. Unforced it answers success too, since it does what was asked."""
        caller = await self._caller(client, struct)
        await self.playlists.delete(caller, plid(struct), forced=boolean(struct, "forced"))
        return {"status": True}

    async def open(self, client: Client, struct: Struct) -> Struct:
        """Say where to GET a playlist, and all that it holds."""
        caller = await self._caller(client, struct)
        recursive = boolean(struct, "recursive")
        opened = await self.access.open(caller, plid(struct), recursive=recursive)
        answer = self._playlist(client, opened)
        return {name: value for name, value in answer.items() if recursive or name != "content"}

    async def release(self, client: Client, struct: Struct) -> Struct:
        """End the reading of a playlist, and of all that it holds."""
        return {"plid": str(await self.access.release(text(struct, "token")))}

    async def exists(self, client: Client, struct: Struct) -> Struct:
        """Tell whether there is such a playlist."""
        caller = await self._caller(client, struct)
        return {"exists": await self.playlists.exists(caller, plid(struct))}

    async def is_available(self, client: Client, struct: Struct) -> Struct:
        """Tell whether a playlist can be changed, and if not, who changes it."""
        edit = await self.playlists.edit_of(await self._caller(client, struct), plid(struct))
        if edit is None:
            return {"available": True, "ownerid": "", "ownerlogin": ""}
        owner_id = "" if edit.user_id is None else edit.user_id
        return {"available": False, "ownerid": owner_id, "ownerlogin": edit.login or ""}

    def _opened(self, client: Client, opened: OpenItem) -> Struct:
        if isinstance(opened, LocalFile):
            return {"url": opened.path.absolute().as_uri(), "token": opened.token}
        if isinstance(opened, OpenStream):
            return {"url": opened.url, "token": opened.token}
        return self._playlist(client, opened)

    def _playlist(self, client: Client, opened: OpenPlaylist) -> Struct:
        content: list[Value] = [self._opened(client, item) for item in opened.content]
        if opened.lease is None:
            nothing = dict.fromkeys(("url", "token", "chsum", "size", "filename"), "")
            return {**nothing, "content": content, "warning": opened.warning}
        return {**self._readable(client, opened.lease), "content": content}

    def _readable(self, client: Client, lease: OpenLease) -> Struct:
        return {
            "url": self.access_url(client.base_url, lease.token, lease.extension),
            "token": lease.token,
            "chsum": lease.md5,
            "size": lease.size,
            "filename": lease.file_name,
        }

    async def _caller(self, client: Client, struct: Struct) -> Caller:
        return await caller_of(self.sessions, client, struct)


def plid(struct: Struct) -> Gunid:
    """Read the id of a playlist. Raises BadRequest."""
    given = text(struct, "plid")
    try:
        return Gunid.parse(given)
    except BadRequest as error:
        raise BadRequest("plid: 16 hex digits or a UUID expected") from error


PLID = Member("plid", Kind.STRING, "the playlist's id: 16 hex digits or a UUID")
_STATUS = Member("status", Kind.BOOLEAN, "true")
_TO_READ = (
    Member("url", Kind.STRING, "where to GET the playlist"),
    Member("token", Kind.STRING, "for the calls that end it"),
    Member("chsum", Kind.STRING, "the MD5 of the bytes, 32 hex digits"),
    Member("size", Kind.INT, "how many bytes"),
    Member("filename", Kind.STRING, "the file's name"),
)
_EDIT_TOKEN = Member("token", Kind.STRING, "what `editPlaylist` gave")
_XML = (
    "the playlist, XML; in it the elements `playlistElement` (with exactly one `audioClip` or "
    "`playlist`, and perhaps `fadeInfo`) and `metadata`"
)
_CONTENT = (
    "if `recursive`: a struct for each `playlistElement`, in their order; of a clip `url` "
    "(`file://`) and `token`, of a webstream its `url` and a `token`, of a playlist what this call "
    "gives; of one that is not there empty strings and a `warning`"
)

METHODS = (
    Method(
        "locstor.createPlaylist",
        "Makes an empty playlist.",
        takes=(
            SESSION,
            Member("plid", Kind.STRING, "its id; empty for a new one", optional=True),
            Member("fname", Kind.STRING, f"its file name; empty: {_NEW_FILE}", optional=True),
        ),
        gives=(PLID,),
        call=PlaylistMethods.create,
        raises=(BadRequest, NoSession, Forbidden, Conflict),
        since="2005-01",
    ),
    Method(
        "locstor.editPlaylist",
        "Gives out the right to change a playlist, to one at a time, and says where to GET it. "
        "Until `savePlaylist` everybody else reads what was saved last. The right does not "
        "expire; `revertEditedPlaylist` gives it back.",
        takes=(SESSION, PLID),
        gives=_TO_READ,
        call=PlaylistMethods.edit,
        raises=(BadRequest, NoSession, Forbidden, NotFound, Conflict),
        since="2005-01",
    ),
    Method(
        "locstor.savePlaylist",
        "Saves a playlist that `editPlaylist` has opened, and ends that. What breaks a rule is "
        "refused, by the name of the element; then the old version and the right to change it "
        "stay.",
        takes=(SESSION, _EDIT_TOKEN, Member("newPlaylist", Kind.STRING, _XML)),
        gives=(PLID,),
        call=PlaylistMethods.save,
        raises=(
            BadRequest,
            BadDocument,
            NoSession,
            UnknownToken,
            WrongToken,
            Forbidden,
            NotFound,
            Conflict,
        ),
        since="2005-01",
    ),
    Method(
        "locstor.revertEditedPlaylist",
        "Ends what `editPlaylist` began; the playlist stays as it was saved last.",
        takes=(
            Member("sessid", Kind.STRING, "ignored: the token is enough", optional=True),
            _EDIT_TOKEN,
        ),
        gives=(PLID,),
        call=PlaylistMethods.revert,
        raises=(BadRequest, UnknownToken, WrongToken),
        since="2005-07",
    ),
    Method(
        "locstor.deletePlaylist",
        "Moves a playlist to the trash, or, forced, removes it for good. Who reads it goes on; "
        "who changes it can save it no more.",
        takes=(
            SESSION,
            PLID,
            Member("forced", Kind.BOOLEAN, "whether to remove it for good", optional=True),
        ),
        gives=(_STATUS,),
        call=PlaylistMethods.delete,
        raises=(BadRequest, NoSession, Forbidden, NotFound, Conflict),
        since="2005-01",
    ),
    Method(
        "locstor.accessPlaylist",
        "Says where to GET a playlist as it was saved last; recursively, also where all is that "
        "it holds. It stays so until `releasePlaylist`.",
        takes=(
            SESSION,
            PLID,
            Member("recursive", Kind.BOOLEAN, "whether with all it holds", optional=True),
        ),
        gives=(*_TO_READ, Member("content", Kind.ARRAY, _CONTENT, optional=True)),
        call=PlaylistMethods.open,
        raises=(BadRequest, NoSession, Forbidden, NotFound, TooLarge, Unavailable),
        since="2005-01",
    ),
    Method(
        "locstor.releasePlaylist",
        "Ends what `accessPlaylist` began, for all that the playlist holds, too.",
        takes=(
            Member("token", Kind.STRING, "what `accessPlaylist` gave"),
            Member("recursive", Kind.BOOLEAN, "ignored: always so", optional=True),
        ),
        gives=(PLID,),
        call=PlaylistMethods.release,
        raises=(BadRequest, UnknownToken, WrongToken, Unavailable),
        since="2005-01",
    ),
    Method(
        "locstor.existsPlaylist",
        "Tells whether there is a playlist with this id.",
        takes=(SESSION, PLID),
        gives=(Member("exists", Kind.BOOLEAN, "whether it exists"),),
        call=PlaylistMethods.exists,
        raises=(BadRequest, NoSession, Forbidden),
        since="2005-01",
    ),
    Method(
        "locstor.playlistIsAvailable",
        "Tells whether a playlist can be changed, that is, whether nobody changes it now.",
        takes=(SESSION, PLID),
        gives=(
            Member("available", Kind.BOOLEAN, "whether it can"),
            Member("ownerid", Kind.INT, "the number of the user who changes it, or an empty text"),
            Member("ownerlogin", Kind.STRING, "the name of the user who changes it, or empty"),
        ),
        call=PlaylistMethods.is_available,
        raises=(BadRequest, NoSession, Forbidden, NotFound),
        since="2005-01; the owner 2005-07",
    ),
)
