"""Redis's clock: the time that all processes have in common.

The clocks of two machines may differ by minutes. Orders and leases between processes are decided inside scripts, by
Redis's own `TIME`. For what is shown or billed, a process learns that time and carries it on with its monotonic clock.
Times are ISO-8601 texts in the fields of hashes, milliseconds or microseconds in scores.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class RedisClock:
    """The time of Redis, right to a round trip. `ask` reads it from Redis, in microseconds since 1970.

    It is asked once. Later the reaper of the process learns the time with each of its passes.
    """

    def __init__(self, ask: Callable[[], int]) -> None:
        self._ask = ask
        self._learned: tuple[int, float] | None = None

    def learn(self, microseconds: int) -> None:
        """Redis has just told its time."""
        self._learned = microseconds, time.monotonic()

    def now(self) -> datetime:
        """The time in UTC. Raises `Unavailable` while it is not known."""
        if (learned := self._learned) is None:
            learned = self._learned = self._ask(), time.monotonic()
        told, at = learned
        return _EPOCH + timedelta(microseconds=told, seconds=time.monotonic() - at)

    def now_iso(self, timespec: str = "milliseconds") -> str:
        """The time, ISO-8601 in UTC with `Z`."""
        return iso(self.now(), timespec)

    def today(self) -> date:
        """The day in UTC."""
        return self.now().date()


def iso(moment: datetime, timespec: str = "milliseconds") -> str:
    """A time in UTC as `now_iso` writes it: the order of the texts is the order of the times."""
    return moment.isoformat(timespec=timespec).replace("+00:00", "Z")
