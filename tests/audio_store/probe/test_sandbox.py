"""A worker that was taken over finds nothing to take: each attempt is made for real."""

import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from fixtures import fix_audio as audio

from audio_store.probe import Prober
from audio_store.probe.sandbox import lacks
from audio_store.probe.worker_process import environment

NO_LANDLOCK = pytest.mark.skipif("Landlock" in lacks(), reason="this kernel has no Landlock")
NO_SECCOMP = pytest.mark.skipif("seccomp" in lacks(), reason="this machine has no seccomp")

# What seals itself, tries one thing, and tells the name of the error; or that there was none.
TAKEN_OVER = """
import ctypes, os, resource, signal, socket, subprocess, sys, threading
from pathlib import Path
from audio_store.probe.sandbox import seal
argument = sys.argv[1]
seal(*{given})
try:
    {attempt}
except BaseException as error:
    print(type(error).__name__)
else:
    print("done")
"""


def tried(attempt: str, argument: object = "", given: object = ()) -> str:
    """How an attempt of a sealed process ends."""
    program = TAKEN_OVER.format(attempt=attempt, given=given)
    answer = subprocess.run(
        (sys.executable, "-P", "-c", program, str(argument)),
        env=environment(),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    return answer.stdout.split()[-1]


@NO_LANDLOCK
@pytest.mark.parametrize(
    "attempt",
    [
        "open(argument).read()",
        "open(argument, 'a')",
        "os.truncate(argument, 0)",
        "os.unlink(argument)",
        "os.rename(argument, argument + '.mine')",
        "os.link(argument, argument + '.mine')",
        "os.symlink(argument, argument + '.mine')",
        "os.mkdir(argument + '.mine')",
        "open(argument + '.mine', 'x')",
        "os.listdir(os.path.dirname(argument))",
        "open('/etc/passwd').read()",
        "open(f'/proc/{os.getppid()}/environ').read()",
    ],
)
def test_files_can_neither_be_read_nor_changed(attempt: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("what nobody has handed over")
    assert tried(attempt, secret) == "PermissionError"
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]
    assert secret.read_text() == "what nobody has handed over"


@NO_SECCOMP
@pytest.mark.parametrize(
    "attempt",
    [
        "os.fork()",
        "os.posix_spawn('/bin/true', ['true'], {})",
        "subprocess.run(['/bin/true'])",
        "os.execv('/bin/true', ['true'])",
        "socket.socket()",
        "socket.socket(socket.AF_UNIX)",
        "socket.socketpair()",
        "os.kill(os.getppid(), 0)",
        "os.kill(os.getppid(), signal.SIGKILL)",
        "os.pidfd_open(os.getppid())",
        "resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE)",
    ],
)
def test_nobody_else_can_be_reached(attempt: str) -> None:
    assert tried(attempt) == "PermissionError"


@NO_SECCOMP
@pytest.mark.parametrize("call", ["ptrace", "tgkill"])
def test_nobody_else_can_be_reached_by_a_plain_call(call: str) -> None:
    attempts = {
        "ptrace": "assert ctypes.CDLL(None).ptrace(16, os.getppid(), 0, 0) == 0",
        "tgkill": "assert ctypes.CDLL(None).tgkill(os.getppid(), os.getppid(), 0) == 0",
    }
    assert tried(attempts[call]) == "AssertionError"


@NO_SECCOMP
def test_nobody_can_be_called_up(tmp_path: Path) -> None:
    """Not even where a socket is left open to it by mistake."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert tried("socket.create_connection(('127.0.0.1', int(argument)))", port) in (
            "PermissionError",
        )
        server.settimeout(0)
        with pytest.raises(BlockingIOError):
            server.accept()


@pytest.mark.skipif(os.geteuid() != 0, reason="others are not root anyway")
@pytest.mark.parametrize(
    "attempt", ["os.chroot('/usr/lib')", "os.setuid(12345)", "os.nice(-5)", "os.chown('/', 1, 1)"]
)
def test_root_is_root_no_more(attempt: str) -> None:
    assert tried(attempt) == "PermissionError"


def test_what_decoders_need_stays() -> None:
    """Memory, threads, modules that are loaded late, and one's own end."""
    assert tried("import mutagen.musepack, wave, encodings.cp273; bytes(2**24)") == "done"
    thread = "(lambda t: (t.start(), t.join()))(threading.Thread(target=print))"
    assert tried(thread) == "done"
    assert tried("resource.setrlimit(resource.RLIMIT_CPU, (60, -1))") == "done"
    assert tried("os.urandom(8)") == "done"


def test_what_is_named_can_be_read_and_written(tmp_path: Path) -> None:
    readable = tmp_path / "readable"
    readable.write_text("text")
    (tmp_path / "writable").mkdir()
    made = tmp_path / "writable" / "made"
    given = ([str(readable), str(tmp_path / "gone")], [str(made.parent)])
    assert tried("open(argument).read()", readable, given) == "done"
    assert tried("open(argument, 'xb').write(b'made')", made, given) == "done"
    assert made.read_bytes() == b"made"


@NO_LANDLOCK
def test_what_may_be_written_is_no_more_than_that(tmp_path: Path) -> None:
    readable = tmp_path / "readable"
    readable.write_text("text")
    (tmp_path / "writable").mkdir()
    given = ([str(readable)], [str(tmp_path / "writable")])
    assert tried("open(argument, 'a')", readable, given) == "PermissionError"
    assert tried("open(argument + '2', 'x')", readable, given) == "PermissionError"
    assert tried("os.mkdir(argument)", tmp_path / "writable" / "x", given) == "PermissionError"


@NO_LANDLOCK
def test_a_parser_that_is_taken_over_sees_the_one_file_it_judges(tmp_path: Path) -> None:
    """A worker as it is started, with a gate that does what its attacker wants."""
    good, other = tmp_path / "good", tmp_path / "other"
    good.write_bytes(audio.wav(audio.tone(4410)))
    other.write_bytes(b"somebody else's")
    script = (
        "from audio_store.probe import worker\n"
        "def judge(file, **others):\n"
        "    assert file.read(4) == b'RIFF'\n"
        f"    open({str(other)!r}, 'rb')\n"
        "worker.judge = judge\n"
        "worker.main()\n"
    )
    prober = Prober(1, command=(sys.executable, "-P", "-c", script))
    try:
        with pytest.raises(PermissionError):
            prober.probe(good, "good.wav")
    finally:
        prober.close()


def test_all_kinds_of_audio_are_judged_in_it(tmp_path: Path) -> None:
    tone = audio.tone(4410)
    prober = Prober(1)
    try:
        for name, whole in (
            ("a.wav", audio.wav(tone)),
            ("a.mp3", audio.mp3(tone)),
            ("a.ogg", audio.ogg(tone)),
        ):
            (tmp_path / name).write_bytes(whole)
            assert prober.probe(tmp_path / name, name).refusals == ()
    finally:
        prober.close()


def test_a_large_request_comes_whole(tmp_path: Path) -> None:
    """More than a socket takes in one go."""
    good = tmp_path / "good"
    good.write_bytes(audio.wav(audio.tone(4410)))
    prober = Prober(1)
    reports = []
    thread = threading.Thread(target=lambda: reports.append(prober.probe(good, "x" * 2**20)))
    thread.start()
    thread.join(30)
    prober.close()
    assert reports[0].facts is not None


def test_a_kernel_that_knows_neither_is_told_of_and_does_with_limits() -> None:
    """Neither call is known; who is root has given that up all the same."""
    program = (
        "from audio_store.probe import landlock, sandbox, seccomp\n"
        "landlock._CREATE_RULESET, seccomp._TABLES = 9999, {}\n"
        "sandbox.seal()\n"
        "import pathlib\n"
        "status = pathlib.Path('/proc/self/status').read_text()\n"
        "print(sandbox.lacks(), status.split('NoNewPrivs:')[1].split()[0],"
        " int(status.split('CapEff:')[1].split()[0], 16))"
    )
    answer = subprocess.run(
        (sys.executable, "-P", "-c", program),
        env=environment(),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert answer.stdout == "['Landlock', 'seccomp'] 1 0\n", answer.stderr


@NO_SECCOMP
@pytest.mark.parametrize("attempt", ["socket.socket()", "os.fork() or os._exit(0)"])
def test_who_is_not_sealed_can_do_what_is_tried(attempt: str) -> None:
    """Or the tests above would tell of the machine, not of the seal."""
    program = TAKEN_OVER.format(attempt=attempt, given=()).replace("seal(*())", "")
    answer = subprocess.run(
        (sys.executable, "-P", "-c", program, ""),
        env=environment(),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert answer.stdout == "done\n", answer.stderr
