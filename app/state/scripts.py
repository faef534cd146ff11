"""What every part of the state shares: the client, the scripts, the lives of keys, the clock."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from redis.exceptions import NoScriptError

from app.config import Settings
from app.state import redis_keys
from app.state.connection.clients import Client
from app.state.connection.cluster import Cluster
from app.state.pairs import text_fields


class Store:
    """A Redis client with the server-side scripts of `lua/`, which make each change of state one atomic step."""

    def __init__(self, redis: Client, settings: Settings) -> None:
        self.redis = redis
        self.settings = settings
        self.is_cluster = isinstance(redis, Cluster)

    def call(self, name: str, key_names: list[str], *args: Any, first_command: tuple[Any, ...] = ()) -> Any:
        """Run the script `lua/<name>.lua`. An argument that is None counts as ''. `first_command` runs
        before the script, in the same round trip where one server holds both."""
        given = (len(key_names), *key_names, *("" if arg is None else arg for arg in args))
        if self.is_cluster and first_command:
            self.redis.execute_command(*first_command)
        if self.is_cluster or not first_command:
            return self._run(name, given)
        pipeline = self.redis.pipeline(transaction=False)
        pipeline.execute_command(*first_command)
        pipeline.evalsha(_sha(name), *given)
        try:
            return pipeline.execute()[1]
        except NoScriptError:
            return self._run(name, given)

    def call_each(self, name: str, common: Sequence[Any], each: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """Run a script for several keys: it takes `common` and then the arguments of each, and returns an answer for
        each. One call, but on a cluster, where a call has keys of one slot, one for each: they are sent together."""
        if not self.is_cluster:
            args = [arg for _, more in each for arg in more]
            return list(self.call(name, [key for key, _ in each], *common, *args))
        calls = [(1, key, *common, *more) for key, more in each]
        pipeline = self.redis.pipeline(transaction=False)
        for given in calls:
            pipeline.evalsha(_sha(name), *given)
        try:
            return [answer[0] for answer in pipeline.execute()]
        except NoScriptError:
            return [self._run(name, given)[0] for given in calls]

    def _run(self, name: str, given: tuple[Any, ...]) -> Any:
        try:
            return self.redis.evalsha(_sha(name), *given)
        except NoScriptError:  # a new server, or a new master: this gives it the script
            return self.redis.eval(_source(name), *given)

    def fields(self, key: str) -> dict[str, str]:
        """A hash as text; empty when there is none."""
        return text_fields(self.redis.hgetall(key))


@cache
def _sha(name: str) -> str:
    return hashlib.sha1(_source(name).encode(), usedforsecurity=False).hexdigest()


@cache
def _source(name: str) -> str:
    folder = files("app.state").joinpath("lua")
    return "\n".join(
        [redis_keys.LUA, folder.joinpath("events.lua").read_text(), folder.joinpath(f"{name}.lua").read_text()]
    )
