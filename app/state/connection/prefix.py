"""AOMI_REDIS_PREFIX: sites that share a Redis each put a prefix before all their names of keys and channels.

The clients do it, for every command that they send. This covers RQ and `limits`, too, which make names of their own,
and all other code uses names without the prefix. Three rules make it work: a script derives names from its KEYS alone;
names inside values have no prefix; subscriptions (`PubSubListener`) and channels that are arguments of a script
(`Store.control`) have it before they reach the client. (A script of one server alone may get commands and names as
Redis has them: `app.state.scripts.commands_of`.)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from redis import ConnectionPool, Redis
from redis.client import Pipeline

from app.state import redis_keys

_FIRST, _FIRST_TWO, _ALL = slice(1, 2), slice(1, 3), slice(1, None)

_COMMANDS_OF_ONE_KEY = """
DUMP EXPIRE PERSIST PEXPIRE PEXPIRETIME PTTL RESTORE TTL TYPE
GET SET
HDEL HEXISTS HGET HGETALL HINCRBY HINCRBYFLOAT HKEYS HMGET HSET
LLEN LPOP LPOS LPUSH LRANGE LREM RPUSH
SADD SCARD SMEMBERS SREM
XADD XLEN XRANGE XREVRANGE
ZADD ZCARD ZINCRBY ZRANGE ZRANGEBYSCORE ZREM ZREMRANGEBYSCORE ZREVRANGE ZREVRANGEBYSCORE ZSCAN ZSCORE
"""

KEYS = {
    **dict.fromkeys(_COMMANDS_OF_ONE_KEY.split(), _FIRST),
    **dict.fromkeys(("BLMOVE", "LMOVE"), _FIRST_TWO),
    **dict.fromkeys(("DEL", "EXISTS", "UNLINK", "WATCH"), _ALL),
}
"""Where a command has its keys. A test compares it with what Redis says."""

_NAMES = KEYS | {"PUBLISH": _FIRST}

_SCRIPTS = ("EVAL", "EVALSHA")

_NAMELESS = ("INFO", "PING", "SCRIPT FLUSH", "SCRIPT LOAD", "TIME", "UNWATCH")

_TAGGED = {name: f"{{{name}}}" for name in redis_keys.HASH_TAGS}
_UNTAGGED = {tagged: name for name, tagged in _TAGGED.items()}


@dataclass(frozen=True)
class Prefix:
    """The prefix of a site, '' for none."""

    text: str

    def name(self, name: str | bytes) -> str:
        """A key's or a channel's name as Redis has it."""
        plain = name.decode() if isinstance(name, bytes) else name
        return self.text + _TAGGED.get(plain, plain) if self.text else plain

    def plain(self, name: bytes) -> bytes:
        """The reverse of `name`."""
        plain = name.decode().removeprefix(self.text)
        return _UNTAGGED.get(plain, plain).encode() if self.text else name

    def applied(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """The arguments of a command, its names as Redis has them.

        Raises `NotImplementedError` for a command that is not known here: it might reach the keys of another site.
        """
        if not self.text or args[0] in _NAMELESS:
            return args
        names = slice(3, 3 + int(args[2])) if args[0] in _SCRIPTS else _NAMES.get(args[0])
        if names is None:
            raise NotImplementedError(f"{args[0]!r}: app/state/connection/prefix.py does not know where its keys are")
        changed = list(args)
        changed[names] = map(self.name, args[names])
        return tuple(changed)

    def execute(self, send: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """`send` a command and return the reply, with the names that the rest of the code knows."""
        if not self.text or args[0] != "SCAN":
            return send(*self.applied(args), **options)
        cursor, names = send(*self._scanning(*args), **options)
        return cursor, list(map(self.plain, names))

    def _scanning(self, command: str, cursor: Any, *options: Any) -> tuple[Any, ...]:
        given = {b"MATCH": "*"} | dict(zip(options[::2], options[1::2], strict=True))
        given[b"MATCH"] = self.text + given[b"MATCH"]
        return (command, cursor, *(part for option in given.items() for part in option))


class PrefixedRedis(Redis):
    """A client of one server, for all commands but subscriptions."""

    def __init__(self, prefix: Prefix, pool: ConnectionPool) -> None:
        super().__init__(connection_pool=pool)
        self.prefix = prefix

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """Execute one command."""
        return self.prefix.execute(super().execute_command, *args, **options)

    def pipeline(self, transaction: bool = True, shard_hint: Any = None) -> Pipeline:
        """Commands that are sent together."""
        return _PrefixedPipeline(self.prefix, self.connection_pool, self.response_callbacks, transaction, shard_hint)

    def pubsub(self, **_: Any) -> Any:
        """Raises `NotImplementedError`: subscriptions are `PubSubListener`'s, which puts the prefix."""
        raise NotImplementedError("subscribe with a PubSubListener")


class _PrefixedPipeline(Pipeline):
    def __init__(self, prefix: Prefix, *args: Any) -> None:
        super().__init__(*args)
        self._prefix = prefix

    def execute_command(self, *args: Any, **options: Any) -> Any:
        return super().execute_command(*self._prefix.applied(args), **options)
