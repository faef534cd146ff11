"""The end of a stream whose turn is over, or gone, whatever became of the turn's log."""

from __future__ import annotations

from itertools import islice

import pytest

from app.events import sse
from app.live.hub import Hub
from app.state import redis_keys
from app.state.connection.pubsub import PubSubListener
from app.state.turns.run_records import Run
from app.state.turns.run_status import UNFINISHED
from app.web.streaming.turn_frames import TurnFrames
from tests.state.conftest import empty
from tests.unit.pubsub import FakeRedis

SILENT = 0.05
"""Seconds of silence after which these streams check their turn."""


@pytest.fixture
def frames(runs) -> TurnFrames:
    return TurnFrames(Hub(PubSubListener(FakeRedis())), runs, SILENT)


@pytest.fixture
def run(runs, session_id, said) -> Run:
    """A running turn whose log has three events."""
    accepted = runs.start(session_id, said())
    run = runs.claim(session_id, accepted.run_id, "worker")
    for number, text in enumerate("abc", start=1):
        runs.append([(session_id, run.id, number, [sse.text(text)])])
    return run


def ended(runs, run, terminal) -> Run:
    runs.settle(runs.seal(run.session_id, run.id, sse.outcome(terminal), expect=UNFINISHED), terminal)
    return runs.get(run.session_id, run.id)


def events(stream) -> list[tuple[str, sse.Event]]:
    """Ids and events up to the end of the stream."""
    return list(sse.read(stream))


FAILED = sse.error("The provider failed", "provider_error", True)


@pytest.mark.parametrize("terminal", [sse.complete(), sse.complete(interrupted=True), FAILED])
def test_a_reader_beyond_the_log_gets_the_end(runs, frames, run, terminal):
    """A failover lost events that the reader has seen: the end has a number that the reader has passed."""
    ended(runs, run, terminal)
    assert events(frames.follow(run.session_id, run.id, 99, with_ids=True)) == [(f"{run.id}:4", terminal)]


def test_a_reader_gets_the_end_although_the_log_has_lost_it(runs, frames, run, connection):
    ended(runs, run, FAILED)
    connection.delete(redis_keys.log(run.session_id, run.id))
    assert events(frames.follow(run.session_id, run.id, 2, with_ids=False)) == [("", FAILED)]


def test_what_was_published_and_has_not_arrived_comes_before_the_end(runs, frames, run):
    stream = frames.follow(run.session_id, run.id, 0, with_ids=True)
    seen = list(islice(stream, 4))
    late = [sse.kept_reasoning({"reasoning_content": "hidden"}), sse.text("d")]
    runs.append([(run.session_id, run.id, 4 + n, [event]) for n, event in enumerate(late)])
    ended(runs, run, sse.complete())
    assert len(seen) == 4
    assert events(stream) == [(f"{run.id}:5", sse.text("d")), (f"{run.id}:6", sse.complete())]


def test_a_turn_that_redis_has_lost_ends_as_lost(frames, run, connection):
    stream = frames.follow(run.session_id, run.id, 0, with_ids=False)
    seen = list(islice(stream, 4))
    empty(connection)
    assert seen == [sse.OPENED, *(sse.frame(sse.text(text)) for text in "abc")]
    (_, last), *others = events(stream)
    assert (last["type"], last["code"], others) == ("error", "lost", [])


def test_a_turn_that_runs_is_kept_open(frames, run):
    stream = frames.follow(run.session_id, run.id, 99, with_ids=False)
    assert list(islice(stream, 3)) == [sse.OPENED, sse.KEEP_ALIVE, sse.KEEP_ALIVE]


@pytest.mark.parametrize("terminal", [sse.complete(), sse.complete(interrupted=True), FAILED])
def test_the_end_of_a_turn_that_an_earlier_version_settled_is_told(runs, frames, run, connection, terminal):
    ended(runs, run, terminal)
    connection.hdel(redis_keys.run(run.session_id, run.id), "terminal")
    ((_, told),) = events(frames.follow(run.session_id, run.id, 99, with_ids=False))
    assert sse.outcome(told) == sse.outcome(terminal)


def test_the_subscription_of_a_stream_that_failed_ends_although_its_traceback_lives_on(frames, run):
    stream = frames._batches(run.session_id, run.id, 0, False)
    next(stream)
    assert frames.hub.open_streams == 1
    with pytest.raises(ConnectionResetError) as failure:
        stream.throw(ConnectionResetError())
    assert failure.tb is not None
    assert frames.hub.open_streams == 0
