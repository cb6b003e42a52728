"""Bounds of a user, as clients meet them on the wire; others go on."""

from fixtures.clients import Client, ask
from fixtures.fix_http import tone

AUDIO = tone(440, 1)


def test_who_has_enough_is_refused_and_others_go_on(new_archive):
    config = f"[uploads]\nper_user = 2\nuser_bytes = {len(AUDIO)}\n"
    server = new_archive(config).start()
    for login in ("ann", "bob"):
        given = f"{login}'s password\n"
        words = ("user", "add", login, "--role", "maintainer", "--password-file", "-")
        assert server.command(*words, given=given).returncode == 0
    with (
        Client(server.url, "ann", "ann's password") as ann,
        Client(server.url, "bob", "bob's password") as bob,
    ):
        url = ann.open_upload("a.wav")["url"]
        answer = ask("PUT", url, AUDIO + b"x")
        assert (answer.status, answer.problem["title"]) == (507, "Quota exceeded")
        ann.open_upload("b.wav")
        code, text = ann.fault("storeAudioClipOpen", gunid="", metadata="", fname="", chsum="")
        assert (code, "2 uploads at a time" in text) == (805, True)
        gunid = bob.store(AUDIO, "a.wav")
        code, text = bob.fault("storeAudioClipOpen", gunid="", metadata="", fname="", chsum="")
        assert (code, f"may own {len(AUDIO)} bytes" in text) == (805, True)
        assert bob.fetch(gunid) == AUDIO
        assert ask("PUT", url, AUDIO).status == 200
    server.check()
