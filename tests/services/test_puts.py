"""Trying out uploads."""

from hashlib import md5

import pytest
from support import result_of

from archive_server.errors import (
    BadRequest,
    Forbidden,
    RefusedAudio,
    UnknownToken,
    UploadBusy,
    WrongToken,
)
from archive_server.model.users import Role


@pytest.fixture
def token(services):
    return result_of(services.puts.open(services.caller())).token


def close(services, token, chsum=""):
    return result_of(services.puts.close(token, chsum))


def test_what_arrived_is_compared_and_thrown_away(services, token):
    services.send(token, b"anything")
    upload = close(services, token, md5(b"anything").hexdigest().upper())
    assert (upload.file_name, upload.user_id) == ("newFile", services.caller().user_id)
    assert list(services.store.staged_tokens()) == []
    assert result_of(services.database.run(_clips)) == 0
    with pytest.raises(UnknownToken):
        close(services, token)


def test_what_differs_can_be_sent_again(services, token):
    services.send(token, b"anythin")
    right = md5(b"anything").hexdigest()
    with pytest.raises(RefusedAudio, match=right):
        close(services, token, right)
    services.send(token, b"anything")
    close(services, token, right)


def test_nothing_at_all_has_an_md5_too(services, token):
    with pytest.raises(RefusedAudio):
        close(services, token, "0" * 32)
    close(services, token, md5(b"").hexdigest())


def test_nothing_needs_to_be_compared(services, token):
    services.send(token, b"anything")
    close(services, token)


def test_while_somebody_sends_it_stays(services, token):
    receiving = result_of(services.uploads.receive(token, None, 8))
    with pytest.raises(UploadBusy):
        close(services, token)
    result_of(receiving.finish())
    close(services, token)


def test_only_who_may_store_may_try(services):
    with pytest.raises(Forbidden):
        result_of(services.puts.open(services.caller(Role.CLIENT)))


def test_tokens_are_for_one_purpose(services, token, wav):
    caller = services.caller()
    with pytest.raises(WrongToken):
        result_of(services.clips.finish_upload(caller, token))
    upload = result_of(services.clips.start_upload(caller, None, "", "x.wav", ""))
    with pytest.raises(WrongToken):
        close(services, upload.token)
    with pytest.raises(UnknownToken):
        close(services, "0" * 32)
    with pytest.raises(BadRequest, match="chsum"):
        close(services, token, "no md5")


def _clips(cursor):
    cursor.execute("SELECT count(*) FROM clip")
    return cursor.fetchone()[0]
