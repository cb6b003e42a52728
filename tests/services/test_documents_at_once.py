"""A document that is replaced while it is read: it is the old one or the new one."""

import threading
from datetime import UTC, datetime

import pytest

from archive_server.database import users
from archive_server.database.transactions import Transactions
from archive_server.model.documents import Document
from archive_server.model.gunid import Gunid
from archive_server.model.users import Caller, Role
from archive_server.services import clips, simple_get, webstreams

GUNID = Gunid.parse("f000000000000001")
AT = datetime(2026, 11, 21, tzinfo=UTC)
XML = "<audioClip><metadata/></audioClip>"
URL = "http://localhost/y"


@pytest.fixture
def transactions(dsn):
    made = Transactions(dsn)
    yield made
    made.close()


@pytest.fixture
def caller(transactions):
    user = transactions.perform(users.add, "maintainer", "", Role.MAINTAINER)
    return Caller(user.user_id, user.login, user.role)


def save(cursor, caller):
    webstreams.save(cursor, caller, GUNID, Document.parse(XML), URL, "a.xml", AT)


READERS = {
    "the document": lambda *who: clips._document(*who, GUNID),
    "the clip": lambda *who: simple_get._look(*who, GUNID)[1],
}


@pytest.mark.parametrize("reader", READERS)
def test_who_reads_a_document_that_is_being_replaced_gets_one(transactions, caller, reader):
    transactions.perform(save, caller)
    is_over = threading.Event()
    found = []

    def keep_reading():
        while not is_over.is_set():
            found.append(transactions.perform_reading(READERS[reader], caller))

    threads = [threading.Thread(target=keep_reading) for _ in range(2)]
    for thread in threads:
        thread.start()
    for _ in range(200):
        transactions.perform(save, caller)
    is_over.set()
    for thread in threads:
        thread.join()
    assert found
    assert [xml for xml in found if "localhost" not in xml] == []
