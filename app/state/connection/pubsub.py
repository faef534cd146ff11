"""One pub/sub connection that never stays down.

redis-py reconnects such a connection by itself and silently loses what was published in between. This one notices the
loss, connects and subscribes again, and calls `on_gap`, so that its owner reads what it missed from Redis. It sends a
ping after some silence, so it also notices a Redis that hangs.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol, cast

from redis import Redis
from redis.crc import key_slot
from redis.exceptions import ConnectionError, RedisError, TimeoutError

from app.background import BackgroundLoop, Backoff
from app.state import redis_keys

log = logging.getLogger(__name__)

PING_SECONDS = 2.0
"""Silence after which a ping is sent; a connection that is silent for twice as long is lost."""

_CONFIRMED = threading.Event()
"""The event of every subscription that Redis has confirmed: an event of its own would cost each stream 1 KB."""
_CONFIRMED.set()


class Listener(Protocol):
    """The subscriptions of a process, on one connection or several: see `PubSubListener`."""

    def start(self, on_message: Callable[[str, bytes], None], on_gap: Callable[[], None]) -> None: ...

    def subscribe(self, channel: str, timeout: float = ...) -> bool: ...

    def unsubscribe(self, channel: str) -> None: ...

    def stop(self) -> None: ...


class PubSubListener:
    """Subscriptions of one process. `redis` is a client made for listening (`clients.listening`). Redis has `prefix`
    before the names of all channels, and this class alone knows it. `sharded` ones are those of a cluster's shard
    channels, on a master."""

    def __init__(self, redis: Redis, prefix: str = "", *, sharded: bool = False) -> None:
        self._sign = "S" if sharded else ""
        self._redis = redis
        self._prefix = prefix
        self._on_message: Callable[[str, bytes], None] = lambda _channel, _payload: None
        self._on_gap: Callable[[], None] = lambda: None
        self._channels: dict[str, threading.Event] = {}
        self._lock = threading.Lock()
        self._pubsub: Any = None
        # Any error: a new connection repairs it, and nothing repairs a listener that has ended.
        self._backoff = Backoff("pub/sub", (Exception,), outages=(RedisError, OSError))
        self._loop = BackgroundLoop(self._connect_and_listen, self._backoff)

    def start(self, on_message: Callable[[str, bytes], None], on_gap: Callable[[], None] = lambda: None) -> None:
        """Begin to listen. `on_message(channel, payload)` and `on_gap()` run in the listener's thread."""
        self._on_message, self._on_gap = on_message, on_gap
        self._loop.start()

    def stop(self) -> None:
        """Close the connection and end the thread."""
        self._loop.request_stop()
        with self._lock:
            self._send("UNSUBSCRIBE", redis_keys.FEED)  # the reply wakes the thread
        self._loop.join(timeout=2 * PING_SECONDS)

    def retire(self) -> None:
        """End the thread, which closes the connection, and do not wait for it."""
        self._loop.request_stop()

    def subscribe(self, channel: str, timeout: float = 2.0) -> bool:
        """Listen to `channel`. True once Redis has confirmed it: nothing that is published later is missed."""
        with self._lock:
            confirmed = self._channels.get(channel)
            if confirmed is None:
                confirmed = self._channels[channel] = threading.Event()
                self._send(f"{self._sign}SUBSCRIBE", channel)
        return confirmed.wait(timeout) if timeout else confirmed.is_set()  # gevent would switch, even for no time

    def await_confirmed(self, channel: str, timeout: float) -> bool:
        """Whether Redis confirms the subscription within `timeout` seconds, if there is one."""
        confirmed = self._channels.get(channel)
        return confirmed is not None and confirmed.wait(timeout)

    def unsubscribe(self, channel: str) -> None:
        """No longer listen to `channel`."""
        with self._lock:
            if self._channels.pop(channel, None):
                self._send(f"{self._sign}UNSUBSCRIBE", channel)

    def _send(self, command: str, *channels: str) -> None:
        connection = self._pubsub.connection if self._pubsub else None
        if connection is None or not connection.is_connected:
            return  # its thread subscribes when it has connected; redis-py would connect here, beside the thread
        names = [self._prefix + channel for channel in channels]
        try:
            connection.send_command(command, *names, check_health=False)
        except (RedisError, OSError):
            log.debug("the pub/sub connection is down; its thread will subscribe again")

    def _connect_and_listen(self) -> None:
        try:
            self._connect()
            self._backoff.succeeded()
            self._listen()
        finally:
            self._drop()

    def _connect(self) -> None:
        pubsub = self._redis.pubsub()
        pubsub.subscribe(self._prefix + redis_keys.FEED)  # redis-py reads no message without a channel
        with self._lock:
            self._pubsub = pubsub
            for channels in self._at_once():
                self._send(f"{self._sign}SUBSCRIBE", *channels)
        self._on_gap()

    def _listen(self) -> None:
        last_message, pinged = time.monotonic(), False
        while not self._loop.stopping:
            message = self._next_message()
            if message is not None:
                last_message, pinged = time.monotonic(), False
                self._handle(message)
            elif pinged and time.monotonic() - last_message > 2 * PING_SECONDS:
                raise TimeoutError("no reply to a ping")
            else:
                pinged = True
                with self._lock:
                    self._pubsub.ping()

    def _next_message(self) -> dict[str, Any] | None:
        """The next message, None after `PING_SECONDS` without one. (redis-py's `get_message` polls the socket twice
        before it reads, which with gevent costs as much as all else that is done for a message.)"""
        connection = self._pubsub.connection
        with suppress(TimeoutError):
            response = connection.read_response(disconnect_on_error=False, push_request=True, timeout=PING_SECONDS)
            return cast("dict[str, Any] | None", self._pubsub.handle_message(response))
        return None

    def _handle(self, message: dict[str, Any]) -> None:
        kind = message["type"]
        if kind in ("message", "smessage"):
            self._on_message(self._channel(message), message["data"])
        elif kind in ("subscribe", "ssubscribe"):
            self._confirm(self._channel(message))
        elif kind == "sunsubscribe":
            self._check_wanted(self._channel(message))

    def _channel(self, message: dict[str, Any]) -> str:
        channel: bytes = message["channel"]
        return channel.decode().removeprefix(self._prefix)

    def _confirm(self, channel: str) -> None:
        with self._lock:
            pending = self._channels.get(channel)
            if pending is not None:
                self._channels[channel] = _CONFIRMED
                pending.set()

    def _check_wanted(self, channel: str) -> None:
        """A master that loses a hash slot ends the subscriptions there. Raises `ConnectionError`: begin again."""
        with self._lock:
            if self._channels.get(channel) is _CONFIRMED:
                raise ConnectionError("the hash slot of a channel has moved")

    def _at_once(self) -> list[list[str]]:
        """The channels that one command may name: shard channels of one hash slot. The lock is held."""
        if not self._sign:
            return [list(self._channels)] if self._channels else []
        by_slot: dict[int, list[str]] = {}
        for channel in self._channels:
            by_slot.setdefault(key_slot((self._prefix + channel).encode()), []).append(channel)
        return list(by_slot.values())

    def _drop(self) -> None:
        with self._lock:
            pubsub, self._pubsub = self._pubsub, None
            for channel, confirmed in self._channels.items():
                if confirmed is _CONFIRMED:
                    self._channels[channel] = threading.Event()
        if pubsub is not None:
            pubsub.close()
