"""Usage of keys, apps, models, sessions and days, grouped and summed as somebody wants to see it."""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from app.errors import BadRequest
from app.usage import Totals

MAX_DAYS = 1100
"""Days that one question may be about."""


@dataclass(frozen=True)
class Row:
    """What a key used in an app by a model on one day, in one session if that is known."""

    day: str
    key: str
    app: str
    model: str
    totals: Totals
    session: str = ""


@dataclass(frozen=True)
class Days:
    """From one day to another, both included."""

    first: date
    last: date

    def names(self) -> list[str]:
        """Each of them, such as `2026-11-24`."""
        return [str(self.first + timedelta(days=n)) for n in range((self.last - self.first).days + 1)]

    def __contains__(self, day: str) -> bool:
        return str(self.first) <= day <= str(self.last)


def today() -> date:
    """In UTC, as all days here."""
    return datetime.now(UTC).date()


def month(name: str = "") -> Days:
    """The month `2026-11`, or the one that we have. Raises `BadRequest`."""
    name = name or today().isoformat()[:7]
    if not re.fullmatch(r"[0-9]{4}-(0[1-9]|1[0-2])", name) or name < "0001":
        raise BadRequest(f"A month is written such as 2026-11, not {name[:32]!r}")
    year, number = map(int, name.split("-"))
    return Days(date(year, number, 1), date(year, number, calendar.monthrange(year, number)[1]))


def between(first: str, last: str) -> Days:
    """From day to day, such as 2026-11-24; '' is the first day of that month, or the last. Raises `BadRequest`."""
    begin = _day(first) if first else (_day(last) if last else today()).replace(day=1)
    end = _day(last) if last else max(begin, month().last)
    if not 0 <= (end - begin).days < MAX_DAYS:
        raise BadRequest(f"From {begin} to {end} is no span of days: the first one first, at most {MAX_DAYS} days")
    return Days(begin, end)


def _day(text: str) -> date:
    try:
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise BadRequest(f"A day is written such as 2026-11-24, not {text[:32]!r}")


def total(rows: Iterable[Row]) -> Totals:
    """The sum of all."""
    return sum((row.totals for row in rows), Totals())


def grouped(rows: Iterable[Row], by: str) -> dict[str, Totals]:
    """The sums by a field of the rows, in the order of its values."""
    found: dict[str, Totals] = {}
    for row in rows:
        name = getattr(row, by)
        found[name] = found.get(name, Totals()) + row.totals
    return dict(sorted(found.items()))
