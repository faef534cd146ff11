"""Long responses: a stream that has nothing to write is parked, without a greenlet, until it has."""

from __future__ import annotations

import time

import gevent.socket
import pytest

from app.live.inbox import Inbox
from app.web.streaming.long_streams import LongStreams
from tests.support.patience import patient

SOON = patient(10)
FAR = 3600.0


class Stream:
    """A long response over a socket pair. It writes what its inbox gets, `tick` when it is due, up to `end`."""

    def __init__(self, streams, due=FAR):
        ours, theirs = gevent.socket.socketpair()
        self.ours, self.client = ours, theirs
        self.inbox, self._due, self.is_closed = Inbox(), due, False
        ours.settimeout(SOON)
        theirs.settimeout(SOON)
        streams.write(ours, True, self._frames())

    def _frames(self):
        try:
            yield b"hello"
            while True:
                self.inbox.due = time.monotonic() + self._due
                while not self.inbox.unread and time.monotonic() < self.inbox.due:
                    yield self.inbox
                frame = self.inbox.unread.pop(0) if self.inbox.unread else b"tick"
                if frame == b"end":
                    return
                yield frame
        finally:
            self.is_closed = True

    def read_up_to(self, end):
        """What the client got, in chunks, up to `end`."""
        received = b""
        while not received.endswith(end):
            data = self.client.recv(4096)
            assert data, received
            received += data
        return received


@pytest.fixture
def streams():
    return LongStreams()


@pytest.fixture
def opened(streams):
    """Opens streams, and closes the clients' ends."""
    made = []

    def opened(**options):
        made.append(Stream(streams, **options))
        return made[-1]

    yield opened
    for stream in made:
        stream.client.close()
        stream.inbox.add(b"end")
    streams.join(SOON)


def parked(streams):
    """Waits until no stream has a greenlet."""
    streams.join(SOON)
    assert not len(streams.writers)


def test_silent_streams_have_no_greenlet_and_count_as_open(streams, opened):
    for _ in range(50):
        assert opened().read_up_to(b"hello\r\n") == b"5\r\nhello\r\n"
    parked(streams)
    assert len(streams) == 50


def test_a_message_is_written_at_once_and_the_stream_is_parked_again(streams, opened):
    stream = opened()
    for word in (b"one", b"two"):
        parked(streams)
        stream.inbox.add(word)
        assert stream.read_up_to(word + b"\r\n")
    parked(streams)
    assert len(streams) == 1


def test_messages_that_come_together_keep_their_order(streams, opened):
    stream = opened()
    parked(streams)
    for word in (b"one", b"two", b"three"):
        stream.inbox.add(word)
    assert stream.read_up_to(b"three\r\n") == b"5\r\nhello\r\n3\r\none\r\n3\r\ntwo\r\n5\r\nthree\r\n"


def test_a_parked_stream_goes_on_when_it_is_due(opened):
    assert opened(due=0.01).read_up_to(b"tick\r\n")


def test_a_parked_stream_ends_with_a_last_chunk(streams, opened):
    stream = opened()
    parked(streams)
    stream.inbox.add(b"end")
    assert stream.read_up_to(b"0\r\n\r\n")
    assert stream.client.recv(1) == b""
    assert (len(streams), stream.is_closed) == (0, True)


def test_a_client_that_has_gone_ends_the_stream_at_the_next_message(streams, opened):
    stream = opened()
    parked(streams)
    stream.client.close()
    for _ in range(2):  # the first one may still find room in the socket
        stream.inbox.add(b"word")
        parked(streams)
    assert (len(streams), stream.is_closed, stream.ours.fileno()) == (0, True, -1)


def test_a_client_that_does_not_read_is_cut_off(streams, opened):
    stream = opened()
    parked(streams)
    stream.ours.settimeout(0.05)
    stream.inbox.add(b"x" * 16 * 1024 * 1024)
    parked(streams)
    assert (len(streams), stream.is_closed, stream.ours.fileno()) == (0, True, -1)
