from pathlib import Path

import pytest
from support import result_of

from archive_server.errors import Unavailable
from archive_server.services.integrity import Severity
from audio_store import ContentId


def findings(services, *, digests=True):
    return [
        (finding.severity, finding.message)
        for finding in result_of(services.integrity.check(digests=digests))
    ]


@pytest.fixture
def content(services, high) -> Path:
    gunid = services.store_clip(high)
    file = result_of(services.downloads.current(services.caller(), gunid))
    file.content.close()
    path = services.store.path(ContentId(file.sha256))
    path.chmod(0o600)
    return path


def test_an_archive_in_use_is_clean(services, high, low):
    gunid = services.store_clip(high)
    services.store_clip(low)
    services.store_clip(low, gunid=gunid)
    result_of(services.downloads.open_file(services.caller(), gunid))
    result_of(services.downloads.open_document(services.caller(), gunid))
    result_of(services.clips.delete(services.caller(), gunid, forced=False))
    assert findings(services) == []


def test_progress_is_told_by_each_content(services, high, low):
    services.store_clip(high)
    services.store_clip(low)
    sizes = []
    result_of(services.integrity.check(digests=True, on_content=sizes.append))
    assert sorted(sizes) == sorted([len(high), len(low)])
    assert result_of(services.integrity.extent()) == (2, len(high) + len(low))


def test_missing_content_is_damage(services, content):
    content.unlink()
    assert findings(services) == [(Severity.DAMAGE, "the file is missing")]


def test_content_of_another_size_is_damage(services, content):
    content.write_bytes(b"x")
    [(severity, message)] = findings(services, digests=False)
    assert severity is Severity.DAMAGE
    assert message.startswith("the file has 1 bytes instead of")


def test_one_changed_bit_is_damage(services, content):
    spoiled = bytearray(content.read_bytes())
    spoiled[-1] ^= 1
    content.write_bytes(spoiled)
    assert findings(services, digests=False) == []
    assert findings(services) == [(Severity.DAMAGE, "the file has other bytes than were stored")]


def test_a_file_that_cannot_be_read_is_damage_and_the_others_are_looked_at(services, content, low):
    services.store_clip(low)
    content.unlink()
    content.symlink_to(content)
    sizes = []
    found = result_of(services.integrity.check(digests=True, on_content=sizes.append))
    assert [(each.severity, each.message) for each in found] == [
        (Severity.DAMAGE, "the file cannot be read: Too many levels of symbolic links")
    ]
    assert len(sizes) == 2


def test_a_directory_that_is_away_is_no_damage(services, content, tmp_path):
    content.parent.parent.rename(tmp_path / "elsewhere")
    with pytest.raises(Unavailable):
        findings(services)


def test_a_leased_file_that_is_missing_is_damage(services, high):
    gunid = services.store_clip(high)
    file = result_of(services.downloads.open_file(services.caller(), gunid))
    file.path.unlink()
    assert findings(services) == [(Severity.DAMAGE, "a leased file is missing")]


def test_what_a_crash_left_behind_is_no_damage(services, high):
    with services.store.stage("ab" * 16) as staged:
        staged.append(b"half a")
    with services.store.stage("cd" * 16) as staged:
        staged.append(high)
        services.store.publish(staged, staged.digests())
    services.store.link(next(services.store.contents()), "ef" * 16, "wav")
    assert {severity for severity, _ in findings(services)} == {Severity.LEFT_OVER}
    assert len(findings(services)) == 3


def test_a_clip_that_cannot_be_found_is_damage(services, high, cursor):
    services.store_clip(high)
    cursor.execute("DELETE FROM search_clip")
    assert any("cannot be found" in message for _, message in findings(services))


def test_nothing_is_said_of_a_store_that_is_away(services, content, tmp_path):
    (tmp_path / "store").rename(tmp_path / "elsewhere")
    with pytest.raises(Unavailable):
        findings(services)
