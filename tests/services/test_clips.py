import hashlib

import pytest
from support import result_of

from archive_server.errors import (
    BadDocument,
    BadRequest,
    Conflict,
    Duplicate,
    Forbidden,
    NotFound,
    RefusedAudio,
    UnknownToken,
    UploadBusy,
    WrongToken,
)
from archive_server.model.documents import Document
from archive_server.model.gunid import Gunid, IdStyle
from archive_server.model.search import Criteria
from archive_server.model.users import Role

DOCUMENT = """<?xml version="1.0" encoding="UTF-8"?>
<audioClip><metadata xmlns="http://mdlf.org/campcaster/elements/1.0/"
  xmlns:ls="http://mdlf.org/campcaster/elements/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/"
  xmlns:dcterms="http://purl.org/dc/terms/">
 <dc:title>Ein Lied</dc:title><dc:creator>János Kőbor</dc:creator>
 <dcterms:extent>00:00:03.000000</dcterms:extent></metadata></audioClip>"""


def everything(services):
    """All rows that tell what the archive holds, and all of its files."""
    tables = ("clip", "revision", "content", "document", "search_clip", "journal", "lease")
    rows = {}
    with services.database.connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"SELECT * FROM {table} ORDER BY 1")
            rows[table] = cursor.fetchall()
    return rows, list(services.store.contents())


def found(services, title):
    criteria = Criteria.build(conditions=[("dc:title", "=", title)])
    return [hit.gunid for hit in result_of(services.search.find(services.caller(), criteria)).hits]


def current(services, gunid):
    file = result_of(services.downloads.current(services.caller(), gunid))
    with file.content:
        return file.content.read()


def open_upload(services, audio, **changes):
    given = {"gunid": None, "document": "", "file_name": "a.wav", "md5": ""} | changes
    upload = result_of(services.clips.start_upload(services.caller(), **given))
    if audio is not None:
        services.send(upload.token, audio)
    return upload.token


def close(services, token):
    return result_of(services.clips.finish_upload(services.caller(), token))


def test_what_was_stored_comes_back_bit_for_bit(services, high):
    gunid = services.store_clip(high, file_name="high.wav")
    assert current(services, gunid) == high


def test_a_clip_can_be_found_when_it_is_stored_and_not_before(services, high):
    token = open_upload(services, high, document=DOCUMENT)
    assert found(services, "ein lied") == []
    gunid = close(services, token)
    assert found(services, "ein lied") == [gunid]


def test_an_id_that_nobody_has_is_adopted(services, high):
    gunid = Gunid.parse("123456789abcdef1")
    assert services.store_clip(high, gunid=gunid) == gunid
    assert result_of(services.clips.exists(services.caller(), gunid))


def test_new_ids_are_made_in_the_style_of_the_station(services, high):
    assert str(services.store_clip(high))[14] == "7"
    assert IdStyle(services.clips.policy.id_style) is IdStyle.UUID7


def test_what_the_client_said_is_kept(services, high):
    gunid = services.store_clip(high, document=DOCUMENT)
    document = Document.parse(result_of(services.clips.document(services.caller(), gunid)))
    assert document.first("dc:title") == "Ein Lied"
    assert document.first("dc:creator") == "János Kőbor"
    assert document.first("dcterms:extent") == "00:00:03.000000"
    assert document.first("dc:format") is None


def test_title_and_extent_come_from_the_file_where_the_client_is_silent(services, high):
    silent = DOCUMENT.replace("<dc:title>Ein Lied</dc:title>", "").replace(
        "<dcterms:extent>00:00:03.000000</dcterms:extent>", ""
    )
    gunid = services.store_clip(high, document=silent, file_name="Jingle 7.wav")
    document = Document.parse(result_of(services.clips.document(services.caller(), gunid)))
    assert document.first("dc:title") == "Jingle 7"
    assert document.first("dcterms:extent") == "00:00:00.500000"
    assert document.first("dc:creator") == "János Kőbor"


def test_without_a_document_the_audio_describes_itself(services, high):
    gunid = services.store_clip(high, file_name="high.wav")
    document = Document.parse(result_of(services.clips.document(services.caller(), gunid)))
    told = {
        category: document.first(category)
        for category in ("dc:format", "ls:samplerate", "ls:channels", "ls:filename")
    }
    assert told == {
        "dc:format": "audio/x-wav",
        "ls:samplerate": "8000",
        "ls:channels": "1",
        "ls:filename": "high.wav",
    }


def test_a_replace_makes_a_new_revision_of_the_same_clip(services, high, low):
    gunid = services.store_clip(high)
    assert services.store_clip(low, gunid=gunid) == gunid
    assert current(services, gunid) == low
    old = result_of(services.downloads.revision(services.caller(), gunid, 1))
    with old.content:
        assert old.content.read() == high


