"""Following a stream: the log first, then what is live, without a hole or a double."""

from __future__ import annotations

import time
from contextlib import closing

import pytest

from app.events import sse
from app.events.entries import StreamEntry
from app.live.hub import Hub
from app.live.inbox import waited
from app.live.relay import replay_then_follow
from app.state.connection.pubsub import PubSubListener
from tests.unit.pubsub import FakeRedis

CHANNEL = "session:{s}:run:r:log"


class Log:
    """A run's log: entries count from 1; `publish` tells the followers of some of them."""

    def __init__(self):
        self.redis = FakeRedis()
        self.hub = Hub(PubSubListener(self.redis))
        self.entries = []
        self.reads = 0

    def write(self, count=1):
        for number in range(len(self.entries) + 1, len(self.entries) + count + 1):
            self.entries.append(StreamEntry(number, "text", sse.frame(sse.text(str(number)))))

    def publish(self, first, last):
        frames = b"".join(entry.frame for entry in self.entries[first - 1 : last])
        self.redis.publish(CHANNEL, b"%d %d text\n" % (first, last) + frames)

    def read(self, after):
        self.reads += 1
        return [entry for entry in self.entries if entry.number > after]

    def subscribe(self, after=0, keep_alive=1.0, read=None):
        return closing(waited(replay_then_follow(self.hub, CHANNEL, read or self.read, after, keep_alive)))


@pytest.fixture
def log():
    """A log whose hub is connected: the gap of its first connection is over."""
    log = Log()
    with log.hub.subscribe("warm-up"):
        return log


def taken(stream, count):
    """The contents of the next `count` events; fails after a second of silence."""
    contents = []
    while len(contents) < count:
        batch = next(stream)
        assert batch is not None, f"nothing came after {contents}"
        events = [sse.parse(frame) for frame in sse.split(batch.frames)]
        assert len(events) == batch.last - batch.first + 1 > 0
        contents += [int(event["content"]) for event in events]
    return contents


@pytest.mark.parametrize(("first", "reads"), [(1, 0), (2, 1)], ids=["all", "a part"])
def test_a_log_is_read_unless_it_was_heard_from_its_first_entry_on(log, first, reads):
    log.hub.expect(CHANNEL)
    log.hub.heard(CHANNEL)
    log.write(2)
    log.publish(first, 2)
    with log.subscribe() as stream:
        assert taken(stream, 2) == [1, 2]
    assert log.reads == reads


def test_the_log_is_replayed_from_the_asked_number_on(log):
    log.write(5)
    with log.subscribe(after=3) as stream:
        assert taken(stream, 2) == [4, 5]


def test_what_is_live_follows_the_log(log):
    log.write(2)
    with log.subscribe() as stream:
        assert taken(stream, 2) == [1, 2]
        log.write(2)
        log.publish(3, 4)
        assert taken(stream, 2) == [3, 4]


def test_what_is_published_while_the_log_is_read_comes_once(log):
    def read(after):
        log.write()
        log.publish(len(log.entries), len(log.entries))
        return log.read(after)

    with log.subscribe(read=read) as stream:
        assert taken(stream, 1) == [1]
        log.write()
        log.publish(len(log.entries), len(log.entries))
        assert taken(stream, 1) == [2]


def test_a_batch_that_is_known_in_part_brings_only_the_rest(log):
    log.write(2)
    with log.subscribe() as stream:
        assert taken(stream, 2) == [1, 2]
        log.write(2)
        log.publish(1, 4)
        assert taken(stream, 2) == [3, 4]


@pytest.mark.parametrize("missing", [1, 2])
def test_missing_numbers_are_filled_from_the_log(log, missing):
    log.write()
    with log.subscribe() as stream:
        assert taken(stream, 1) == [1]
        log.write(missing + 1)
        log.publish(missing + 2, missing + 2)
        assert taken(stream, missing + 1) == list(range(2, missing + 3))


def test_what_was_written_while_the_connection_was_lost_is_filled_from_the_log(log):
    log.write()
    with log.subscribe() as stream:
        assert taken(stream, 1) == [1]
        log.redis.cut()
        log.write(2)
        assert taken(stream, 2) == [2, 3]


def test_where_the_log_no_longer_reaches_back_the_numbers_show_it(log):
    log.write(5)
    del log.entries[:3]
    with log.subscribe(after=1) as stream:
        assert next(stream).first == 4


def test_silence_is_told_each_time_the_keep_alive_is_due(log):
    began = time.monotonic()
    with log.subscribe(keep_alive=0.02) as stream:
        assert [next(stream), next(stream)] == [None, None]
    assert time.monotonic() - began >= 0.04


def test_the_log_is_not_read_again_while_nothing_is_missing(log):
    log.write()
    with log.subscribe() as stream:
        assert taken(stream, 1) == [1]
        log.write(2)
        log.publish(2, 2)
        log.publish(3, 3)
        assert taken(stream, 2) == [2, 3]
    assert log.reads == 1


def test_the_stream_ends_when_the_process_stops_serving(log):
    log.write()
    with log.subscribe() as stream:
        assert taken(stream, 1) == [1]
        log.hub.close()
        assert list(stream) == []


def test_a_reader_that_leaves_is_forgotten(log):
    log.write()
    with log.subscribe() as stream:
        next(stream)
        assert log.hub.open_streams == 1
    assert log.hub.open_streams == 0


def test_what_no_client_gets_has_no_frames_and_leaves_no_hole(log):
    """From the log as well as live: its reader goes on behind it."""
    hidden = sse.kept_reasoning({"model": "m", "blocks": [{"kind": "thinking", "text": "hm"}]})
    log.write()
    log.entries.append(StreamEntry(2, "reasoning", sse.frame(hidden)))
    log.write()
    log.entries.append(StreamEntry(4, "reasoning", sse.frame(hidden)))
    with log.subscribe() as stream:
        first = [next(stream) for _ in range(4)]
        log.entries.append(StreamEntry(5, "reasoning", sse.frame(hidden)))
        log.redis.publish(CHANNEL, b"5 5 reasoning\n" + sse.frame(hidden))
        log.write()
        log.publish(6, 6)
        live = [next(stream) for _ in range(2)]
    assert [bool(batch.frames) for batch in first + live] == [True, False, True, False, False, True]
    assert [(batch.first, batch.last) for batch in first + live] == [(number, number) for number in range(1, 7)]


def test_a_client_that_asks_gets_thoughts_and_not_all_that_is_kept(log):
    kept = sse.frame(sse.kept_reasoning({"model": "m", "blocks": []}))
    thought = sse.frame(sse.thought("hm"))
    log.entries += [StreamEntry(1, "reasoning", thought), StreamEntry(2, "reasoning", kept)]
    with closing(waited(replay_then_follow(log.hub, CHANNEL, log.read, 0, 1.0, with_reasoning=True))) as stream:
        first = [next(stream) for _ in range(2)]
        log.redis.publish(CHANNEL, b"3 3 reasoning\n" + thought)
        log.redis.publish(CHANNEL, b"4 4 reasoning\n" + kept)
        live = [next(stream) for _ in range(2)]
    assert [batch.frames for batch in first + live] == [thought, b"", thought, b""]
