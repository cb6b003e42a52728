"""How commands use a database that others use, too."""

import contextlib
import threading

from archive_server.cli.offline import AtOnce, finished
from archive_server.database.connections import connect
from archive_server.database.transactions import Transactions


def test_a_command_that_deadlocks_with_the_server_is_done_all_the_same(dsn):
    attempts = []
    with (
        contextlib.closing(connect(dsn)) as other,
        other.cursor() as others,
        contextlib.closing(Transactions(dsn)) as transactions,
    ):
        others.execute("SELECT pg_advisory_xact_lock(2)")

        def work(cursor):
            attempts.append(cursor)
            cursor.execute("SET LOCAL deadlock_timeout = '10ms'; SELECT pg_advisory_xact_lock(1)")
            if len(attempts) == 1:
                crossing.start()
            cursor.execute("SELECT pg_advisory_xact_lock(2)")
            return "done"

        def cross():
            others.execute("SET LOCAL deadlock_timeout = '1min'; SELECT pg_advisory_xact_lock(1)")
            other.rollback()

        crossing = threading.Thread(target=cross)
        assert finished(AtOnce(transactions).run(work)) == "done"
        crossing.join()
    assert len(attempts) == 2
