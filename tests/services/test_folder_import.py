"""Importing files: what becomes a clip, what does not, and what an end in the middle leaves."""

import os
import shutil
from dataclasses import replace

import pytest
from support import result_of

from archive_server.database import search
from archive_server.errors import Forbidden, Unavailable
from archive_server.model.documents import Document
from archive_server.model.gunid import IdStyle
from archive_server.model.search import Criteria
from archive_server.model.users import Role
from archive_server.services import folder_import
from archive_server.services.file_examining import Examiner
from archive_server.services.folder_import import FolderImport, Wishes
from archive_server.services.folders import look
from audio_store import StoreFull

PLAIN = Wishes({})


@pytest.fixture
def folder(tmp_path, high, low):
    root = tmp_path / "music"
    (root / "sub").mkdir(parents=True)
    (root / "high.wav").write_bytes(high)
    (root / "sub/low.wav").write_bytes(low)
    return root


@pytest.fixture
def importer(services, store, prober):
    examiner = Examiner(store, prober, frozenset())
    return FolderImport(services.database, examiner, services.clock, IdStyle.UUID7, decoders=2)


@pytest.fixture
def import_all(importer, services, folder, tmp_path):
    caller = services.caller()

    def run(wishes=PLAIN, **more):
        files = look([folder], leave_out=tmp_path / "archive").files
        return result_of(importer.run(caller, files, wishes, **more))

    return run


def titles(services):
    page = result_of(services.search.find(services.caller(), Criteria.build()))
    return sorted(hit.title for hit in page.hits)


def clips(services):
    page = result_of(services.search.find(services.caller(), Criteria.build()))
    return {hit.title: hit.gunid for hit in page.hits}


def audio(services, gunid):
    file = result_of(services.downloads.current(services.caller(), gunid))
    with file.content as content:
        return content.read()


def everything_is_sound(services):
    findings = result_of(services.integrity.check(digests=True))
    return findings == [] and not list(services.store.staged_tokens())


def test_files_become_clips_with_their_bytes(services, import_all, folder, high, low):
    imported = import_all()
    assert (imported.imported, imported.size) == (2, len(high) + len(low))
    assert (imported.already, imported.refused, imported.was_stopped) == (0, [], False)
    found = clips(services)
    assert set(found) == {"high", "low"}
    assert audio(services, found["high"]) == high
    assert audio(services, found["low"]) == low
    assert everything_is_sound(services)
    assert (folder / "high.wav").read_bytes() == high


def test_an_imported_clip_is_what_the_same_file_stored_by_a_client_is(services, import_all, high):
    import_all()
    document = Document.parse(
        result_of(services.clips.document(services.caller(), clips(services)["high"]))
    )
    stored = services.store_clip(high, file_name="high.wav")
    expected = Document.parse(result_of(services.clips.document(services.caller(), stored)))
    assert document == expected


def test_a_second_import_changes_nothing(services, import_all):
    import_all()
    before = clips(services)
    again = import_all()
    assert (again.imported, again.already) == (0, 2)
    assert clips(services) == before
    assert everything_is_sound(services)


def test_only_what_is_new_is_imported(services, import_all, folder, high):
    services.store_clip(high, file_name="mine.wav")
    imported = import_all()
    assert (imported.imported, imported.already) == (1, 1)
    assert titles(services) == ["low", "mine"]


def test_equal_files_become_one_clip(services, import_all, folder):
    shutil.copy(folder / "high.wav", folder / "sub/other name.wav")
    imported = import_all()
    assert (imported.imported, imported.already) == (2, 1)
    assert titles(services) == ["high", "low"]
    assert everything_is_sound(services)


def test_another_file_of_the_same_size_is_imported(services, import_all, folder, high):
    import_all()
    other = bytearray(high)
    other[-1] ^= 1
    (folder / "near.wav").write_bytes(other)
    assert import_all().imported == 1


def test_refused_files_are_named_and_do_not_keep_the_others(services, import_all, folder, high):
    (folder / "cut.wav").write_bytes(high[:-1000])
    (folder / "text.mp3").write_text("no sound at all")
    (folder / "empty.ogg").write_bytes(b"")
    imported = import_all()
    assert imported.imported == 2
    assert [(refusal.file.name, refusal.code) for refusal in imported.refused] == [
        ("cut.wav", "wav-truncated"),
        ("empty.ogg", "empty"),
        ("text.mp3", "is-text"),
    ]
    assert everything_is_sound(services)


def test_a_file_that_has_gone_is_named(services, importer, folder, tmp_path):
    files = look([folder], leave_out=tmp_path / "archive").files
    (folder / "high.wav").unlink()
    imported = result_of(importer.run(services.caller(), files, PLAIN))
    assert imported.imported == 1
    assert [refusal.code for refusal in imported.refused] == ["unreadable"]


