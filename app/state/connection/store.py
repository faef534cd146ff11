"""What every part of the state shares: the client, the scripts, the lives of keys, the clock."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from redis.exceptions import NoScriptError

from app import exact_json
from app.config import Settings
from app.state import redis_keys
from app.state.connection.clients import Client
from app.state.connection.cluster import Cluster


class Store:
    """A Redis client with the server-side scripts of `lua/`, which make each change of state one atomic step."""

    def __init__(self, redis: Client, settings: Settings) -> None:
        self.redis = redis
        self.settings = settings
        self.spread = isinstance(redis, Cluster)

    def call(self, name: str, key_names: list[str], *args: Any, before: tuple[Any, ...] = ()) -> Any:
        """Run the script `lua/<name>.lua`. An argument that is None counts as ''. The command `before` is carried out
        first, in the same round trip where one server holds both."""
        given = (len(key_names), *key_names, *("" if arg is None else arg for arg in args))
        if self.spread and before:
            self.redis.execute_command(*before)
        if self.spread or not before:
            return self._run(name, given)
        pipeline = self.redis.pipeline(transaction=False)
        pipeline.execute_command(*before)
        pipeline.evalsha(_sha(name), *given)
        try:
            return pipeline.execute()[1]
        except NoScriptError:
            return self._run(name, given)

    def call_each(self, name: str, common: Sequence[Any], each: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """Run a script for several keys: it takes `common` and then the arguments of each, and returns an answer for
        each. One call, but on a cluster, where a call has keys of one slot, one for each: they are sent together."""
        if not self.spread:
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


class Entry(NamedTuple):
    """One event of a log or an update stream: its number, counted from 1, its type and its frame. `at` is when a log
    got it, '' for pieces of text."""

    number: int
    kind: str
    frame: bytes
    at: str = ""


def read_stream(store: Store, key: str, after: int, count: int | None = None) -> list[Entry]:
    """The entries of a stream of frames after number `after`, the first `count` of them or all."""
    raw = store.redis.xrange(key, min=f"({after}-0" if after else "-", count=count)
    return [_entry(number, found) for number, found in raw]


def _entry(number: bytes, found: dict[bytes, bytes]) -> Entry:
    at = found.get(b"at", b"").decode()
    return Entry(int(number.split(b"-")[0]), found[b"kind"].decode(), found[b"frame"], at)


def text_fields(raw: Mapping[bytes, bytes]) -> dict[str, str]:
    """A hash's bytes as text."""
    return {name.decode(): value.decode() for name, value in raw.items()}


def from_pairs(raw: Iterable[bytes]) -> dict[str, str]:
    """name, value, name, value ... of a script's answer as a dict."""
    items = iter(raw)
    return {name.decode(): value.decode() for name, value in zip(items, items, strict=True)}


def to_pairs(fields: Mapping[str, Any]) -> list[Any]:
    """A dict as name, value, name, value ...; None counts as ''."""
    return [item for pair in fields.items() for item in pair]


def now(timespec: str = "milliseconds") -> str:
    """This moment, ISO-8601 in UTC with `Z`."""
    return iso(datetime.now(UTC), timespec)


def iso(moment: datetime, timespec: str = "milliseconds") -> str:
    """A moment as `now` writes it, so that their order is that of the texts. It must be in UTC."""
    return moment.isoformat(timespec=timespec).replace("+00:00", "Z")


def milliseconds() -> int:
    """This moment in milliseconds since 1970."""
    return int(datetime.now(UTC).timestamp() * 1000)


def microseconds() -> int:
    """This moment in microseconds since 1970: a score that orders what is made one after the other."""
    return int(datetime.now(UTC).timestamp() * 1_000_000)


def new_id(kind: str) -> str:
    """A fresh id such as `run_4f2a...`."""
    return f"{kind}_{uuid.uuid4().hex}"


def digest(data: bytes) -> str:
    """The SHA-256 of some bytes, in hex."""
    return hashlib.sha256(data).hexdigest()


def dumps(value: Any) -> str:
    """Compact JSON."""
    return exact_json.dumps(value).decode()
