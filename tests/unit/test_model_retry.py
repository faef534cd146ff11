"""A model call is tried again while its reply has not begun, then other models are asked."""

from __future__ import annotations

import time

import pytest

from workers.cancellation import CancelToken, Stopped
from workers.models.retry import MAX_WAIT, Policy, call_with_fallbacks
from workers.reply import Reply
from workers.turn import ProviderFailed

AGAIN = ProviderFailed("busy", retryable=True)
NEVER = ProviderFailed("no key", retryable=False)
BROKEN_OFF = ProviderFailed("cut", retryable=True, begun=True)


def asked(models, outcomes, token=None):
    """The models that were asked, and how it ended."""
    calls: list[str] = []
    left = iter(outcomes)

    def call(model):
        calls.append(model)
        outcome = next(left)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    try:
        return calls, call_with_fallbacks(models, call, token or CancelToken(), Policy(retries=2, pause=0.001))
    except ProviderFailed as failed:
        return calls, failed


REPLY = Reply("yes")


@pytest.mark.parametrize(
    ("models", "outcomes", "calls", "end"),
    [
        ("a", [REPLY], "a", REPLY),
        ("a", [AGAIN, AGAIN, REPLY], "aaa", REPLY),
        ("a", [AGAIN, AGAIN, AGAIN], "aaa", AGAIN),
        ("a", [NEVER], "a", NEVER),
        ("a", [BROKEN_OFF], "a", BROKEN_OFF),
        ("ab", [AGAIN, AGAIN, AGAIN, REPLY], "aaab", REPLY),
        ("ab", [NEVER, REPLY], "ab", REPLY),
        ("ab", [AGAIN, BROKEN_OFF], "aa", BROKEN_OFF),
        ("ab", [NEVER, NEVER], "ab", NEVER),
    ],
)
def test_who_is_asked_how_often(models, outcomes, calls, end):
    assert asked(models, outcomes) == (list(calls), end)


def test_a_stop_ends_the_wait_for_the_next_try():
    token = CancelToken()

    def call(model):
        token.cancel("interrupted")
        raise AGAIN

    with pytest.raises(Stopped):
        call_with_fallbacks("a", call, token, Policy(retries=2, pause=60))


@pytest.mark.parametrize("seconds", [0.0, 0.05])
def test_a_provider_that_says_how_long_is_given_that_time(seconds):
    began, again = time.monotonic(), ProviderFailed("busy", retryable=True, retry_after=seconds)
    assert asked("a", [again, REPLY]) == (["a", "a"], REPLY)
    assert time.monotonic() - began >= seconds


def test_a_provider_that_wants_too_much_time_has_failed():
    later = ProviderFailed("busy", retryable=True, retry_after=MAX_WAIT + 1)
    assert asked("a", [later]) == (["a"], later)
    assert asked("ab", [later, REPLY]) == (["a", "b"], REPLY)


def test_a_long_wait_is_told():
    token, told = CancelToken(), []

    def tell(seconds):
        told.append(seconds)
        token.cancel("interrupted")

    def call(model):
        raise ProviderFailed("busy", retryable=True, retry_after=20.0)

    with pytest.raises(Stopped):
        call_with_fallbacks("a", call, token, Policy(retries=1, pause=0.001, on_wait=tell))
    assert 20 <= told[0] < 21