def test_what_has_become_a_pipe_is_not_waited_for(services, importer, folder, tmp_path):
    files = look([folder], leave_out=tmp_path / "archive").files
    (folder / "high.wav").unlink()
    os.mkfifo(folder / "high.wav")
    imported = result_of(importer.run(services.caller(), files, PLAIN))
    assert imported.imported == 1
    assert [refusal.reason for refusal in imported.refused] == [
        "the file cannot be read: not a file"
    ]


def test_a_file_that_goes_while_it_is_only_looked_at_is_named(services, importer, folder, tmp_path):
    files = look([folder], leave_out=tmp_path / "archive").files

    class Late:
        """A prober that comes after somebody has tidied up."""

        def probe(self, path, file_name, accept):
            path.with_name("high.wav").unlink(missing_ok=True)
            return importer.examiner.prober.probe(path, file_name, accept)

    late = replace(importer, examiner=replace(importer.examiner, prober=Late()))
    imported = result_of(late.run(services.caller(), files, Wishes({}, dry_run=True)))
    assert imported.imported == 1
    assert [(each.file.name, each.code) for each in imported.refused] == [
        ("high.wav", "unreadable")
    ]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (b"caf\xe9.wav", "caf\N{REPLACEMENT CHARACTER}"),
        (b"two\nlines\tand \\N\x01.wav", "two\nlines\tand \\N"),
    ],
)
def test_any_name_a_file_can_have_is_imported(services, import_all, folder, wav, name, shown):
    (folder / os.fsdecode(name)).write_bytes(wav)
    assert import_all().imported == 3
    assert shown in titles(services)


def test_defaults_fill_in_what_tags_do_not_say(services, import_all):
    import_all(Wishes({"dc:type": "jingle", "dc:title": "unused"}))
    found = clips(services)
    assert set(found) == {"high", "low"}
    xml = result_of(services.clips.document(services.caller(), found["low"]))
    assert Document.parse(xml).first("dc:type") == "jingle"


def test_a_dry_run_says_the_same_and_stores_nothing(services, import_all, folder, high):
    shutil.copy(folder / "high.wav", folder / "sub/other name.wav")
    (folder / "cut.wav").write_bytes(high[:-1000])
    told = import_all(Wishes({}, dry_run=True))
    assert titles(services) == []
    assert list(services.store.contents()) == []
    done = import_all()
    assert (told.imported, told.size, told.already) == (done.imported, done.size, done.already)
    assert told.refused == done.refused


def test_who_may_not_store_may_not_import(services, importer, folder, tmp_path):
    files = look([folder], leave_out=tmp_path / "archive").files
    with pytest.raises(Forbidden):
        result_of(importer.run(services.caller(Role.CLIENT), files, PLAIN))
    assert everything_is_sound(services)


def test_it_stops_when_told_to_and_goes_on_from_there(services, import_all, monkeypatch):
    heard = []
    monkeypatch.setattr(folder_import, "_AHEAD", 1)
    stopped = import_all(on_file=heard.append, stopped=lambda: len(heard) >= 1)
    assert stopped.was_stopped
    assert stopped.imported == len(heard) == 1
    assert everything_is_sound(services)
    assert (import_all().imported, len(titles(services))) == (1, 2)


@pytest.mark.parametrize("batch", [1, 2, 3])
def test_every_batch_is_whole(services, import_all, folder, batch, high, monkeypatch):
    monkeypatch.setattr(folder_import, "_BATCH", batch)
    for number in range(5):
        (folder / f"{number}.wav").write_bytes(high[:-1] + bytes([number]))
    assert import_all().imported == 7
    assert everything_is_sound(services)


def test_a_full_disk_ends_it_and_what_was_imported_stays(
    services, import_all, folder, high, monkeypatch
):
    monkeypatch.setattr(folder_import, "_BATCH", 1)
    publish_all = type(services.store).publish_all
    calls = []

    def fails_the_second_time(store, files):
        calls.append(files)
        if len(calls) == 2:
            raise StoreFull("the store has no room")
        publish_all(store, files)

    monkeypatch.setattr(type(services.store), "publish_all", fails_the_second_time)
    with pytest.raises(Unavailable):
        import_all()
    assert titles(services) == ["high"]
    assert everything_is_sound(services)
    assert import_all().imported == 1


def test_a_transaction_that_is_tried_again_adds_everything_once(services, import_all, monkeypatch):
    index_many = search.index_many
    tries = []

    def fails_the_first_time(cursor, clips):
        index_many(cursor, clips)
        tries.append(1)
        if len(tries) == 1:
            raise RuntimeError

    monkeypatch.setattr(search, "index_many", fails_the_first_time)
    run = services.database.run

    def twice(work, *args, **kwargs):
        if work is not folder_import._add:
            return run(work, *args, **kwargs)
        with pytest.raises(RuntimeError):
            result_of(run(work, *args, **kwargs))
        return run(work, *args, **kwargs)

    monkeypatch.setattr(services.database, "run", twice)
    assert import_all().imported == 2
    assert len(tries) == 2
    assert everything_is_sound(services)
