"""Pools of connections to one server, which may be the master that Sentinels name."""

from __future__ import annotations

import contextlib
import queue
import select
import sys
import threading
import time
from functools import cache
from typing import Any, cast

from redis import BlockingConnectionPool, Connection, Redis
from redis.backoff import NoBackoff
from redis.connection import AbstractConnection
from redis.exceptions import ConnectionError, TimeoutError
from redis.retry import Retry
from redis.sentinel import (
    Sentinel,
    SentinelConnectionPool,
    SentinelManagedConnection,
    SentinelManagedSSLConnection,
)

from app.redis_urls import Address, RedisTarget
from app.state.connection.failovers import MasterWatch

SENTINEL_OPTIONS = {"socket_timeout": 0.5, "socket_connect_timeout": 0.5, "retry": Retry(NoBackoff(), 0)}
"""A Sentinel that does not reply is skipped: there are others."""

IDLE_SECONDS = 10.0
"""A connection that no command has used for this time is closed: a Redis may accept only 20 connections in all."""

_TLS = "ssl_"


class PolledConnection(AbstractConnection):
    """redis-py looks whether a free connection was closed before it uses it. This one asks the kernel alone: gevent's
    poll switches to its loop, which costs a third of a command."""

    def can_read(self, timeout: float = 0) -> bool:
        """Whether there are bytes within so many seconds. Without a timeout, raises `ConnectionError` if there are any,
        or an end: of a free connection they are another command's."""
        if timeout or self._sock is None:
            return bool(super().can_read(timeout))
        poll = _kernel_poll()
        poll.register(self._sock, select.POLLIN)
        if self._parser._reader.has_data() or poll.poll(0):
            raise ConnectionError("The connection was closed, or has unread bytes")
        return False

    def _connect(self) -> Any:
        try:
            return cast(Any, super())._connect()
        except OSError as error:  # redis-py's frame keeps it: in a cycle, which would hold all callers' frames as well
            raise error.with_traceback(None) from None


def _kernel_poll() -> select.poll:
    """The poll of the standard library, also where gevent has replaced it."""
    gevent = sys.modules.get("gevent.monkey")
    return gevent.get_original("select", "poll")() if gevent else select.poll()


class MasterConnection(PolledConnection, SentinelManagedConnection):
    """Asks the Sentinels each time it connects. After a failed command, redis-py's own reconnects to the old address,
    that of a master that is gone."""

    def connect(self) -> None:
        """Connect to the master."""
        self.retry.call_with_retry(self.connect_check_health, lambda _: None)

    def connect_check_health(self, check_health: bool = True, retry_socket_connect: bool = False) -> None:
        """Connect to the master, without a retry."""
        if not self.is_connected:
            self.host, self.port = self.connection_pool.get_master_address()
            super().connect_check_health(check_health, retry_socket_connect=False)
            self.connection_pool.sentinel_manager.watch.opened(self)


class MasterTLSConnection(MasterConnection, SentinelManagedSSLConnection):
    """The same, encrypted."""


class ShrinkingPool(BlockingConnectionPool):
    """Closes connections that are idle. redis-py's own keeps as many open as were ever needed at once.

    The connection that was released last is used first, so those that a peak has left behind become idle. They are
    looked for after a command, at most once a second: every process sends commands all the time.
    """

    _look_at = 0.0

    def get_connection(self, *args: Any, **options: Any) -> Any:
        """A connection that is ready for a command. (redis-py's own counts what it does for metrics, even if nobody
        reads them: that takes longer than a command.)"""
        self._checkpid()
        if not self._in_maintenance:
            with contextlib.suppress(queue.Empty):
                connection, is_ready = self.pool.get_nowait(), False
                try:
                    is_ready = _is_ready(connection)
                finally:
                    if not is_ready:
                        self.pool.put_nowait(connection)  # redis-py takes it again, and connects
                if is_ready:
                    return connection
        return super().get_connection(*args, **options)

    def release(self, connection: Any) -> None:
        """Take a connection back."""
        connection.idle_since = now = time.monotonic()
        if self._in_maintenance or not self.owns_connection(connection) or connection.should_reconnect():
            super().release(connection)
        else:
            with contextlib.suppress(queue.Full):  # the pool was reset since
                self.pool.put_nowait(connection)
        if now >= self._look_at:
            self._look_at = now + 1
            self.close_idle(now - IDLE_SECONDS)

    def close_idle(self, before: float) -> None:
        """Close the free connections that were used last before this time. They connect again when they are needed."""
        free = self._take_free()  # so that no caller uses one during this
        for connection in free:
            if connection is not None and connection.idle_since < before and connection.is_connected:
                connection.disconnect()
        for connection in reversed(free):
            self.pool.put_nowait(connection)

    def _take_free(self) -> list[Any]:
        """Take all out of the pool, the one that was used last first."""
        free = []
        with contextlib.suppress(queue.Empty):
            while True:
                free.append(self.pool.get_nowait())
        return free


