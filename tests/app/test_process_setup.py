"""What a process asks of the system before it serves."""

import subprocess
import sys

import pytest

# Many threads take memory at once; then the C library tells how many heaps it has.
_HEAPS = """
import ctypes
import sys
from threading import Barrier, Thread

from archive_server.app.process_setup import prepare_process

if "prepared" in sys.argv:
    prepare_process()
libc = ctypes.CDLL(None)
libc.malloc.restype = libc.fdopen.restype = ctypes.c_void_p
everybody = Barrier(8)


def take():
    everybody.wait()
    libc.malloc(5000)
    everybody.wait()


threads = [Thread(target=take) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
output = ctypes.c_void_p(libc.fdopen(1, b"w"))
libc.malloc_info(0, output)
libc.fflush(output)
"""


def heaps(*arguments):
    done = subprocess.run(
        [sys.executable, "-c", _HEAPS, *arguments], capture_output=True, check=True, text=True
    )
    return done.stdout.count("<heap nr=")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="of glibc")
def test_threads_share_their_heaps():
    if heaps() <= 2:
        pytest.skip("this C library, or what it was told, has few heaps by itself")
    assert heaps("prepared") <= 2
