def test_letters_of_every_script_can_be_searched_by_an_index(cursor):
    cursor.execute(
        "SELECT cardinality(show_trgm(%s)), cardinality(show_trgm(%s))", ("любовь", "東京")
    )
    assert cursor.fetchone() == (7, 3)