def _is_ready(connection: Any) -> bool:
    """Whether a free connection can take a command; None stands for one that is not made yet."""
    try:
        return connection is not None and connection.is_connected and not connection.can_read()
    except (ConnectionError, TimeoutError, OSError):
        return False


class RetryingPool(ShrinkingPool):
    """Also retries to get a usable connection: redis-py retries a command, but not the check of the connection before
    it."""

    def get_connection(self, *args: Any, **options: Any) -> Any:
        """A connection that is ready for a command."""
        retry: Retry = self.connection_kwargs["retry"]
        return retry.call_with_retry(lambda: super(RetryingPool, self).get_connection(*args, **options), lambda _: None)


class SentinelPool(SentinelConnectionPool, ShrinkingPool):
    """Connections to the master."""


class RetryingSentinelPool(RetryingPool, SentinelPool):
    """The same, with retries."""


class Sentinels(Sentinel):
    """The Sentinels that know the master. redis-py records which of them replied, which is not thread-safe."""

    def __init__(self, addresses: tuple[Address, ...], watch: MasterWatch, **options: Any) -> None:
        super().__init__(list(addresses), sentinel_kwargs=options)
        self.watch = watch
        self._asking = threading.Lock()

    def discover_master(self, service_name: str) -> Any:
        """The address of the master, or of the replica that becomes it.

        Raises `ConnectionError` while there is none.
        """
        if promoted := self.watch.promoted():
            return promoted
        with self._asking:
            return self.watch.corrected(super().discover_master(service_name))


def open_pool(target: RedisTarget, retry_forever: bool, **options: Any) -> ShrinkingPool:
    """A pool for one server, or for the master that the Sentinels name whenever a connection is made."""
    if target.kind == "server":
        options["connection_class"] = _polled(options.get("connection_class", Connection))
        return (RetryingPool if retry_forever else ShrinkingPool)(**options)
    tls = {name: value for name, value in options.items() if name.startswith(_TLS)} if target.tls else {}
    watch = _watch(target, tuple(tls.items()))
    sentinels = Sentinels(target.addresses, watch, **SENTINEL_OPTIONS, **dict(target.sentinel), **tls, ssl=target.tls)
    kind = RetryingSentinelPool if retry_forever else SentinelPool
    options["connection_class"] = MasterTLSConnection if target.tls else MasterConnection
    return kind(target.master, sentinels, **options)


@cache
def _polled(connection_class: type) -> type:
    return type(f"Polled{connection_class.__name__}", (PolledConnection, connection_class), {})


@cache
def _watch(target: RedisTarget, tls: tuple[tuple[str, Any], ...]) -> MasterWatch:
    """One watch in a process, for all its pools of a master."""
    options: dict[str, Any] = SENTINEL_OPTIONS | dict(target.sentinel) | dict(tls) | {"ssl": target.tls}
    listening = [Redis(host=host, port=port, **options | {"socket_timeout": None}) for host, port in target.addresses]
    asking = [Redis(host=host, port=port, **options) for host, port in target.addresses]
    return MasterWatch(target.master, listening, asking)
