"""How often something may happen in a minute: counted in Redis, by the sliding window of the `limits` library, so that
all webs count together and a minute has no seam."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.storage import RedisStorage
from redis.exceptions import NoScriptError

from app.state import redis_keys
from app.state.connection.clients import Client
from app.state.scripts import Store


@dataclass(frozen=True)
class Rate:
    """`kind` of thing that `who` may do `most` times a minute."""

    kind: str
    who: str
    most: int

    @property
    def item(self) -> RateLimitItem:
        """As the library has it."""
        return RateLimitItemPerMinute(self.most, namespace=self.kind)


@dataclass(frozen=True)
class Exceeded:
    """A rate that is used up; in `wait` seconds there is room again."""

    rate: Rate
    wait: int


class Rates:
    """The rates of all who have any."""

    def __init__(self, store: Store) -> None:
        self._windows = _Windows(store.redis)

    def take(self, rates: Sequence[Rate]) -> Exceeded | None:
        """Count one for each of the rates, in one round trip. The one that is used up for longest, None if none is.

        What is refused counts where there was room. A call whose answer was lost is made again, and may count twice.
        """
        admitted = self._windows.take(rates)
        refused = [rate for rate, good in zip(rates, admitted, strict=True) if not good]
        waits = [Exceeded(rate, self._wait(rate)) for rate in refused]
        return max(waits, key=lambda exceeded: exceeded.wait, default=None)

    def _wait(self, rate: Rate) -> int:
        """Seconds until there is room, if nobody else takes it. The library's own answer is when the count falls next,
        and 0 within the millisecond in which a minute has begun."""
        minute = rate.item.get_expiry()
        before, before_ends, now, now_ends = self._windows.get_sliding_window(rate.item.key_for(rate.who), minute)
        left = now_ends - minute
        if now < rate.most:  # what is in the way is the minute before, by the part of it that is within 60 s
            left = before_ends - minute * (rate.most - now) / max(before, 1)
        return max(1, math.ceil(left))


class _Windows(RedisStorage):
    """The library's storage on a client of ours, for several rates at once."""

    def __init__(self, redis: Client) -> None:
        self._redis = redis
        super().__init__("redis://", key_prefix=redis_keys.RATE)  # its own client never connects

    def get_connection(self, readonly: bool = False) -> Client:
        """What commands go through."""
        return self._redis

    def take(self, rates: Sequence[Rate]) -> list[bool]:
        """Whether there was room in each of the rates, now taken."""
        script, calls = self.lua_acquire_sliding_window, [self._call(rate) for rate in rates]
        pipeline = self._redis.pipeline(transaction=False)
        for names, args in calls:
            pipeline.execute_command("EVALSHA", script.sha, len(names), *names, *args)
        try:
            found = pipeline.execute()
        except NoScriptError:  # a Redis that has just started
            found = [script(names, args) for names, args in calls]
        return [bool(one) for one in found]

    def _call(self, rate: Rate) -> tuple[list[str], list[int]]:
        name, item = rate.item.key_for(rate.who), rate.item
        windows = (self._previous_window_key(name), self._current_window_key(name))
        return [self.prefixed_key(window) for window in windows], [item.amount, item.get_expiry(), 1]
