"""Where a dialect's stream breaks off: a clean end without the turn's would be taken for it."""

from __future__ import annotations

import pytest
from redis.exceptions import ConnectionError as RedisAway

from app.events import sse
from app.web.streaming.turn_frames import TurnEvent
from app.web.streaming.turn_streams import _translated, _up_to_the_end

TEXT, END = TurnEvent(1, sse.text("hello")), TurnEvent(2, sse.complete())


def away():
    raise RedisAway


def asks_redis_at_the_end(events):
    for event in events:
        yield b"." if event is TEXT else away()


def broken_events():
    yield TEXT
    away()


@pytest.mark.parametrize(
    ("events", "translate"),
    [
        (iter([TEXT, END]), asks_redis_at_the_end),
        (broken_events(), lambda events: (b"." for _ in events)),
        (_up_to_the_end(iter([TEXT])), lambda events: (b"." for _ in events)),
    ],
    ids=["Redis is away at the end", "Redis is away in the middle", "the process stops"],
)
def test_a_stream_without_its_end_breaks_off(events, translate):
    frames = _translated(events, translate)
    assert [next(frames), next(frames)] == [sse.OPENED, b"."]
    with pytest.raises(ConnectionResetError):
        next(frames)


def test_a_whole_turn_ends():
    assert list(_up_to_the_end(iter([TEXT, END, TEXT]))) == [TEXT, END]
