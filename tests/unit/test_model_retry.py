"""A model call is tried again while its reply has not begun, then other models are asked."""

from __future__ import annotations

import pytest

from workers.cancellation import CancelToken, Stopped
from workers.models.retry import ask
from workers.turn import ProviderFailed, Reply

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
        return calls, ask(models, call, token or CancelToken(), retries=2, pause=0.001)
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
        ask("a", call, token, retries=2, pause=60)
