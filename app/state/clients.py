"""Connections to Redis, each with the timeouts of its role."""

from __future__ import annotations

from typing import Any

from redis import BlockingConnectionPool, Redis
from redis._parsers.base import BaseParser
from redis.backoff import ExponentialWithJitterBackoff, NoBackoff
from redis.exceptions import (
    ConnectionError,
    MasterDownError,
    OutOfMemoryError,
    ReadOnlyError,
    ResponseError,
    TimeoutError,
)
from redis.retry import Retry

from app.config import Settings

Client = Any
"""A `redis.Redis`. (Its own types make every answer bytes, text or an awaitable.)"""


class WritesRefused(ResponseError):
    """Redis takes no writes for now: its disk is full, or its replicas are gone."""


# redis-py has no class for these, and no other place to give them one
BaseParser.EXCEPTION_CLASSES |= {"MISCONF": WritesRefused, "NOREPLICAS": WritesRefused}

Unavailable = (ConnectionError, TimeoutError, OutOfMemoryError, ReadOnlyError, MasterDownError, WritesRefused)
"""What a call raises while Redis is away, loading, full, a replica or takes no writes. (`ConnectionError` is redis-py's
own.)"""


class PatientPool(BlockingConnectionPool):
    """Waits for ever for a connection that is fit, too: redis-py tries a command again, but not the look at the
    connection that goes before it."""

    def get_connection(self, *args: Any, **options: Any) -> Any:
        """A connection that a command can be sent on."""
        retry: Retry = self.connection_kwargs["retry"]
        return retry.call_with_retry(lambda: super(PatientPool, self).get_connection(*args, **options), lambda _: None)


def commands(settings: Settings, *, patient: bool = False, timeout: float = 0.8) -> Client:
    """A client for short commands. One that fails is tried once more, then raises; by a `patient` client for ever.

    `timeout` seconds bound each connect and each answer, so that a web request never hangs on Redis. A command may
    have been carried out although its answer was lost: all that is sent must bear to be sent twice.
    """
    backoff = ExponentialWithJitterBackoff(base=0.02, cap=1 if patient else 0.2)
    retry = Retry(backoff, -1 if patient else 1, Unavailable)
    kind = PatientPool if patient else BlockingConnectionPool
    return _client(settings, kind, socket_timeout=timeout, socket_connect_timeout=timeout, retry=retry)


def blocking(settings: Settings) -> Client:
    """A client for RQ's blocking pops; RQ sets the socket timeout it needs on it."""
    return _client(settings, socket_connect_timeout=2)


def listening(settings: Settings) -> Client:
    """A client for one pub/sub connection: no retry of its own, so that a loss is seen (see `feed`)."""
    return _client(settings, socket_timeout=None, socket_connect_timeout=2, retry=Retry(NoBackoff(), 0))


def _client(settings: Settings, kind: type[BlockingConnectionPool] = BlockingConnectionPool, **options: Any) -> Client:
    if settings.redis_url.startswith("rediss:") and not settings.redis_tls_verify:
        options |= {"ssl_cert_reqs": "none", "ssl_check_hostname": False}
    pool = kind.from_url(
        settings.redis_url,
        max_connections=settings.redis_connections,
        timeout=2,  # seconds to wait for a free connection
        socket_keepalive=True,
        client_name="aomi",
        **options,
    )
    return Redis(connection_pool=pool)
