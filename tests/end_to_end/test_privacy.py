"""Nothing of the data directory is open to other people on the machine, but what has to be."""

import stat
import time

from fixtures.clients import Client
from fixtures.fix_http import tone

# What players on this machine pass through, and what nobody can do anything with.
PASSABLE = {"data", "data/store", "data/store/access", "data/work"}
HARMLESS = {"data/lock", "data/store/store.json"}


def others_may(path):
    mode = path.lstat().st_mode
    return 0 if stat.S_ISLNK(mode) else stat.S_IMODE(mode) & 0o077


def test_only_players_come_in_and_only_to_what_was_given_to_them(new_archive):
    server = new_archive("[server]\nworkers = 2\n").start()
    with Client(server.url) as root:
        gunid = root.store(tone(440, 0.2), "a.wav")
        given = root.call("accessRawAudioData", gunid=gunid)["url"].removeprefix("file://")
        root.open_upload("b.wav")
        token = root.call("createBackupOpen", criteria={})["token"]
        while root.call("createBackupCheck", token=token)["status"] == "working":
            time.sleep(0.1)
    found = {}
    for path in (server.data_dir, *server.data_dir.rglob("*")):
        if may := others_may(path):
            found[str(path.relative_to(server.data_dir.parent))] = may
    passable = {name: may for name, may in found.items() if name in PASSABLE}
    assert set(passable.values()) == {0o011}
    rest = found.keys() - PASSABLE - HARMLESS
    # In directories that nobody else can enter, or has to know an unguessable name to.
    inside = ("data/store/content/", "data/store/access/", "data/metrics/", "data/work/")
    assert {name: oct(found[name]) for name in rest if not name.startswith(inside)} == {}
    assert others_may(server.data_dir / "store" / "content") == 0
    assert others_may(server.data_dir / "metrics") == 0
    assert given.startswith(f"{server.data_dir}/store/access/")
    assert "others can look into it" not in server.errors.read_text()


def test_what_is_open_is_told(new_archive):
    server = new_archive().start()
    assert server.stop() == 0
    server.data_dir.chmod(0o755)
    (server.data_dir / "store" / "content").chmod(0o711)
    server.start()
    told = [line for line in server.errors.read_text().splitlines() if "look into it" in line]
    assert [("mode 755" in line, "mode 711" in line) for line in told] == [
        (True, False),
        (False, True),
    ]
