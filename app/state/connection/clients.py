"""Connections to Redis, each with the timeouts of its role."""

from __future__ import annotations

from typing import Any

from redis import Redis
from redis._parsers.base import BaseParser
from redis.backoff import ExponentialWithJitterBackoff, NoBackoff
from redis.connection import parse_url
from redis.exceptions import (
    AskError,
    ClusterDownError,
    ClusterError,
    ConnectionError,
    MasterDownError,
    OutOfMemoryError,
    ReadOnlyError,
    ResponseError,
    TimeoutError,
    TryAgainError,
)
from redis.retry import Retry

from app import redis_urls
from app.config import Settings
from app.redis_urls import RedisTarget
from app.state.connection import pools
from app.state.connection.cluster import Cluster
from app.state.connection.cluster_pubsub import ClusterPubSub

Client = Any
"""A `redis.Redis` or a `Cluster`. (redis-py's types make every answer bytes, text or an awaitable.)"""


class WritesRefused(ResponseError):
    """Redis takes no writes for now: its disk is full, or its replicas are gone."""


# redis-py has no class for these, and no other place to give them one
BaseParser.EXCEPTION_CLASSES |= {"MISCONF": WritesRefused, "NOREPLICAS": WritesRefused}

Unavailable = (
    ConnectionError,
    TimeoutError,
    OutOfMemoryError,
    ReadOnlyError,
    MasterDownError,
    WritesRefused,
    ClusterDownError,
    ClusterError,
    TryAgainError,
    AskError,
)
"""What a call raises while Redis is away, loading, full, a replica or takes no writes, or a cluster moves what the call
is about. (`ConnectionError` is redis-py's own.)"""


def commands(settings: Settings, *, retry_forever: bool = False, timeout: float = 0.8) -> Client:
    """A client of the state for short commands. A command that fails is retried once, or until it succeeds with
    `retry_forever`.

    `timeout` seconds bound each connect and each reply, so that a web request never hangs on Redis. A command whose
    reply was lost may have been executed and is sent again: every command must be idempotent.
    """
    return _commands(settings, settings.redis_url, retry_forever, timeout)


def queue(settings: Settings, state: Client, *, retry_forever: bool = False, timeout: float = 0.8) -> Client:
    """A client of the queue, as `commands`: it is `state` where one Redis holds both."""
    if settings.queue_url == settings.redis_url:
        return state
    return _commands(settings, settings.queue_url, retry_forever, timeout)


def blocking(settings: Settings) -> Client:
    """A client for RQ's blocking pops; RQ sets the socket timeout it needs on it."""
    return _single(settings, redis_urls.read(settings.queue_url), socket_connect_timeout=2)


def listening(settings: Settings) -> Client:
    """A client for one pub/sub connection: no retry of its own, so that a loss is seen (see `feed`)."""
    place = redis_urls.read(settings.redis_url)
    options: dict[str, Any] = {"socket_timeout": None, "socket_connect_timeout": 2, "retry": Retry(NoBackoff(), 0)}
    if place.kind == "cluster":
        nodes = _cluster(settings, place, Retry(NoBackoff(), 0), socket_timeout=2, socket_connect_timeout=2)
        return ClusterPubSub(nodes, **_connection(settings, place), **options)
    return _single(settings, place, **options)


def _commands(settings: Settings, url: str, retry_forever: bool, timeout: float) -> Client:
    place = redis_urls.read(url)
    backoff = ExponentialWithJitterBackoff(base=0.02, cap=1 if retry_forever else 0.2)
    retry = Retry(backoff, -1 if retry_forever else 1, Unavailable)
    options = {"socket_timeout": timeout, "socket_connect_timeout": timeout}
    if place.kind == "cluster":
        return _cluster(settings, place, retry, **options)
    return _single(settings, place, retry_forever, **options, retry=retry)


def _cluster(settings: Settings, place: RedisTarget, retry: Retry, **options: Any) -> Cluster:
    known = _connection(settings, place)
    known.pop("connection_class", None)
    return Cluster(place.addresses, retry, settings.redis_connections, **known, **options, ssl=place.tls)


def _single(settings: Settings, place: RedisTarget, retry_forever: bool = False, **options: Any) -> Redis:
    """A client of one server, or of the one that is the Sentinels' master at the time."""
    known = _connection(settings, place, include_address=place.kind == "server")
    wait = {"max_connections": settings.redis_connections, "timeout": 2}  # seconds to wait for a free connection
    return Redis(connection_pool=pools.open_pool(place, retry_forever, **known, **options, **wait))


def _connection(settings: Settings, place: RedisTarget, include_address: bool = False) -> dict[str, Any]:
    """What redis-py is told of every connection; with `include_address`, of where it goes to, too."""
    known: dict[str, Any] = parse_url(place.url)
    if not include_address:
        known.pop("host"), known.pop("port")
    if place.kind == "cluster":
        known.pop("db", None)
    if place.tls and not settings.redis_tls_verify:
        known |= {"ssl_cert_reqs": "none", "ssl_check_hostname": False}
    return known | {"socket_keepalive": True, "client_name": "aomi"}
