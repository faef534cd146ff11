"""The cancel token: whoever runs, waits or sleeps is reached by a stop."""

from __future__ import annotations

import threading

import pytest

from workers.cancellation import EARLY_STOPS, INTERRUPTED, SHUTDOWN, CancelRegistry, CancelToken, Stopped


@pytest.fixture
def token():
    return CancelToken()


@pytest.fixture
def tokens():
    return CancelRegistry()


def test_work_goes_on_until_the_token_is_cancelled(token):
    token.check()
    token.cancel(INTERRUPTED)
    with pytest.raises(Stopped):
        token.check()


def test_a_stop_says_why(token):
    token.cancel(SHUTDOWN)
    with pytest.raises(Stopped) as stopped:
        token.check()
    assert stopped.value.reason == SHUTDOWN


def test_the_first_reason_counts(token):
    token.cancel(INTERRUPTED)
    token.cancel(SHUTDOWN)
    with pytest.raises(Stopped, match=INTERRUPTED):
        token.check()


def test_no_tool_swallows_a_stop():
    assert not issubclass(Stopped, Exception)


def test_a_cancel_wakes_everything_that_waits_once(token):
    woken = []
    with token.waking(lambda: woken.append("a")), token.waking(lambda: woken.append("b")):
        token.cancel(INTERRUPTED)
        token.cancel(SHUTDOWN)
    assert woken == ["a", "b"]


def test_what_no_longer_waits_is_not_woken(token):
    woken = []
    with token.waking(lambda: woken.append("a")):
        pass
    token.cancel(INTERRUPTED)
    assert woken == []


def test_nothing_begins_to_wait_under_a_cancelled_token(token):
    token.cancel(INTERRUPTED)
    with pytest.raises(Stopped), token.waking(lambda: None):
        pytest.fail("waited")


def test_sleep_ends_by_itself(token):
    token.sleep(0.001)


def test_a_cancel_ends_a_sleep(token):
    threading.Timer(0.01, token.cancel, [INTERRUPTED]).start()
    with pytest.raises(Stopped):
        token.sleep(3600)


# The tokens of a process


def test_a_token_is_cancelled_by_its_name(tokens):
    with tokens.issue("run_1") as one, tokens.issue("run_2") as two:
        tokens.cancel("run_1", INTERRUPTED)
        assert (one.cancelled, two.cancelled) == (True, False)


def test_a_token_of_two_names_is_cancelled_by_either_until_it_is_detached_from_one(tokens):
    with tokens.issue("steps run_1 call_1", "run_1") as begins, tokens.issue("steps run_1 call_2", "run_1") as goes_on:
        tokens.detach(goes_on, "run_1")
        tokens.cancel("run_1", INTERRUPTED)
        assert (begins.cancelled, goes_on.cancelled) == (True, False)
        tokens.cancel("steps run_1 call_2", SHUTDOWN)
        assert goes_on.cancelled


def test_a_stop_for_another_process_is_passed_over(tokens):
    with tokens.issue("run_1") as token:
        tokens.cancel("run_9", INTERRUPTED)
        assert not token.cancelled


def test_the_name_of_what_has_ended_means_nothing(tokens):
    with tokens.issue("run_1") as token:
        pass
    tokens.cancel("run_1", INTERRUPTED)
    assert not token.cancelled


def test_a_stop_that_comes_before_the_work_begins_cancels_it_as_it_begins(tokens):
    tokens.stop("run_1", INTERRUPTED)
    with tokens.issue("run_2") as other, tokens.issue("run_1") as token:
        assert (other.cancelled, token.cancelled) == (False, True)
    with tokens.issue("run_1") as again:
        assert not again.cancelled


def test_a_stop_reaches_work_that_runs_and_is_not_remembered(tokens):
    with tokens.issue("run_1") as token:
        tokens.stop("run_1", INTERRUPTED)
        assert token.cancelled
    with tokens.issue("run_1") as again:
        assert not again.cancelled


def test_the_latest_early_stops_are_remembered(tokens):
    for number in range(EARLY_STOPS + 1):
        tokens.stop(f"run_{number}", INTERRUPTED)
    with tokens.issue("run_0") as oldest, tokens.issue("run_1") as token:
        assert (oldest.cancelled, token.cancelled) == (False, True)


def test_background_jobs_are_cancelled_without_the_turns(tokens):
    with tokens.issue("run_1") as turn, tokens.issue("steps run_1 call_1", background=True) as steps:
        tokens.cancel_background(SHUTDOWN)
        assert (turn.cancelled, steps.cancelled) == (False, True)


def test_everything_can_be_cancelled(tokens):
    with tokens.issue("run_1") as turn, tokens.issue("steps run_1 call_1", background=True) as steps:
        tokens.cancel_all(SHUTDOWN)
        assert (turn.cancelled, steps.cancelled) == (True, True)
