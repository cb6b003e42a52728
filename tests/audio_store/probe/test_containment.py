"""A file can cost its upload, never the server."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fixtures import fix_audio as audio

from audio_store.probe import Limits, Prober, ProbeUnavailable, pyogg_available
from audio_store.probe.prober import WORKER
from audio_store.probe.worker_process import environment

READY = "import json, os, sys, time\nprint('{\"ready\": true}', flush=True)\n"
READ = "sys.stdin.readline()\n"
VERDICT = (
    'print(json.dumps({"verdict": {"refusals": [], "warnings": [], "facts": None}}), flush=True)\n'
)
TAGS = 'print(json.dumps({"tags": {}, "warnings": []}), flush=True)\n'
DECODERS = ("numpy", "soundfile", "mutagen", "pyogg")


@contextmanager
def prober_of(script: str, **limits: float) -> Iterator[Prober]:
    """A prober whose workers run a script of the test's own."""
    command = (sys.executable, "-c", READY + script)
    prober = Prober(1, Limits(**limits), command=command)  # type: ignore[arg-type]
    try:
        yield prober
    finally:
        prober.close()


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "good"
    path.write_bytes(audio.wav(audio.tone(4410)))
    return path


def test_the_servers_process_imports_no_decoder() -> None:
    script = (
        "import sys, audio_store.probe\n"
        "audio_store.probe.codes(); audio_store.probe.Prober().close()\n"
        f"sys.exit(str([name for name in {DECODERS!r} if name in sys.modules] or '') or 0)"
    )
    command = (sys.executable, "-P", "-c", script)
    subprocess.run(command, env=environment(), check=True, timeout=60)


def test_a_crash_is_tried_once_more_and_then_refused_with_the_signals_name(
    good: Path, tmp_path: Path
) -> None:
    log = tmp_path / "tries"
    script = f"{READ}open({str(log)!r}, 'a').write('x'); os.kill(os.getpid(), 8)\n"
    with prober_of(script) as prober:
        (refusal,) = prober.probe(good, "").refusals
    assert refusal.code == "probe-crashed"
    assert "SIGFPE" in refusal.text
    assert log.read_text() == "xx"


def test_a_crash_that_does_not_come_again_is_forgiven(good: Path, tmp_path: Path) -> None:
    mark = tmp_path / "tried"
    script = (
        f"{READ}from pathlib import Path\nmark = Path({str(mark)!r})\n"
        f"if not mark.exists():\n    mark.touch()\n    os.abort()\n{VERDICT}{TAGS}time.sleep(60)\n"
    )
    with prober_of(script) as prober:
        assert prober.probe(good, "").refusals == ()


def test_a_worker_that_sleeps_is_killed_at_the_deadline(good: Path) -> None:
    with prober_of(f"{READ}time.sleep(600)\n", wall_s=0.5) as prober:
        (refusal,) = prober.probe(good, "").refusals
    assert refusal.code == "probe-timeout"


def test_a_worker_that_spins_is_killed_by_its_cpu_limit(good: Path) -> None:
    limit = "from audio_store.probe.containment import limit_cpu\nlimit_cpu(0)\n"
    with prober_of(f"{limit}{READ}while True: pass\n") as prober:
        (refusal,) = prober.probe(good, "").refusals
    assert refusal.code == "probe-timeout"
    assert "SIGXCPU" in refusal.text


def test_a_worker_that_swells_is_refused_memory(good: Path) -> None:
    script = (
        "from audio_store.probe import worker\n"
        "from audio_store.probe.containment import confine\n"
        "from audio_store.probe.report import Limits\n"
        "def judge(*a, **k): return bytearray(2**31)\n"
        "worker.judge = judge\nconfine(2**30)\n"
        "def say(answer): print(json.dumps(answer), flush=True)\n"
        "for line in sys.stdin: worker.answer(json.loads(line), os.open('/dev/null', 0), Limits(), "
        "say)\n"
    )
    with prober_of(script) as prober:
        (refusal,) = prober.probe(good, "").refusals
    assert refusal.code == "probe-out-of-memory"


