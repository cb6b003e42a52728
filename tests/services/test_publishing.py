"""What may happen while an upload is being closed."""

from dataclasses import replace

import pytest
from support import immediately, result_of


def opened(services, audio):
    """The token of an upload that has been sent."""
    upload = result_of(services.clips.start_upload(services.caller(), None, "", "a.wav", ""))
    services.send(upload.token, audio)
    return upload.token


def current(services, gunid):
    file = result_of(services.downloads.current(services.caller(), gunid))
    with file.content:
        return file.content.read()


@pytest.fixture
def quieter(high):
    """Other audio of the same size."""
    return high[:44] + bytes(len(high) - 44)


def test_what_was_sent_again_while_close_waited_is_known_by_its_own_digests(
    services, high, quieter
):
    token = opened(services, high)
    waiting = [quieter]

    def after_a_while(work, *args, **more):
        """A thread that was not free before the client had sent the file once more."""
        if waiting:
            services.send(token, waiting.pop())
        return immediately(work, *args, **more)

    publisher = replace(services.clips.publisher, in_thread=after_a_while)
    clips = replace(services.clips, publisher=publisher)
    gunid = result_of(clips.finish_upload(services.caller(), token))
    assert current(services, gunid) == quieter
    assert result_of(services.integrity.check(digests=True)) == []
