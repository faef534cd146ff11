"""Rates a minute: counted in Redis by the sliding window of the `limits` library, so that all web processes count
together and a new minute does not reset the count."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.storage import RedisStorage
from redis.exceptions import NoScriptError, OutOfMemoryError

from app.state import redis_keys
from app.state.connection.clients import Client
from app.state.scripts import Store


@dataclass(frozen=True)
class Rate:
    """`who` may do the `kind` of thing `per_minute` times a minute."""

    kind: str
    who: str
    per_minute: int

    @property
    def item(self) -> RateLimitItem:
        """The same for the library."""
        return RateLimitItemPerMinute(self.per_minute, namespace=self.kind)


@dataclass(frozen=True)
class Exceeded:
    """A rate that is used up; the next one is possible in `wait` seconds."""

    rate: Rate
    wait: int


class Rates:
    """All rates."""

    def __init__(self, store: Store) -> None:
        self._windows = _Windows(store.redis)

    def take(self, rates: Sequence[Rate]) -> Exceeded | None:
        """Count one for each of the rates, in one round trip. Returns the rate that is used up for longest, if any is.

        While Redis's memory is full nothing is counted or refused: what frees memory must pass, and the rest is refused
        by its own writes.

        A refused request still counts for its other rates. A call whose reply was lost is sent again and may count
        twice.
        """
        try:
            admitted = self._windows.take(rates)
        except OutOfMemoryError:
            return None
        refused = [rate for rate, is_admitted in zip(rates, admitted, strict=True) if not is_admitted]
        return max(
            (Exceeded(rate, self._wait(rate)) for rate in refused), key=lambda exceeded: exceeded.wait, default=None
        )

    def _wait(self, rate: Rate) -> int:
        """Seconds until one more is admitted, if nothing else is counted. (The library's own value is when the count
        falls next, and 0 in the first millisecond of a minute.)"""
        minute = rate.item.get_expiry()
        before, before_ends, now, now_ends = self._windows.get_sliding_window(rate.item.key_for(rate.who), minute)
        left = now_ends - minute
        if now < rate.per_minute:  # the minute before is what counts: the part of it within the last 60 s
            left = before_ends - minute * (rate.per_minute - now) / max(before, 1)
        return max(1, math.ceil(left))


class _Windows(RedisStorage):
    """The library's storage on a client of ours, for several rates at once."""

    def __init__(self, redis: Client) -> None:
        self._redis = redis
        super().__init__("redis://", key_prefix=redis_keys.RATE)  # its own client never connects

    def get_connection(self, readonly: bool = False) -> Client:
        """The client for all commands."""
        return self._redis

    def take(self, rates: Sequence[Rate]) -> list[bool]:
        """Whether each of the rates admitted one more, which is counted then."""
        script, calls = self.lua_acquire_sliding_window, [self._call(rate) for rate in rates]
        pipeline = self._redis.pipeline(transaction=False)
        for names, args in calls:
            pipeline.execute_command("EVALSHA", script.sha, len(names), *names, *args)
        try:
            replies = pipeline.execute()
        except NoScriptError:  # a Redis that has just started
            replies = [script(names, args) for names, args in calls]
        return [bool(reply) for reply in replies]

    def _call(self, rate: Rate) -> tuple[list[str], list[int]]:
        name, item = rate.item.key_for(rate.who), rate.item
        windows = (self._previous_window_key(name), self._current_window_key(name))
        return [self.prefixed_key(window) for window in windows], [item.amount, item.get_expiry(), 1]
