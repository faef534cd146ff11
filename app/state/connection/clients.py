"""Connections to Redis, each with the timeouts of its role."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, cast

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
    NoPermissionError,
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
from app.state.connection.credentials import CredentialsFile
from app.state.connection.prefix import Prefix, PrefixedRedis
from app.state.connection.shares import LISTENING, shares

Client = Any
"""A `redis.Redis` or a `Cluster`. (redis-py's types make every reply bytes, text or an awaitable.)"""


class Refusing(ResponseError):
    """Redis refuses commands for now: a script keeps it busy, its disk is full, its replicas are gone, it becomes a
    replica."""


_REFUSALS = dict.fromkeys(("MISCONF", "NOREPLICAS", "BUSY", "UNBLOCKED"), Refusing)


class _ErrorTexts(dict[str, Any]):
    """Classes of errors by their whole text, as redis-py keeps those of the code ERR. Redis 6.2 reports an error inside
    a script as ERR, with the true code in the text: `Error running script (...): ...: -OOM command not allowed ...`."""

    def get(self, text: str, default: Any = None) -> Any:
        """The class of an error text."""
        code = _CODE_IN_SCRIPT.search(text)
        found = BaseParser.EXCEPTION_CLASSES.get(code[1]) if code else None
        return found or super().get(text, default)


_CODE_IN_SCRIPT = re.compile(r"^Error running script .*: -([A-Z]+) ")

# redis-py has no classes for these, and no other place to give them any
BaseParser.EXCEPTION_CLASSES |= _REFUSALS
BaseParser.EXCEPTION_CLASSES["ERR"] = _ErrorTexts(cast("dict[str, Any]", BaseParser.EXCEPTION_CLASSES["ERR"]))

Unavailable = (
    ConnectionError,
    TimeoutError,
    OutOfMemoryError,
    ReadOnlyError,
    MasterDownError,
    Refusing,
    NoPermissionError,
    ClusterDownError,
    ClusterError,
    TryAgainError,
    AskError,
)
"""The errors of a call while Redis is unreachable, loading, full, busy, a replica, or refuses writes or our
credentials, or a cluster moves the call's keys: everything that a healthy deployment may return. (`ConnectionError` is
redis-py's own; a wrong password is one, too.)"""


def commands(settings: Settings, *, retry_forever: bool = False, timeout: float = 0.8) -> Client:
    """A client of the state for short commands. A command that fails is retried once, or until it succeeds with
    `retry_forever`, which is for workers.

    `timeout` seconds bound each connect and each reply, so that a web request never hangs on Redis. A command whose
    reply was lost may have been executed and is sent again: every command must be idempotent.
    """
    return _commands(settings, _state_target(settings), retry_forever, timeout)


def queue(settings: Settings, state: Client, *, retry_forever: bool = False, timeout: float = 0.8) -> Client:
    """A client of the queue, as `commands`: it is `state` where one Redis holds both."""
    if settings.queue_url == settings.redis_url:
        return state
    return _commands(settings, _queue_target(settings), retry_forever, timeout)


def blocking(settings: Settings) -> Client:
    """A client for RQ's blocking pops; RQ sets the socket timeout that it needs."""
    retry = Retry(ExponentialWithJitterBackoff(base=1, cap=10), 3, Unavailable)  # redis-py's, for more errors
    options: dict[str, Any] = {"max_connections": shares(settings).queues, "socket_connect_timeout": 2}
    return _single(settings, _queue_target(settings), **options, retry=retry)


def listening(settings: Settings) -> Client:
    """A client for one pub/sub connection. It does not retry, so that a loss is noticed (see `pubsub`). It speaks
    RESP2: of each message of RESP3, redis-py makes a text for a log that nobody reads."""
    target = _state_target(settings)
    options: dict[str, Any] = {"socket_timeout": None, "socket_connect_timeout": 2, "retry": Retry(NoBackoff(), 0)}
    options |= {"protocol": 2}
    if target.kind == "cluster":
        of_nodes = {"socket_timeout": 2, "socket_connect_timeout": 2, "max_connections": shares(settings).web}
        nodes = _cluster(settings, target, Retry(NoBackoff(), 0), **of_nodes)
        return ClusterPubSub(nodes, **_connection(settings, target), **options)
    return Redis(connection_pool=_pool(settings, target, max_connections=LISTENING, **options))


def _state_target(settings: Settings) -> RedisTarget:
    return replace(redis_urls.read(settings.redis_url), credentials_file=settings.redis_url_file)


def _queue_target(settings: Settings) -> RedisTarget:
    file = settings.queue_redis_url_file if settings.queue_redis_url else settings.redis_url_file
    return replace(redis_urls.read(settings.queue_url), credentials_file=file)


def _commands(settings: Settings, target: RedisTarget, retry_forever: bool, timeout: float) -> Client:
    backoff = ExponentialWithJitterBackoff(base=0.02, cap=1 if retry_forever else 0.2)
    retry = Retry(backoff, -1 if retry_forever else 1, Unavailable)
    most = shares(settings).worker if retry_forever else shares(settings).web
    options = {"socket_timeout": timeout, "socket_connect_timeout": timeout, "max_connections": most}
    if target.kind == "cluster":
        return _cluster(settings, target, retry, **options)
    return _single(settings, target, retry_forever, **options, retry=retry)


def _cluster(settings: Settings, target: RedisTarget, retry: Retry, **options: Any) -> Cluster:
    connection = _connection(settings, target)
    connection.pop("connection_class", None)
    return Cluster(target.addresses, retry, Prefix(settings.redis_prefix), **connection, **options, ssl=target.tls)


def _single(settings: Settings, target: RedisTarget, retry_forever: bool = False, **options: Any) -> Redis:
    """A client of one server, or of the server that is the Sentinels' master at the time."""
    pool, prefix = _pool(settings, target, retry_forever, **options), Prefix(settings.redis_prefix)
    return PrefixedRedis(prefix, pool) if prefix.text else Redis(connection_pool=pool)


def _pool(settings: Settings, target: RedisTarget, retry_forever: bool = False, **options: Any) -> pools.ShrinkingPool:
    connection = _connection(settings, target, include_address=target.kind == "server")
    wait = 2  # seconds, for a free connection
    return pools.open_pool(target, retry_forever, **connection, **options, timeout=wait)


def _connection(settings: Settings, target: RedisTarget, include_address: bool = False) -> dict[str, Any]:
    """redis-py's options of each connection; with `include_address` also host and port."""
    options: dict[str, Any] = parse_url(target.url)
    if not include_address:
        options.pop("host"), options.pop("port")
    if target.kind == "cluster":
        options.pop("db", None)
    if target.tls and not settings.redis_tls_verify:
        options |= {"ssl_cert_reqs": "none", "ssl_check_hostname": False}
    if target.credentials_file:
        options = {name: value for name, value in options.items() if name not in ("username", "password")}
        options["credential_provider"] = CredentialsFile(target.credentials_file)
    return options | {"socket_keepalive": True, "client_name": "aomi"}
