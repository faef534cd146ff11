"""The Redis client together with the scripts of `lua/`, which make each change of state one atomic step."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from typing import Any, NamedTuple

from redis.exceptions import NoScriptError

from app import exact_json
from app.config import Settings
from app.state import redis_keys
from app.state.clock import RedisClock
from app.state.connection.clients import Client
from app.state.connection.cluster import Cluster
from app.state.connection.prefix import Prefix
from app.state.pairs import text_fields
from app.state.script_source import source

Commands = list[list[str]]
"""Redis commands, each with its arguments, the names in them as Redis has them. A script of one server can run them."""


class Call(NamedTuple):
    """A call of the script `lua/<name>.lua`, with the arguments that `EVALSHA` takes behind the script."""

    name: str
    args: tuple[Any, ...]


class Store:
    """Shared by all parts of the state: `redis`, its `clock`, `settings`, and whether the Redis `is_cluster`. `control`
    is the name of the control channel for scripts, which get it as an argument: clients change only their KEYS."""

    def __init__(self, redis: Client, settings: Settings) -> None:
        self.redis = redis
        self.settings = settings
        self.is_cluster = isinstance(redis, Cluster)
        self.control = Prefix(settings.redis_prefix).name(redis_keys.CONTROL)
        is_sharded = self.is_cluster and settings.cluster_pubsub == "sharded"
        self._publish = "SPUBLISH" if is_sharded else "PUBLISH"
        self.clock = RedisClock(lambda: int(self.run(Call("time", (1, redis_keys.LEASES)))))

    def call(self, name: str, keys: Sequence[str], args: Mapping[str, Any], first: Call | None = None) -> Any:
        """Run the script `lua/<name>.lua`, which gets `args` as JSON; an argument that is None counts as ''.

        `first` runs before it, in the same round trip where one server holds both.
        """
        json_args = exact_json.dumps({arg: "" if value is None else value for arg, value in args.items()})
        call = Call(name, (len(keys), *keys, json_args))
        return self._run_both(first, call) if first else self.run(call)

    def run(self, call: Call) -> Any:
        """The reply to one call."""
        try:
            return self.redis.evalsha(self._sha(call.name), *call.args)
        except NoScriptError:  # a new server, or a new master: this gives it the script
            return self.redis.eval(source(call.name, self._publish), *call.args)

    def _run_both(self, first: Call, call: Call) -> Any:
        if not self.is_cluster:
            pipeline = self.redis.pipeline(transaction=False)
            pipeline.evalsha(self._sha(first.name), *first.args)
            pipeline.evalsha(self._sha(call.name), *call.args)
            with suppress(NoScriptError):
                return pipeline.execute()[1]
        self.run(first)
        return self.run(call)

    def run_behind(self, pipeline: Any, call: Call) -> Any:
        """The reply to a call that is sent behind the commands of a pipeline, which runs once they have replied."""
        pipeline.evalsha(self._sha(call.name), *call.args)
        try:
            return pipeline.execute()[-1]
        except NoScriptError:
            return self.run(call)

    def call_each(self, name: str, common: Sequence[Any], each: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """Run a script for several keys: it takes `common`, then the arguments of each key, and returns a value for
        each. That is one call; on a cluster, where a call has keys of one hash slot, it is a call a key, sent together.
        """
        if not self.is_cluster:
            keys, args = [key for key, _ in each], [arg for _, more in each for arg in more]
            return list(self.run(Call(name, (len(keys), *keys, *common, *args))))
        calls = [Call(name, (1, key, *common, *more)) for key, more in each]
        pipeline = self.redis.pipeline(transaction=False)
        for call in calls:
            pipeline.evalsha(self._sha(name), *call.args)
        try:
            return [reply[0] for reply in pipeline.execute()]
        except NoScriptError:
            return [self.run(call)[0] for call in calls]

    def removing(self, members: Sequence[tuple[str, str]]) -> Commands:
        """The commands with which a script removes members of sorted sets, (key, member), that belong to no session. On
        a cluster none: there the caller removes them."""
        if self.is_cluster:
            return []
        pipeline = self.redis.pipeline(transaction=False)
        for key, member in members:
            pipeline.zrem(key, member)
        return commands_of(pipeline)

    def _sha(self, name: str) -> str:
        return _sha(name, self._publish)

    def fields(self, key: str) -> dict[str, str]:
        """A hash as text; empty when there is none."""
        return text_fields(self.redis.hgetall(key))


def commands_of(pipeline: Any) -> Commands:
    """The commands that a pipeline has collected."""
    encode = pipeline.get_encoder().encode
    return [
        [part if type(part) is str else encode(part).decode() for part in command]
        for command, _ in pipeline.command_stack
    ]


@cache
def _sha(name: str, publish: str) -> str:
    return hashlib.sha1(source(name, publish).encode(), usedforsecurity=False).hexdigest()
