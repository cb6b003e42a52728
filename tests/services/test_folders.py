"""Which files of a folder are taken for audio."""

import os
import shutil

import pytest

from archive_server.services.folders import look


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "music"
    root.mkdir()
    return root


def put(root, *names):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * 7)


def names(found, root):
    return [str(file.path.relative_to(root)) for file in found.files]


def test_audio_is_found_by_its_name_folder_by_folder(folder, tmp_path):
    put(folder, "b/two.MP3", "b/one.ogg", "a/x/y.wav", "top.oga", "cover.jpg", "no extension")
    found = look([folder], leave_out=tmp_path / "archive")
    assert names(found, folder) == ["top.oga", "a/x/y.wav", "b/one.ogg", "b/two.MP3"]
    assert (found.others, found.size) == (2, 28)


def test_other_audio_is_tried_so_that_somebody_says_what_it_is(folder, tmp_path):
    put(folder, "one.flac", "two.m4a")
    assert names(look([folder], leave_out=tmp_path / "archive"), folder) == ["one.flac", "two.m4a"]


def test_what_is_hidden_is_passed_over(folder, tmp_path):
    put(folder, ".trash/old.mp3", "._resource.mp3", "seen.mp3")
    assert names(look([folder], leave_out=tmp_path / "archive"), folder) == ["seen.mp3"]


def test_a_file_that_is_given_is_taken_whatever_it_is_called(folder, tmp_path):
    put(folder, ".odd")
    assert names(look([folder / ".odd"], leave_out=tmp_path / "archive"), folder) == [".odd"]


def test_the_archive_does_not_import_itself(folder):
    put(folder, "archive/store/access/lease.mp3", "new.mp3")
    assert names(look([folder], leave_out=folder / "archive"), folder) == ["new.mp3"]


def test_links_to_files_are_followed_and_links_to_folders_are_not(folder, tmp_path):
    put(tmp_path, "elsewhere/far.mp3")
    (folder / "link.mp3").symlink_to(tmp_path / "elsewhere/far.mp3")
    (folder / "circle").symlink_to(folder)
    (folder / "broken.mp3").symlink_to(tmp_path / "nowhere")
    found = look([folder], leave_out=tmp_path / "archive")
    assert names(found, folder) == ["link.mp3"]


def test_what_is_no_file_is_not_opened(folder, tmp_path):
    os.mkfifo(folder / "pipe.mp3")
    found = look([folder, folder / "pipe.mp3"], leave_out=tmp_path / "archive")
    assert found.files == []
    assert found.unreadable == [(folder / "pipe.mp3", "not a file")]


def test_a_link_to_itself_is_named_and_keeps_nothing_else(folder, tmp_path):
    put(folder, "sub/seen.mp3")
    for name in ("loop.mp3", "loop.txt"):
        (folder / name).symlink_to(folder / name)
    found = look([folder], leave_out=tmp_path / "archive")
    assert names(found, folder) == ["sub/seen.mp3"]
    assert found.unreadable == [(folder / "loop.mp3", "Too many levels of symbolic links")]


def test_a_folder_that_goes_meanwhile_is_named(folder, tmp_path, monkeypatch):
    put(folder, "a/one.mp3", "b/two.mp3")
    scandir = os.scandir

    def remove_the_second(path):
        if path == folder / "a":
            shutil.rmtree(folder / "b")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", remove_the_second)
    put(tmp_path, "archive/store.json")
    found = look([folder], leave_out=tmp_path / "archive")
    assert names(found, folder) == ["a/one.mp3"]
    assert found.unreadable == [(folder / "b", "No such file or directory")]


@pytest.mark.skipif(os.getuid() == 0, reason="root may read everything")
def test_a_folder_that_cannot_be_read_is_named(folder, tmp_path):
    put(folder, "closed/in.mp3", "open.mp3")
    (folder / "closed").chmod(0)
    found = look([folder], leave_out=tmp_path / "archive")
    assert names(found, folder) == ["open.mp3"]
    assert found.unreadable == [(folder / "closed", "Permission denied")]
    (folder / "closed").chmod(0o700)
