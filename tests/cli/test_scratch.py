"""The place of a drill: gone in the end, by itself or by the next one; and nothing else goes."""

import fcntl
import os
import tempfile
from pathlib import Path

import pytest

from archive_server.cli.offline import CommandFailed
from archive_server.cli.scratch import scratch_place

OURS, ANOTHER = "0b8b6d8e-6d1f-4f8b-9a59-7b0c4de1c7aa", "5f8b6d8e-6d1f-4f8b-9a59-7b0c4de1c7bb"


@pytest.fixture
def above(tmp_path) -> Path:
    made = tmp_path / "above"
    made.mkdir()
    return made


def left(above: Path, store_id: str = OURS) -> Path:
    """What a drill leaves that is killed."""
    made = above / f"archive-drill-{store_id}-abcdefgh"
    (made / "store" / "content").mkdir(parents=True)
    (made / "store" / "content" / "audio").write_bytes(b"audio")
    (made / "in-use").touch()
    return made


def test_it_is_gone_in_the_end(above):
    with pytest.raises(ZeroDivisionError), scratch_place(above, OURS) as place:
        assert place.parent == above
        (place / "directory").mkdir()
        raise ZeroDivisionError
    assert list(above.iterdir()) == []


def test_what_a_kill_has_left_goes_with_the_socket_of_its_database(above, tmp_path):
    gone = left(above)
    sockets = Path(tempfile.mkdtemp(prefix="archive-", dir=tmp_path))
    (sockets / ".s.PGSQL.5432").touch()
    (gone / "socket").symlink_to(sockets)
    (above / f"archive-drill-{OURS}-12345678").mkdir()  # killed as it began
    with scratch_place(above, OURS) as place:
        assert list(above.iterdir()) == [place]
        assert not sockets.exists()


def test_a_drill_under_way_is_left_alone(above):
    with scratch_place(above, OURS) as first:
        (first / "restored").write_text("much")
        with scratch_place(above, OURS) as second:
            assert (first / "restored").exists()
            assert first != second
        assert (first / "restored").exists()


def test_what_is_another_archives_or_nobodys_stays(above, tmp_path):
    other = left(above, ANOTHER)
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "in-use").touch()
    link = above / f"archive-drill-{OURS}-link"
    link.symlink_to(precious)
    file = above / f"archive-drill-{OURS}-file"
    file.write_text("a file")
    notes = above / f"archive-drill-{OURS}-notes"
    notes.mkdir()
    (notes / "mine.txt").write_text("no drill has held this")
    plain = above / "archive-drill-abcdefgh"
    plain.mkdir()
    with scratch_place(above, OURS) as place:
        assert set(above.iterdir()) == {other, link, file, notes, plain, place}
    assert (precious / "in-use").exists()
    assert (notes / "mine.txt").exists()
    assert (other / "store" / "content" / "audio").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_somebody_else_has_made_stays(above):
    theirs = left(above)
    os.chown(theirs, 65534, 65534)
    with scratch_place(above, OURS):
        assert (theirs / "store" / "content" / "audio").exists()


def test_what_is_taken_for_left_before_it_is_held_is_made_again(above, monkeypatch):
    """Another drill comes between the directory and its lock."""
    made = tempfile.mkdtemp
    stolen: list[str] = []

    def taken_at_once(**options: str) -> str:
        path = made(**options)
        if not stolen:
            stolen.append(path)
            Path(path).rmdir()
        return path

    monkeypatch.setattr(tempfile, "mkdtemp", taken_at_once)
    with scratch_place(above, OURS) as place:
        assert place.is_dir()
        assert str(place) not in stolen


def test_what_is_removed_while_it_is_waited_for_is_made_again(above, monkeypatch):
    """The lock is that of a file which is gone by then."""
    real, removed = fcntl.flock, []

    def removed_meanwhile(descriptor: int, operation: int) -> None:
        real(descriptor, operation)
        if not removed:
            (held,) = above.glob("*/in-use")
            held.unlink()
            removed.append(held.parent)
            held.parent.rmdir()

    monkeypatch.setattr(fcntl, "flock", removed_meanwhile)
    with scratch_place(above, OURS) as place:
        assert place.is_dir()
        assert place not in removed


def test_where_nothing_can_be_made_is_named(above):
    gone = above / "gone"
    with (
        pytest.raises(CommandFailed, match=f"in {gone}: No such file or directory"),
        scratch_place(gone, OURS),
    ):
        pass


def test_what_cannot_be_removed_is_named(above):
    """Not the place above it, to which one could write."""
    held = left(above) / "in-use"
    held.unlink()
    held.symlink_to("/dev/null")
    with (
        pytest.raises(CommandFailed, match=f"{held.parent}, .* cannot be removed: Too many levels"),
        scratch_place(above, OURS),
    ):
        pass
    assert list(above.iterdir()) == [held.parent]
