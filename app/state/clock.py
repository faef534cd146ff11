"""The time as Redis holds it: ISO-8601 texts in the fields of hashes, milliseconds or microseconds in scores."""

from __future__ import annotations

from datetime import UTC, datetime


def now_iso(timespec: str = "milliseconds") -> str:
    """The current time, ISO-8601 in UTC with `Z`."""
    return iso(datetime.now(UTC), timespec)


def iso(moment: datetime, timespec: str = "milliseconds") -> str:
    """A time in UTC as `now_iso` writes it: the order of the texts is the order of the times."""
    return moment.isoformat(timespec=timespec).replace("+00:00", "Z")


def now_ms() -> int:
    """The current time in milliseconds since 1970."""
    return int(datetime.now(UTC).timestamp() * 1000)


def now_us() -> int:
    """The current time in microseconds since 1970: a score that orders what is created one after the other."""
    return int(datetime.now(UTC).timestamp() * 1_000_000)
