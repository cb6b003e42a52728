"""What is done once, before anybody is served."""

import contextlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from archive_server.app.foundation import Announcement, founded
from archive_server.config import Config, Database
from archive_server.database import uploads
from archive_server.database.connections import connect
from archive_server.model.uploads import Purpose, Upload, new_token

LONG_AGO = datetime.now(UTC) - timedelta(days=30)


def test_down_time_is_forgiven_before_there_is_a_worker_that_could_die(dsn, tmp_path):
    config = replace(Config(), database=Database(dsn=dsn))
    upload = Upload(
        token=new_token(),
        user_id=1,
        gunid=None,
        file_name="a.wav",
        announced_md5=None,
        document=None,
        total_size=None,
        digested=None,
        last_used_at=LONG_AGO,
        purpose=Purpose.PUT,
    )
    with contextlib.closing(connect(dsn)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        with founded(config, tmp_path, Announcement()):
            pass  # makes the first user
        uploads.add(cursor, upload)
        with founded(config, tmp_path, Announcement()):
            cursor.execute("SELECT now() - last_used_at < interval '1 minute' FROM upload")
            assert cursor.fetchall() == [(True,)]
