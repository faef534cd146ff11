"""What a worker process hears: stops of its turns, and first steps that its turns wait for."""

from __future__ import annotations

import time

import pytest

from app.state import redis_keys
from app.state.connection.pubsub import PubSubListener
from app.state.turns.control_messages import FirstStep
from tests.support.patience import kept, patient, until
from tests.unit.pubsub import FakeRedis
from workers import control_listener
from workers.cancellation import INTERRUPTED, CancelRegistry, CancelToken, Stopped
from workers.control_listener import ControlListener

SOON = patient(10)

FIRST_STEP = FirstStep("run_1", "call_1")


@pytest.fixture
def redis():
    return FakeRedis()


@pytest.fixture
def tokens():
    return CancelRegistry()


@pytest.fixture
def listener(redis, tokens):
    listener = ControlListener(PubSubListener(redis), tokens)
    listener.start()
    yield listener
    listener.stop()


@pytest.fixture
def stopped(redis, tokens):
    """The reason for which turn `run_1` was stopped after these messages."""

    def stopped(*messages):
        with tokens.issue("run_1") as token:
            tell(redis, *messages)
            with pytest.raises(Stopped) as raised:
                token.sleep(SOON)
            return raised.value.reason

    return stopped


def tell(redis, *messages):
    for message in messages:
        redis.publish(redis_keys.CONTROL, message.encode())


@pytest.mark.parametrize("reason", [INTERRUPTED, "error"])
def test_a_stop_cancels_its_turn_with_its_reason(listener, stopped, reason):
    assert stopped(f"stop run_1 {reason}") == reason


def test_a_stop_spares_every_other_turn(listener, tokens, stopped):
    with tokens.issue("run_2") as other:
        stopped("stop run_9 interrupted", "stop run_1 interrupted")
        assert not other.cancelled


def test_what_it_does_not_know_is_passed_over(listener, stopped):
    assert stopped("sing run_1", "answer run_9 call_9", "stop run_1 interrupted") == INTERRUPTED


def test_a_stop_is_heard_after_a_lost_connection(listener, redis, stopped):
    redis.cut()
    until(lambda: redis.subscribed(redis_keys.CONTROL), what="the subscription")
    assert stopped("stop run_1 interrupted") == INTERRUPTED


# Waiting for a first step


def test_an_answer_that_is_there_needs_no_wait(listener):
    assert listener.wait(FIRST_STEP, lambda: [7], SOON, CancelToken()) == [7]


def test_an_answer_is_looked_for_as_soon_as_it_is_heard_of(listener, redis):
    def wait() -> float:
        looks = []

        def ready():
            looks.append(time.monotonic())
            if len(looks) == 2:
                return [7]
            tell(redis, "answer run_1 call_1")
            return None

        assert listener.wait(FIRST_STEP, ready, SOON, CancelToken()) == [7]
        return looks[1] - looks[0]

    kept(control_listener.POLL_SECONDS / 2, wait)


def test_an_answer_whose_news_was_lost_is_found_in_the_end(listener):
    found = iter([None, [7]])
    assert listener.wait(FIRST_STEP, lambda: next(found), 0.01, CancelToken()) == [7]


def test_no_answer_in_time_is_none(listener):
    assert listener.wait(FIRST_STEP, lambda: None, 0.01, CancelToken()) is None


def test_a_stop_ends_the_wait(listener, redis, tokens):
    def ready():
        tell(redis, "stop run_1 interrupted")

    with tokens.issue("run_1") as token, pytest.raises(Stopped):
        listener.wait(FIRST_STEP, ready, SOON, token)
