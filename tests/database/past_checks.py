"""What holds of an archive that has had a version, whatever became of its schema since.

The checks are made one after the other, in this order, through what the services do today.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from fixtures.fix_services import PASSWORD, Services
from support import result_of

from archive_server.errors import (
    BadDocument,
    Conflict,
    Forbidden,
    NoSession,
    TooManyAttempts,
    UnknownToken,
)
from archive_server.model.clips import FileType
from archive_server.model.gunid import Gunid
from archive_server.model.jobs import JobStatus
from archive_server.model.leases import LeaseKind
from archive_server.model.permissions import Object
from archive_server.model.rights import Action
from archive_server.model.search import Criteria
from archive_server.services.leased_files import AudioFile, DocumentFile

A = Gunid.parse("0190163d-8694-739b-aea5-966c26f8ad91")  # audio 2, audio 1 before
B = Gunid.parse("0000000000000abc")  # audio 3
C = Gunid.parse("0190163d-8694-739b-aea5-00000000000c")  # in the trash
D = Gunid.parse("0190163d-8694-739b-aea5-00000000000d")  # nobody's
E = Gunid.parse("0190163d-8694-739b-aea5-00000000000e")  # a webstream
F = Gunid.parse("0190163d-8694-739b-aea5-00000000000f")  # audio 3, too
G = Gunid.parse("0190163d-8694-739b-aea5-000000000011")  # audio 7, since 0011
P = Gunid.parse("0190163d-8694-739b-aea5-0000000000f1")  # a playlist that holds A and Q
Q = Gunid.parse("0190163d-8694-739b-aea5-0000000000f2")  # a playlist that holds B
ROOT, STUDIO, PAUL = "1" * 32, "2" * 32, "3" * 32  # sessions
_STREAM = "http://stream.example.org:8000/live"


@dataclass(frozen=True)
class Upgraded:
    """An archive that was of a version, and is of the newest."""

    version: str
    services: Services

    def caller(self, session_id: str) -> Any:
        return result_of(self.services.sessions.caller(session_id))

    def found(self, *conditions: tuple[str, str, str]) -> list[Gunid]:
        page = result_of(
            self.services.search.find(self.caller(PAUL), Criteria.build(conditions=conditions))
        )
        assert page.total == len(page.hits)
        return [hit.gunid for hit in page.hits]

    def read(self, token: str, extension: str) -> bytes:
        """What a lease reads."""
        file = result_of(self.services.downloads.leased(token, extension))
        if isinstance(file, DocumentFile):
            return file.body
        assert isinstance(file, AudioFile)
        with file.content as content:
            return content.read()

    def audio(self, gunid: Gunid) -> bytes:
        """What a clip is to somebody who asks for it now."""
        lease = result_of(self.services.downloads.open_audio(self.caller(STUDIO), gunid))
        return self.read(lease.token, lease.extension)

    def may(self, login: str, action: Action, target: str) -> bool:
        permissions = self.services.administration.permissions
        return result_of(permissions.test(None, login, action, Object.parse(target))).is_allowed


Check = Callable[[Upgraded], None]
CHECKS: list[tuple[int, Check]] = []  # each with the version since which it holds


def since(version: int) -> Callable[[Check], Check]:
    """Note what holds of archives that have had this version."""

    def note(check: Check) -> Check:
        CHECKS.append((version, check))
        return check

    return note


@since(1)
def users_log_in_and_sessions_go_on(archive: Upgraded) -> None:
    sessions = archive.services.sessions
    for login in ("root", "studio", "paul", "Größe 月"):
        assert result_of(sessions.log_in(login, PASSWORD, "127.0.0.1"))
    assert [archive.caller(each).login for each in (ROOT, STUDIO, PAUL)] == [
        "root", "studio", "paul"
    ]  # fmt: skip
    with pytest.raises(NoSession):
        archive.caller("4" * 32)
    with pytest.raises(TooManyAttempts):
        result_of(sessions.log_in("guessed", PASSWORD, "192.0.2.1"))


@since(1)
def roles_allow_what_they_did(archive: Upgraded) -> None:
    assert archive.may("root", Action.SUBJECTS, "archive")
    assert archive.may("studio", Action.WRITE, "home:studio")
    assert archive.may("paul", Action.READ, "archive")
    assert not archive.may("paul", Action.WRITE, "archive")
    assert not archive.may("paul", Action.SUBJECTS, "archive") or archive.version >= "0004"


@since(2)
def clips_are_read(archive: Upgraded) -> None:
    for gunid, number in ((A, 2), (B, 3), (D, 5), (F, 3)):
        assert archive.audio(gunid) == f"audio {number}".encode()
    document = result_of(archive.services.clips.document(archive.caller(STUDIO), A))
    assert '<dc:title xml:lang="de">Früher Morgen 🎵</dc:title>' in document
    revision = archive.services.downloads.revision(archive.caller(STUDIO), A, 1)
    with result_of(revision).content as content:
        assert content.read() == b"audio 1"


@since(2)
def leases_pin_what_they_did(archive: Upgraded) -> None:
    assert archive.read("1" * 32, "wav") == b"audio 1"
    assert archive.read("4" * 32, "mp3") == b"audio 6"
    assert "Wie A einmal hieß".encode() in archive.read("3" * 32, "xml")
    assert dict(archive.services.store.links())["2" * 32] == "ogg"
    assert result_of(archive.services.downloads.close("2" * 32, LeaseKind.FILE)) == B


@since(2)
def an_upload_goes_on(archive: Upgraded) -> None:
    uploads = archive.services.uploads
    assert result_of(uploads.state("a" * 32)).offset == 5
    receiving = result_of(uploads.receive("a" * 32, 5, 11))
    result_of(receiving.append(b" world"))
    assert result_of(receiving.finish()).offset == 11
    with pytest.raises(UnknownToken):
        result_of(uploads.state("c" * 32))


@since(2)
def clips_are_found(archive: Upgraded) -> None:
    assert archive.found(("dc:title", "=", "FRÜHER MORGEN 🎵")) == [A]
    assert archive.found(("dc:title", "partial", "<late>")) == [A]
    assert archive.found(("dc:title", "partial", "\\ 100% _")) == [B]
    assert archive.found(("creator", "=", "борис")) == [A]
    assert archive.found(("name", "=", "月")) == [A]
    assert archive.found(("ls:year", "<", "2000")) == [A]
    assert archive.found(("ls:lyrics", "partial", "la end")) == [D]
    assert archive.found(("ls:lyrics", "=", "LA " * 40_000 + "END")) == [D]
    assert sorted(archive.found(("ls:genre", "=", "jazz"), ("*", "partial", "a"))) == [B, F]
    assert archive.found(("ls:url", "=", _STREAM)) == [E]
    assert sorted(archive.found(("mtime", "<=", "2026-03-29T05:30:00+02:00"))) == [B, A]
    assert C not in archive.found()
    values = archive.services.search.browse(archive.caller(ROOT), "genre", Criteria.build())
    assert {"Jazz", "jazz"} <= set(result_of(values).values)


@since(2)
def the_trash_gives_back(archive: Upgraded) -> None:
    assert [clip.gunid for clip in result_of(archive.services.clips.trashed())] == [C]
    result_of(archive.services.clips.restore(C))
    assert archive.audio(C) == b"audio 4"
    assert archive.found(("dc:title", "=", "im papierkorb")) == [C]


@since(2)
def the_journal_goes_on(archive: Upgraded) -> None:
    journal, caller = archive.services.journal, archive.caller(PAUL)
    before = result_of(journal.events(caller, 0))
    told = [(event.kind, event.gunid, event.login) for event in before.events[:7]]
    assert told[2] == ("replaced", A, "studio")
    assert told[3] == ("updated", A, "Größe 月")
    assert told[5] == ("restored", F, None)
    assert told[6] == ("deleted", Gunid.parse("0190163d-8694-739b-aea5-00000000dead"), "gone")
    assert before.events[0].file_type is FileType.AUDIO_CLIP
    numbers = [event.number for event in before.events]
    assert numbers == sorted(set(numbers))
    result_of(archive.services.clips.delete(archive.caller(ROOT), B, forced=False))
    after = result_of(journal.events(caller, before.cursor)).events
    assert [(event.kind, event.gunid) for event in after] == [("trashed", B)]
    assert after[0].number > numbers[-1]
    result_of(archive.services.clips.restore(B))


@since(4)
def rules_decide(archive: Upgraded) -> None:
    assert archive.may("paul", Action.WRITE, "home:studio"), "through three groups"
    assert archive.may("paul", Action.WRITE, str(A))
    assert not archive.may("paul", Action.WRITE, str(B))
    assert not archive.may("paul", Action.READ, str(F))
    assert archive.may("paul", Action.WRITE, str(D)), "it is in a class"
    assert archive.may("studio", Action.EDIT_RIGHTS, "archive")
    with pytest.raises(Forbidden):
        result_of(archive.services.downloads.open_audio(archive.caller(PAUL), F))
    groups = archive.services.administration.groups
    with pytest.raises(Conflict):
        result_of(groups.join(None, "group:Größe", "trainees"))


@since(5)
def preferences_are_kept(archive: Upgraded) -> None:
    preferences, studio = archive.services.preferences, archive.caller(STUDIO)
    assert result_of(preferences.load(studio, "scratchPadContents")) == '<x y="é">\n🎵</x>'
    assert result_of(preferences.load(archive.caller(PAUL), "k" * 255)) == ""
    of_group = preferences.load_of_group
    assert result_of(of_group(studio, "StationPrefs", "stationName")) == "Radio Größe"
    assert result_of(of_group(studio, "trainees", "ä")) == "long " * 10_000


@since(6)
def playlists_are_read_with_all_they_hold(archive: Upgraded) -> None:
    assert archive.found(("dc:title", "partial", "☀")) == [P]
    opened = result_of(
        archive.services.playlist_access.open(archive.caller(STUDIO), P, recursive=True)
    )
    first, second, third = opened.content
    assert first.path.read_bytes() == b"audio 2"
    assert second.content[0].path.read_bytes() == b"audio 3"
    assert (third.lease, bool(third.warning)) == (None, True)
    assert opened.lease is not None
    assert "Früher &amp; früh".encode() in archive.read(opened.lease.token, "xml")
    assert archive.read("8" * 32, "wav") == b"audio 2"
    assert result_of(archive.services.playlist_access.release("6" * 32)) == P
    with pytest.raises(UnknownToken):
        archive.read("8" * 32, "wav")


@since(6)
def who_changes_a_playlist_goes_on(archive: Upgraded) -> None:
    playlists, studio = archive.services.playlists, archive.caller(STUDIO)
    assert [(edit.gunid, edit.login) for edit in result_of(playlists.edits())] == [(Q, "studio")]
    with pytest.raises(Conflict):
        result_of(playlists.edit(archive.caller(ROOT), Q))
    xml = archive.read("5" * 32, "xml").decode()
    circle = xml.replace(f'<audioClip id="{B}"', f'<playlist id="{P}"')
    with pytest.raises(BadDocument, match="would hold itself"):
        result_of(playlists.save(studio, "5" * 32, circle))
    assert result_of(playlists.save(studio, "5" * 32, xml.replace("Jingles", "Töne"))) == Q
    assert archive.found(("dc:title", "=", "töne")) == [Q]


@since(7)
def jobs_are_done_and_told_of(archive: Upgraded) -> None:
    jobs = archive.services.jobs
    done = result_of(jobs.state("3" * 31 + "a", ["backup"]))
    assert (done.status, done.result) == (JobStatus.SUCCESS, {"size": 10240})
    failed = result_of(jobs.state("4" * 31 + "a", ["restore"]))
    assert failed.fault == "Größe: es fehlt etwas"
    claimed = result_of(jobs.claim(["backup", "render"]))
    assert claimed is not None
    assert (claimed.token, claimed.caller.login) == ("1" * 31 + "a", "studio")
    taken_over = result_of(jobs.claim(["backup", "render"]))
    assert taken_over is not None
    assert taken_over.token == "2" * 31 + "a"
    result_of(jobs.make_directory(claimed))
    assert result_of(archive.services.backups.work(claimed, lambda progress: None))


@since(8)
def an_export_is_read(archive: Upgraded) -> None:
    lease = result_of(archive.services.downloads.leased("9" * 32, "tar"))
    opened = result_of(archive.services.exports.opened(lease))
    whole = result_of(opened.read(range(opened.layout.size)))
    result_of(opened.close())
    assert b"<playlist />" in whole
    assert b"audio 3" in whole


@since(10)
def events_tell_all_they_did(archive: Upgraded) -> None:
    events = result_of(archive.services.journal.events(archive.caller(PAUL), 0)).events
    (accessed,) = (event for event in events if event.kind == "accessed")
    assert (accessed.revision, accessed.address) == (2, "192.0.2.7")


@since(11)
def clips_with_texts_of_their_own_are_found(archive: Upgraded) -> None:
    assert archive.found(("dc:title", "partial", "0011")) == [G]
    assert sorted(archive.found(("dc:creator", "=", "ana"))) == sorted([A, G, P, Q])
    assert archive.found(("*", "words", "Ǝ ")) == [G]
    criteria = Criteria.build(conditions=[("dc:creator", "partial", "ana")], file_type="audioclip")
    browsed = archive.services.search.browse(archive.caller(PAUL), "ls:mood", criteria)
    assert result_of(browsed).values == ("ᴲ",)
    assert archive.audio(G) == b"audio 7"


@since(12)
def the_audit_tells_who_came(archive: Upgraded) -> None:
    audit = result_of(archive.services.journal.audit(0)).events
    told = [(event.kind, event.subject, event.detail, event.login) for event in audit]
    assert ("login-refused", "user:guessed", "wrong password", None) in told
    assert ("group-joined", "user:Größe 月", "group:Größe", "root") in told


@since(13)
def tokens_open_what_they_did(archive: Upgraded) -> None:
    caller = archive.caller("archive_" + "0" * 48)
    assert caller.login == "studio"
    assert result_of(archive.services.search.find(caller, Criteria.build())).total
    with pytest.raises(Forbidden):
        result_of(archive.services.clips.delete(caller, B, forced=False))


@since(16)
def what_is_whole_again_is_given_back(archive: Upgraded) -> None:
    # The check that came before this one has found it so.
    assert dict(archive.services.store.links())["0" * 31 + "a"] == "mp3"
    assert result_of(archive.services.verification.damaged()) == []


@since(21)
def what_was_examined_is_closed_by_what_was_found(archive: Upgraded) -> None:
    caller = archive.caller(STUDIO)
    gunid = result_of(archive.services.clips.finish_upload(caller, "d" * 32))
    assert archive.audio(gunid) == b"audio 2"  # which nobody else would take for a sound
    assert "<dc:title>Untersucht</dc:title>" in result_of(
        archive.services.clips.document(caller, gunid)
    )
