"""The Redis client together with the scripts of `lua/`, which make each change of state one atomic step."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from redis.exceptions import NoScriptError

from app import exact_json
from app.config import Settings
from app.state.connection.clients import Client
from app.state.connection.cluster import Cluster
from app.state.pairs import text_fields


class Store:
    """Shared by all parts of the state: `redis`, `settings`, and whether the Redis `is_cluster`."""

    def __init__(self, redis: Client, settings: Settings) -> None:
        self.redis = redis
        self.settings = settings
        self.is_cluster = isinstance(redis, Cluster)

    def call(self, name: str, keys: Sequence[str], args: Mapping[str, Any], first_command: tuple[Any, ...] = ()) -> Any:
        """Run the script `lua/<name>.lua`, which gets `args` as JSON; an argument that is None counts as ''.

        `first_command` runs before the script, in the same round trip where one server holds both.
        """
        json_args = exact_json.dumps({arg: "" if value is None else value for arg, value in args.items()})
        evalsha_args = (len(keys), *keys, json_args)
        if self.is_cluster and first_command:
            self.redis.execute_command(*first_command)
        if self.is_cluster or not first_command:
            return self._run(name, evalsha_args)
        pipeline = self.redis.pipeline(transaction=False)
        pipeline.execute_command(*first_command)
        pipeline.evalsha(_sha(name), *evalsha_args)
        try:
            return pipeline.execute()[1]
        except NoScriptError:
            return self._run(name, evalsha_args)

    def call_each(self, name: str, common: Sequence[Any], each: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """Run a script for several keys: it takes `common`, then the arguments of each key, and returns a value for
        each. That is one call; on a cluster, where a call has keys of one hash slot, it is a call a key, sent together.
        """
        if not self.is_cluster:
            keys, args = [key for key, _ in each], [arg for _, more in each for arg in more]
            return list(self._run(name, (len(keys), *keys, *common, *args)))
        calls = [(1, key, *common, *more) for key, more in each]
        pipeline = self.redis.pipeline(transaction=False)
        for evalsha_args in calls:
            pipeline.evalsha(_sha(name), *evalsha_args)
        try:
            return [reply[0] for reply in pipeline.execute()]
        except NoScriptError:
            return [self._run(name, evalsha_args)[0] for evalsha_args in calls]

    def fields(self, key: str) -> dict[str, str]:
        """A hash as text; empty when there is none."""
        return text_fields(self.redis.hgetall(key))

    def _run(self, name: str, evalsha_args: tuple[Any, ...]) -> Any:
        try:
            return self.redis.evalsha(_sha(name), *evalsha_args)
        except NoScriptError:  # a new server, or a new master: this gives it the script
            return self.redis.eval(source(name), *evalsha_args)


@cache
def source(name: str) -> str:
    """A script as Redis gets it: the names of keys and the shared functions precede it."""
    folder = files("app.state").joinpath("lua")
    return "\n".join(folder.joinpath(f"{part}.lua").read_text() for part in ("keys", "prelude", name))


@cache
def _sha(name: str) -> str:
    return hashlib.sha1(source(name).encode(), usedforsecurity=False).hexdigest()