def test_a_death_among_the_tags_leaves_the_verdict(good: Path) -> None:
    with prober_of(f"{READ}{VERDICT}os.abort()\n") as prober:
        report = prober.probe(good, "")
    assert report.refusals == ()
    assert [remark.code for remark in report.warnings] == ["tags-unreadable"]


@pytest.mark.parametrize("answer", ["no JSON", "[]", '{"verdict": 7}', '{"what": 1}', "{}"])
def test_an_answer_that_makes_no_sense_is_a_crash(answer: str, good: Path) -> None:
    with prober_of(f"{READ}print({answer!r}, flush=True)\n") as prober:
        (refusal,) = prober.probe(good, "").refusals
    assert refusal.code == "probe-crashed"


def test_an_answer_without_end_is_a_crash(good: Path) -> None:
    with prober_of(f"{READ}while True: sys.stdout.write('x' * 65536)\n") as prober:
        (refusal,) = prober.probe(good, "").refusals
    assert refusal.code == "probe-crashed"


def test_what_a_worker_prints_to_standard_error_is_capped(good: Path) -> None:
    script = (
        "from audio_store.probe.containment import confine\nconfine(0)\n"
        f"{READ}\ntry:\n    while True: os.write(2, b'x' * 65536)\nexcept OSError: pass\n"
        f"{VERDICT}{TAGS}"
    )
    with prober_of(script) as prober:
        assert prober.probe(good, "").refusals == ()


def test_a_compressed_tag_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bomb.mp3"
    path.write_bytes(audio.id3_bomb() + audio.mp3(audio.tone(44100)))
    prober = Prober(1)
    begin = time.monotonic()
    report = prober.probe(path, path.name)
    overruled = prober.probe(path, path.name, frozenset({"id3-compressed"}))
    prober.close()
    assert [remark.code for remark in report.refusals] == ["id3-compressed"]
    assert overruled.refusals == ()
    assert time.monotonic() - begin < 10


def test_a_worker_that_cannot_start_says_nothing_about_the_file(good: Path) -> None:
    for command in ((sys.executable, "-c", "raise SystemExit('numpy is broken')"), ("/nowhere",)):
        prober = Prober(1, command=command)
        with pytest.raises(ProbeUnavailable, match="worker"):
            prober.probe(good, "")
        prober.close()


def test_a_file_that_is_away_is_not_a_bad_file(tmp_path: Path) -> None:
    prober = Prober(1)
    with pytest.raises(FileNotFoundError):
        prober.probe(tmp_path / "absent", "")
    with pytest.raises(IsADirectoryError):
        prober.probe(tmp_path, "")
    prober.close()


def test_a_worker_is_replaced_after_so_many_files(good: Path, tmp_path: Path) -> None:
    log = tmp_path / "pids"
    script = (
        f"for line in sys.stdin:\n    open({str(log)!r}, 'a').write(f'{{os.getpid()}}\\n')\n"
        f"    {VERDICT}    {TAGS}"
    )
    with prober_of(script, files=2) as prober:
        for _ in range(5):
            prober.probe(good, "")
    pids = log.read_text().split()
    assert len(pids) == 5
    assert len(set(pids)) == 3


def test_an_idle_worker_that_died_is_replaced(good: Path, tmp_path: Path) -> None:
    log = tmp_path / "pid"
    script = (
        f"open({str(log)!r}, 'w').write(str(os.getpid()))\n"
        f"for line in sys.stdin:\n    {VERDICT}    {TAGS}"
    )
    with prober_of(script) as prober:
        prober.probe(good, "")
        os.kill(int(log.read_text()), signal.SIGKILL)
        assert prober.probe(good, "").refusals == ()


