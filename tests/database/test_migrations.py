def test_a_migrated_database_has_clips(cursor):
    cursor.execute("SELECT count(*) FROM clip")
    assert cursor.fetchone() == (0,)
