"""Asking again: while a reply has not begun, nobody is misled and nothing is billed twice."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from workers.cancellation import CancelToken
from workers.reply import Reply
from workers.turn import ProviderFailed

log = logging.getLogger(__name__)

MAX_PAUSE = 8.0
"""Seconds, where the provider does not say how long to wait."""

MAX_WAIT = 30.0
"""Seconds that are waited for a provider that says how long. One that asks for more has failed."""

NOTICE_FROM = 1.0
"""A wait of this many seconds is told to the user."""


@dataclass(frozen=True)
class Policy:
    """`retries` further attempts for each model; the first about `pause` seconds later, and twice as long each time.
    A provider's own delay takes precedence; `on_wait(seconds)` is called before such a wait."""

    retries: int
    pause: float
    on_wait: Callable[[float], None] = lambda _: None


def call_with_fallbacks(
    models: Sequence[str], call: Callable[[str], Reply], token: CancelToken, policy: Policy
) -> Reply:
    """The reply of the first of `models` that gives one.

    A failure before the first token is tried again, then with the next model; one that would only fail again goes to
    the next model at once. Raises the last model's `ProviderFailed`, and at once what came after the first token;
    `Stopped`.
    """
    for index, model in enumerate(models):
        for attempt in range(policy.retries + 1):
            try:
                return call(model)
            except ProviderFailed as failed:
                wait = _wait(failed, attempt, policy)
                if failed.begun or (wait is None and index == len(models) - 1):
                    raise
                if wait is None:
                    log.warning("model %r failed, asking %r", model, models[index + 1])
                    break
                if failed.retry_after is not None and wait >= NOTICE_FROM:
                    policy.on_wait(wait)
                token.sleep(wait)
    raise AssertionError("there is always a model to ask")


def _wait(failed: ProviderFailed, attempt: int, policy: Policy) -> float | None:
    """Seconds before the next attempt, None if there is none."""
    if attempt == policy.retries or not failed.retryable:
        return None
    if failed.retry_after is None:
        return _pause(attempt, policy.pause)
    if failed.retry_after > MAX_WAIT:
        return None
    return failed.retry_after + random.uniform(0, policy.pause)


def _pause(attempt: int, pause: float) -> float:
    """Half of it by chance, so that many turns do not come back at the same moment."""
    whole = min(pause * 2**attempt, MAX_PAUSE)
    return whole / 2 + random.uniform(0, whole / 2)
