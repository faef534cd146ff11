"""Connections to Redis, each with the timeouts of its role."""

from __future__ import annotations

from typing import Any

from redis import Redis
from redis.backoff import ExponentialWithJitterBackoff, NoBackoff
from redis.exceptions import BusyLoadingError, ConnectionError, TimeoutError
from redis.retry import Retry

Client = Any
"""A `redis.Redis`. (Its own types make every answer bytes, text or an awaitable.)"""

Unavailable = (ConnectionError, TimeoutError, BusyLoadingError)
"""What a call raises while Redis is away. (`ConnectionError` is redis-py's own.)"""


def commands(url: str, *, attempts: int = 1, timeout: float = 1.5) -> Client:
    """A client for short commands. A command that fails is tried `attempts` times more, then raises.

    `timeout` seconds bound each connect and each answer, so that a web request never hangs on Redis.
    """
    return Redis.from_url(
        url,
        socket_timeout=timeout,
        socket_connect_timeout=timeout,
        socket_keepalive=True,
        max_connections=10_000,
        retry=Retry(ExponentialWithJitterBackoff(base=0.02, cap=0.2), attempts),
        client_name="aomi",
    )


def blocking(url: str) -> Client:
    """A client for RQ's blocking pops; RQ sets the socket timeout it needs on it."""
    return Redis.from_url(url, socket_connect_timeout=2, socket_keepalive=True, max_connections=10_000)


def listening(url: str) -> Client:
    """A client for one pub/sub connection: no retry of its own, so that a loss is seen (see `feed`)."""
    return Redis.from_url(
        url,
        socket_timeout=None,
        socket_connect_timeout=2,
        socket_keepalive=True,
        retry=Retry(NoBackoff(), 0),
        client_name="aomi-feed",
    )
