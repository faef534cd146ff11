"""Listens on the control channel: stops of turns, first steps that turns wait for, background jobs to drop."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from app.state import redis_keys
from app.state.connection.pubsub import PubSubListener
from app.state.turns import control_messages
from app.state.turns.control_messages import DropWork, FirstStep, StopTurn, turn_work
from workers.cancellation import DROPPED, CancelRegistry, CancelToken

POLL_SECONDS = 1.0
"""A wait also checks for its value this often, in case a message was lost."""


class ControlListener:
    """One listener per process. A lost stop does no harm: Redis refuses the turn's events and the first steps of its
    tools, which stops it, too."""

    def __init__(self, listener: PubSubListener, cancel_tokens: CancelRegistry) -> None:
        self._cancel_tokens = cancel_tokens
        self._waits: dict[FirstStep, threading.Event] = {}
        self._listener = listener

    def start(self) -> None:
        """Start to listen. Returns once subscribed, or when Redis does not confirm in time."""
        self._listener.start(self._on_message)
        self._listener.subscribe(redis_keys.CONTROL)

    def stop(self) -> None:
        """Close the subscription."""
        self._listener.stop()

    def wait(
        self, message: FirstStep, ready: Callable[[], Any | None], timeout: float, token: CancelToken
    ) -> Any | None:
        """Wait until `ready()` returns a value other than None, and return it; None after `timeout` seconds.

        `ready` is called when the message arrives, and every `POLL_SECONDS`. Raises `Stopped`.
        """
        woken = self._waits[message] = threading.Event()
        deadline = time.monotonic() + timeout
        try:
            with token.waking(woken.set):
                while (value := ready()) is None and (left := deadline - time.monotonic()) > 0:
                    woken.wait(min(left, POLL_SECONDS))
                    woken.clear()
                    token.check()
                return value
        finally:
            del self._waits[message]

    def _on_message(self, _channel: str, payload: bytes) -> None:
        message = control_messages.parse(payload)
        if isinstance(message, StopTurn):
            self._cancel_tokens.stop(turn_work(message.run_id), message.reason)
        elif isinstance(message, DropWork):
            self._cancel_tokens.cancel(message.work, DROPPED)
        elif isinstance(message, FirstStep) and (woken := self._waits.get(message)):
            woken.set()
