"""Times as Redis holds them. The Redis of a test runs on this machine, so they are those of its clock."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime

from app.usage.report import Days, month


def now() -> datetime:
    """The current time in UTC."""
    return datetime.now(UTC)


def now_ms() -> int:
    """The current time in milliseconds since 1970."""
    return int(time.time() * 1000)


def today() -> date:
    """The current day in UTC."""
    return now().date()


def this_month() -> Days:
    """The current month in UTC."""
    return month(today())
