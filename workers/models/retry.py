"""Asking again: while a reply has not begun, nobody is misled and nothing is billed twice."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Sequence

from workers.cancellation import CancelToken
from workers.turn import ProviderFailed, Reply

log = logging.getLogger(__name__)

LONGEST_PAUSE = 8.0


def ask(models: Sequence[str], call: Callable[[str], Reply], token: CancelToken, retries: int, pause: float) -> Reply:
    """The reply of the first of `models` that gives one.

    A failure before the first token is tried again `retries` times, about `pause` seconds later and twice as long
    each time, then with the next model; one that would only fail again goes to the next model at once. Raises the
    last model's `ProviderFailed`, and at once what came after the first token; `Stopped`.
    """
    for place, model in enumerate(models):
        for attempt in range(retries + 1):
            try:
                return call(model)
            except ProviderFailed as failed:
                last = attempt == retries or not failed.retryable
                if failed.begun or (last and place == len(models) - 1):
                    raise
                if last:
                    log.warning("model %r failed, asking %r", model, models[place + 1])
                    break
                token.sleep(_pause(attempt, pause))
    raise AssertionError("there is always a model to ask")


def _pause(attempt: int, pause: float) -> float:
    """Half of it by chance, so that many turns do not come back at the same moment."""
    whole = min(pause * 2**attempt, LONGEST_PAUSE)
    return whole / 2 + random.uniform(0, whole / 2)