def test_many_threads_share_a_few_workers(good: Path) -> None:
    prober = Prober(2)
    reports = []
    threads = [
        threading.Thread(target=lambda: reports.append(prober.probe(good, "x.wav")))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    prober.close()
    assert len(reports) == 8
    assert len({report.facts for report in reports}) == 1


def test_a_worker_survives_the_thread_that_asked_for_it(good: Path, tmp_path: Path) -> None:
    # The kernel's parent-death signal comes when the *thread* that forked ends.
    log = tmp_path / "pids"
    script = (
        "from audio_store.probe.containment import confine\nconfine(0)\n"
        f"open({str(log)!r}, 'a').write(f'{{os.getpid()}}\\n')\n"
        f"for line in sys.stdin:\n    {VERDICT}    {TAGS}"
    )
    with prober_of(script) as prober:
        thread = threading.Thread(target=lambda: prober.probe(good, ""))
        thread.start()
        thread.join()
        time.sleep(0.2)
        prober.probe(good, "")
    assert len(log.read_text().split()) == 1


def test_closing_ends_what_is_under_way(good: Path, tmp_path: Path) -> None:
    mark = tmp_path / "asked"
    outcomes: list[object] = []

    def probe(prober: Prober) -> None:
        try:
            outcomes.append(prober.probe(good, ""))
        except ProbeUnavailable as error:
            outcomes.append(error)

    script = f"{READ}open({str(mark)!r}, 'w').close()\ntime.sleep(600)\n"
    with prober_of(script) as prober:
        thread = threading.Thread(target=probe, args=(prober,))
        thread.start()
        while not mark.exists():
            time.sleep(0.01)
        prober.close()
        thread.join()
        with pytest.raises(ProbeUnavailable):
            prober.probe(good, "")
    assert [type(outcome) for outcome in outcomes] == [ProbeUnavailable]


def test_a_worker_dies_with_the_server(tmp_path: Path) -> None:
    good = tmp_path / "good.wav"
    good.write_bytes(audio.wav(audio.tone(4410)))
    script = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom audio_store.probe import Prober\n"
        f"prober = Prober(1); prober.probe(Path({str(good)!r}), '')\n"
        "(worker,) = prober._all\nprint(worker._process.pid, flush=True)\n"
        "os.kill(worker._process.pid, signal.SIGSTOP)\n"  # it cannot see its input end
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    command = (sys.executable, "-P", "-c", script)
    server = subprocess.run(command, env=environment(), capture_output=True, check=False)
    pid = int(server.stdout)
    deadline = time.monotonic() + 10
    while _is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not _is_running(pid)


def test_workers_that_were_prepared_are_the_ones_that_judge(good: Path, tmp_path: Path) -> None:
    started = tmp_path / "started"
    script = f"open({str(started)!r}, 'a').write('x')\n" + f"{READ}{VERDICT}{TAGS}" * 3
    with prober_of(script) as prober:
        prober.prepare()
        assert [prober.probe(good, "").refusals for _ in range(3)] == [()] * 3
    assert started.read_text() == "x"


def test_workers_that_cannot_be_prepared_are_told_of_when_they_are_needed(good: Path) -> None:
    prober = Prober(1, command=("/nonexistent",))
    try:
        prober.prepare()
        with pytest.raises(ProbeUnavailable):
            prober.probe(good, "")
        assert "nonexistent" in prober.trouble
    finally:
        prober.close()


def test_workers_that_were_prepared_and_never_needed_end_with_the_prober() -> None:
    prober = Prober(2)
    prober.prepare()
    prober.close()
    assert not prober._all


def test_a_worker_sees_no_secrets_of_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARCHIVE_ADMIN_PASSWORD", "secret")
    assert "secret" not in environment().values()


def test_a_worker_ends_with_its_input() -> None:
    command = (*WORKER, '{"memory_bytes": 1073741824}')
    ours, theirs = socket.socketpair()
    ours.close()
    with theirs:
        ended = subprocess.run(
            command, env=environment(), stdin=theirs, capture_output=True, timeout=60, check=False
        )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, b'{"ready": true}\n', b"")


def test_whether_pyogg_is_there_can_be_asked_without_importing_it() -> None:
    before = "pyogg" in sys.modules
    assert isinstance(pyogg_available(), bool)
    assert ("pyogg" in sys.modules) is before


def _is_running(pid: int) -> bool:
    """Whether it runs; a zombie that nobody reaps does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"
