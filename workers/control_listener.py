"""What this process hears while it works: stops of turns, first steps that turns wait for, background jobs to drop."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from app.state import redis_keys
from app.state.connection.feed import PubSubListener
from workers.cancellation import DROPPED, CancelRegistry, CancelToken

POLL = 1.0
"""Seconds after which a wait looks for itself, should a message have been lost."""


class ControlListener:
    """One listener a process. A lost stop does no harm: the turn's events are refused, which stops it too."""

    def __init__(self, redis: Any, tokens: CancelRegistry) -> None:
        self._tokens = tokens
        self._waiting: dict[str, threading.Event] = {}
        self._feed = PubSubListener(redis, self._hear, lambda: None)

    def start(self) -> None:
        """Begin to listen; returns when the subscription stands or Redis is away."""
        self._feed.start()
        self._feed.subscribe(redis_keys.CONTROL)

    def stop(self) -> None:
        """No longer listen."""
        self._feed.stop()

    def wait(self, name: str, ready: Callable[[], Any | None], timeout: float, token: CancelToken) -> Any | None:
        """What `ready` returns once it is not None; asked when `answer <name>` is heard, and every second.

        None after `timeout` seconds. Raises `Stopped`.
        """
        heard = self._waiting[name] = threading.Event()
        deadline = time.monotonic() + timeout
        try:
            with token.waking(heard.set):
                while (found := ready()) is None and (left := deadline - time.monotonic()) > 0:
                    heard.wait(min(left, POLL))
                    heard.clear()
                    token.check()
                return found
        finally:
            del self._waiting[name]

    def _hear(self, _channel: str, payload: bytes) -> None:
        kind, _, rest = payload.decode().partition(" ")
        if kind == "stop":
            run_id, _, reason = rest.partition(" ")
            self._tokens.cancel(run_id, reason)
        elif kind == "drop":
            self._tokens.cancel(rest, DROPPED)
        elif kind == "answer" and (heard := self._waiting.get(rest)):
            heard.set()
