"""One pub/sub connection that never stays down.

redis-py reconnects such a connection by itself and silently loses what was published meanwhile. This one has no
retry of its own: a loss is seen, the connection made anew, every channel subscribed again, and `on_gap` called, so
that its owner fills the hole from where the truth is. A ping goes out on silence, so a Redis that hangs is noticed.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from app.state import redis_keys

log = logging.getLogger(__name__)

PING_SECONDS = 2.0
"""Seconds of silence after which the connection is asked for a sign of life; twice that is its death."""


_CONFIRMED = threading.Event()
"""Stands for every subscription that Redis has confirmed: an event of its own costs each stream 1 KB."""
_CONFIRMED.set()


class PubSubListener:
    """Subscriptions of one process. `redis` is a client made for listening (`clients.listening`)."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._on_message: Callable[[str, bytes], None] = lambda _channel, _payload: None
        self._on_gap: Callable[[], None] = lambda: None
        self._channels: dict[str, threading.Event] = {}
        self._lock = threading.Lock()
        self._pubsub: Any = None
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="aomi feed", daemon=True)

    def start(self, on_message: Callable[[str, bytes], None], on_gap: Callable[[], None] = lambda: None) -> None:
        """Begin to listen. `on_message(channel, payload)` and `on_gap()` run in the listener's thread."""
        self._on_message, self._on_gap = on_message, on_gap
        self._thread.start()

    def stop(self) -> None:
        """Close the connection and end the thread."""
        self._stopped.set()
        with self._lock:
            self._send("UNSUBSCRIBE", redis_keys.FEED)  # its answer wakes the thread
        self._thread.join(timeout=2 * PING_SECONDS)

    def subscribe(self, channel: str, timeout: float = 2.0) -> bool:
        """Listen to `channel`. True once Redis has confirmed it: nothing published from here on is missed."""
        with self._lock:
            confirmed = self._channels.get(channel)
            if confirmed is None:
                confirmed = self._channels[channel] = threading.Event()
                self._send("SUBSCRIBE", channel)
        return confirmed.wait(timeout)

    def unsubscribe(self, channel: str) -> None:
        """No longer listen to `channel`."""
        with self._lock:
            if self._channels.pop(channel, None):
                self._send("UNSUBSCRIBE", channel)

    def _send(self, command: str, *channels: str) -> None:
        if self._pubsub is None:
            return
        try:  # on the connection itself: redis-py would connect anew here, on a socket that the thread waits for, too
            self._pubsub.connection.send_command(command, *channels, check_health=False)
        except (RedisError, OSError):
            log.debug("the feed's connection is down; its thread will subscribe again")

    def _run(self) -> None:
        pause = 0.05
        while not self._stopped.is_set():
            try:
                self._connect()
                pause = 0.05
                self._listen()
            except Exception as error:  # whatever it was, a new connection mends it, and a dead feed nothing does
                log.warning("pub/sub connection lost (%s), connecting again", type(error).__name__)
                self._drop()
                self._stopped.wait(pause)
                pause = min(pause * 2, 1.0)
        self._drop()

    def _connect(self) -> None:
        pubsub = self._redis.pubsub()
        pubsub.subscribe(redis_keys.FEED)  # redis-py reads no message before there is a channel
        with self._lock:
            self._pubsub = pubsub
            if self._channels:
                self._send("SUBSCRIBE", *self._channels)
        self._on_gap()

    def _listen(self) -> None:
        heard, pinged = time.monotonic(), False
        while not self._stopped.is_set():
            message = self._pubsub.get_message(timeout=PING_SECONDS)
            if message is not None:
                heard, pinged = time.monotonic(), False
                self._take(message)
            elif pinged and time.monotonic() - heard > 2 * PING_SECONDS:
                raise TimeoutError("no answer to a ping")
            else:
                pinged = True
                with self._lock:
                    self._pubsub.ping()

    def _take(self, message: dict[str, Any]) -> None:
        if message["type"] == "message":
            self._on_message(message["channel"].decode(), message["data"])
        elif message["type"] == "subscribe":
            self._confirm(message["channel"].decode())

    def _confirm(self, channel: str) -> None:
        with self._lock:
            waited_for = self._channels.get(channel)
            if waited_for is not None:
                self._channels[channel] = _CONFIRMED
                waited_for.set()

    def _drop(self) -> None:
        with self._lock:
            pubsub, self._pubsub = self._pubsub, None
            for channel, confirmed in self._channels.items():
                if confirmed is _CONFIRMED:
                    self._channels[channel] = threading.Event()
        if pubsub is not None:
            pubsub.close()