def test_a_replace_without_a_document_keeps_the_old_one_but_for_the_length(services, high, low):
    silent = DOCUMENT.replace("<dcterms:extent>00:00:03.000000</dcterms:extent>", "")
    gunid = services.store_clip(high, document=silent)
    services.store_clip(low, gunid=gunid)
    document = Document.parse(result_of(services.clips.document(services.caller(), gunid)))
    assert document.first("dc:title") == "Ein Lied"
    assert document.first("dcterms:extent") == "00:00:00.750000"


def test_a_length_that_the_client_gave_survives_a_replace(services, high, low):
    gunid = services.store_clip(high, document=DOCUMENT)
    services.store_clip(low, gunid=gunid)
    document = Document.parse(result_of(services.clips.document(services.caller(), gunid)))
    assert document.first("dcterms:extent") == "00:00:03.000000"


def test_equal_bytes_are_kept_once(services, high):
    services.store_clip(high)
    services.store_clip(high)
    assert len(list(services.store.contents())) == 1


REFUSED = {
    "wrong MD5": ({"md5": "0" * 32}, lambda audio: audio, "md5-mismatch"),
    "empty": ({}, lambda audio: b"", "empty"),
    "nothing sent": ({}, lambda audio: None, "empty"),
    "not audio": ({}, lambda audio: b"<html>Not found</html>\n" * 200, None),
    "truncated": ({}, lambda audio: audio[: len(audio) // 2], None),
}


@pytest.mark.parametrize("case", list(REFUSED))
@pytest.mark.parametrize("replaces", [False, True])
def test_a_refused_file_changes_nothing(services, high, low, case, replaces):
    changes, spoil, reason = REFUSED[case]
    gunid = services.store_clip(high, document=DOCUMENT)
    before = everything(services)
    token = open_upload(services, spoil(low), gunid=gunid if replaces else None, **changes)
    with pytest.raises(RefusedAudio) as refused:
        close(services, token)
    assert reason in (None, refused.value.reason)
    assert everything(services) == before
    assert current(services, gunid) == high


def test_after_a_refusal_the_right_bytes_can_be_sent(services, high, low):
    token = open_upload(services, low, md5=hashlib.md5(high).hexdigest())
    with pytest.raises(RefusedAudio):
        close(services, token)
    services.send(token, high)
    assert current(services, close(services, token)) == high


def test_an_upload_is_closed_once(services, high):
    token = open_upload(services, high)
    close(services, token)
    with pytest.raises(UnknownToken):
        close(services, token)


def test_an_upload_is_not_closed_while_it_is_being_sent(services, high):
    token = open_upload(services, None)
    receiving = result_of(services.uploads.receive(token, None, len(high)))
    with pytest.raises(UploadBusy):
        close(services, token)
    result_of(receiving.append(high))
    result_of(receiving.finish())
    assert current(services, close(services, token)) == high


def test_half_of_the_announced_bytes_are_no_clip(services, high):
    token = open_upload(services, None)
    receiving = result_of(services.uploads.receive(token, None, len(high)))
    result_of(receiving.append(high[:100]))
    result_of(receiving.finish())
    with pytest.raises(RefusedAudio, match="100 of"):
        close(services, token)


def test_the_token_of_a_lease_closes_no_upload(services, high):
    gunid = services.store_clip(high)
    lease = result_of(services.downloads.open_audio(services.caller(), gunid))
    with pytest.raises(WrongToken):
        close(services, lease.token)


@pytest.mark.parametrize("token", ["", "0" * 32, "0" * 16, "../../../etc/passwd", "x" * 5000])
def test_an_upload_nobody_began_is_none(services, token):
    with pytest.raises(UnknownToken):
        close(services, token)


@pytest.mark.parametrize("md5", ["x", "0" * 31, "0" * 33, "g" * 32])
def test_a_malformed_md5_is_refused(services, md5):
    with pytest.raises(BadRequest, match="chsum"):
        open_upload(services, None, md5=md5)


@pytest.mark.parametrize("document", ["no xml", "<metadata/>", "<audioClip>", "<!DOCTYPE a>"])
def test_a_bad_document_is_refused_before_anything_is_sent(services, document):
    with pytest.raises(BadDocument):
        open_upload(services, None, document=document)


def test_a_client_may_read_but_not_change(services, high):
    gunid = services.store_clip(high)
    client = services.caller(Role.CLIENT)
    assert result_of(services.clips.exists(client, gunid))
    assert result_of(services.clips.document(client, gunid))
    for change in (
        services.clips.start_upload(client, None, "", "a.wav", ""),
        services.clips.finish_upload(client, open_upload(services, high)),
        services.clips.describe(client, gunid, DOCUMENT),
        services.clips.delete(client, gunid, forced=False),
        services.clips.delete(client, gunid, forced=True),
    ):
        with pytest.raises(Forbidden):
            result_of(change)
    assert result_of(services.clips.exists(client, gunid))


def test_a_new_document_is_found_and_the_old_one_is_not(services, high):
    gunid = services.store_clip(high, document=DOCUMENT)
    changed = DOCUMENT.replace("Ein Lied", "Ein anderes")
    result_of(services.clips.describe(services.caller(), gunid, changed))
    assert found(services, "Ein Lied") == []
    assert found(services, "Ein anderes") == [gunid]


def test_a_bad_document_leaves_the_old_one(services, high):
    gunid = services.store_clip(high, document=DOCUMENT)
    before = everything(services)
    with pytest.raises(BadDocument):
        result_of(services.clips.describe(services.caller(), gunid, "<audioClip><broken"))
    assert everything(services) == before


def test_a_deleted_clip_is_gone_from_sight_and_can_be_restored(services, high):
    gunid = services.store_clip(high, document=DOCUMENT)
    result_of(services.clips.delete(services.caller(), gunid, forced=False))
    assert not result_of(services.clips.exists(services.caller(), gunid))
    assert found(services, "Ein Lied") == []
    for reading in (
        services.clips.document(services.caller(), gunid),
        services.downloads.current(services.caller(), gunid),
        services.downloads.open_audio(services.caller(), gunid),
        services.downloads.open_document(services.caller(), gunid),
        services.downloads.open_file(services.caller(), gunid),
    ):
        with pytest.raises(NotFound):
            result_of(reading)
    assert [clip.gunid for clip in result_of(services.clips.trashed())] == [gunid]

    result_of(services.clips.restore(gunid))
    assert found(services, "Ein Lied") == [gunid]
    assert current(services, gunid) == high


def test_what_is_not_in_the_trash_is_not_restored(services, high):
    gunid = services.store_clip(high)
    with pytest.raises(NotFound):
        result_of(services.clips.restore(gunid))


def test_storing_a_deleted_clip_again_brings_it_back(services, high, low):
    gunid = services.store_clip(high, document=DOCUMENT)
    result_of(services.clips.delete(services.caller(), gunid, forced=False))
    services.store_clip(low, gunid=gunid, document=DOCUMENT)
    assert found(services, "Ein Lied") == [gunid]
    assert current(services, gunid) == low


def test_a_forced_delete_is_for_good(services, high):
    gunid = services.store_clip(high)
    result_of(services.clips.delete(services.caller(), gunid, forced=True))
    assert result_of(services.clips.trashed()) == []
    with pytest.raises(NotFound):
        result_of(services.clips.restore(gunid))


def test_deleting_what_is_not_there_fails_unless_forced(services):
    gunid = Gunid.parse("00000000000000aa")
    result_of(services.clips.delete(services.caller(), gunid, forced=True))
    with pytest.raises(NotFound):
        result_of(services.clips.delete(services.caller(), gunid, forced=False))


def test_every_change_is_in_the_journal(services, high, low, cursor):
    gunid = services.store_clip(high)
    services.store_clip(low, gunid=gunid)
    caller = services.caller()
    result_of(services.clips.describe(caller, gunid, DOCUMENT))
    result_of(services.clips.delete(caller, gunid, forced=False))
    result_of(services.clips.restore(gunid))
    result_of(services.clips.delete(caller, gunid, forced=True))
    cursor.execute(
        "SELECT event, gunid, login FROM journal WHERE gunid IS NOT NULL ORDER BY number"
    )
    assert cursor.fetchall() == [
        ("created", gunid.uuid, "maintainer"),
        ("replaced", gunid.uuid, "maintainer"),
        ("updated", gunid.uuid, "maintainer"),
        ("trashed", gunid.uuid, "maintainer"),
        ("restored", gunid.uuid, None),
        ("deleted", gunid.uuid, "maintainer"),
    ]


def test_a_station_may_refuse_audio_it_has(services, high):
    from dataclasses import replace

    policy = replace(services.clips.policy, refuse_duplicates=True)
    strict = replace(services.clips, policy=policy)
    services.store_clip(high, file_name="first.wav")
    md5 = hashlib.md5(high).hexdigest()
    with pytest.raises(Duplicate, match=r"first\.wav"):
        result_of(strict.start_upload(services.caller(), None, "", "again.wav", md5))


def test_a_playlist_is_not_replaced_by_audio(services, cursor):
    gunid = Gunid.parse("0000000000000001")
    cursor.execute("INSERT INTO document (xml) VALUES ('<playlist/>') RETURNING document_id")
    cursor.execute(
        """INSERT INTO clip (gunid, file_type, file_name, document_id, mtime)
           VALUES (%s, 'playlist', 'p.xml', %s, now())""",
        (gunid, cursor.fetchone()[0]),
    )
    with pytest.raises(Conflict, match="playlist"):
        open_upload(services, None, gunid=gunid)
