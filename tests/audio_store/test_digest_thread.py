"""Digests in threads: of every byte, in order, whoever reuses the buffer."""

import hashlib
import threading

import pytest

from audio_store.digest_thread import ThreadedDigest

BLOCK = bytes(range(256)) * 4096


@pytest.fixture
def digest():
    running = ThreadedDigest("sha256")
    yield running
    running.close()


def sha256(*blocks):
    return hashlib.sha256(b"".join(blocks)).digest()


def threads():
    return [thread for thread in threading.enumerate() if thread.name == "digest"]


def test_large_and_small_blocks_are_taken_in_in_their_order(digest):
    blocks = [b"small", BLOCK, b"", b"between", *[BLOCK[n:] for n in range(20)], b"last"]
    for block in blocks:
        digest.update(block)
    assert digest.digest() == sha256(*blocks)


def test_the_digest_so_far_can_be_asked_for_at_any_time(digest):
    digest.update(BLOCK)
    assert digest.digest() == sha256(BLOCK)
    digest.update(BLOCK)
    assert digest.digest() == sha256(BLOCK, BLOCK)


def test_a_buffer_may_be_used_again_at_once(digest):
    buffer = bytearray(len(BLOCK))
    for value in range(20):
        buffer[:] = bytes([value]) * len(buffer)
        digest.update(memoryview(buffer))
    assert digest.digest() == sha256(*[bytes([value]) * len(buffer) for value in range(20)])


def test_small_blocks_need_no_thread(digest):
    for _ in range(100):
        digest.update(b"x" * 1000)
    assert threads() == []
    assert digest.digest() == sha256(b"x" * 100_000)


def test_closing_ends_the_thread_and_keeps_the_digest(digest):
    digest.update(BLOCK)
    digest.close()
    digest.close()
    assert threads() == []
    assert digest.digest() == sha256(BLOCK)


def test_more_may_be_taken_in_after_closing(digest):
    digest.update(BLOCK)
    digest.close()
    digest.update(b"more")
    digest.update(BLOCK)
    assert digest.digest() == sha256(BLOCK, b"more", BLOCK)
