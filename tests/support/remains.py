"""What is left in Redis: keys without an end to their life, and where some words still stand."""

from __future__ import annotations

from collections.abc import Iterator

import redis as redis_py

LASTING = (
    "key:",
    "api-key:",
    "client-requests",
    "leases",
    "open-calls",
    "public-id-key",
    "reload",
    "temporary-sessions",
    "sleeping-calls",
    "model-calls",
    "rq:workers",
    "rq:queues",
    "rq:queue:",
    "rq:wip:",
    "rq:failed:",
)
"""Keys that live until someone removes them: a key for apps, indexes whose entries go by themselves."""


def without_life(redis: redis_py.Redis) -> list[str]:
    """The keys that would stay for ever and are not `LASTING`. A job's has none while it waits or runs."""
    names = (_text(name) for name in redis.scan_iter(count=1000))
    found = [name for name in names if redis.ttl(name) == -1 and not name.startswith(LASTING)]
    return [name for name in found if not (name.startswith("rq:job:") and _text(redis.hget(name, "status")) in OPEN)]


OPEN = ("queued", "started")


def standing_in(redis: redis_py.Redis, *words: str) -> list[str]:
    """Names and values of all of Redis in which one of the words stands, in any case of its letters."""
    pieces = ((name, piece) for name in redis.scan_iter(count=1000) for piece in (name, *_values(redis, name)))
    needles = [word.lower().encode() for word in words]
    found = (f"{name}: {piece[:200]}" for name, piece in pieces if any(needle in piece.lower() for needle in needles))
    return sorted(found)  # a scan has no order


def _values(redis: redis_py.Redis, name: bytes) -> Iterator[bytes]:
    kind = redis.type(name)
    if kind == b"string":
        yield redis.get(name) or b""
    elif kind == b"hash":
        yield from (part for pair in redis.hgetall(name).items() for part in pair)
    elif kind == b"list":
        yield from redis.lrange(name, 0, -1)
    elif kind == b"set":
        yield from redis.smembers(name)
    elif kind == b"zset":
        yield from redis.zrange(name, 0, -1)
    elif kind == b"stream":
        yield from (part for _, entry in redis.xrange(name) for pair in entry.items() for part in pair)


def _text(value: bytes | str | None) -> str:
    return value.decode() if isinstance(value, bytes) else value or ""
