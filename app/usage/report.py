"""Usage of keys, users, apps, models, sessions and days, grouped and summed."""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from app.usage import Totals

MAX_DAYS = 1100
"""The longest period of one report."""


class InvalidDays(ValueError):
    """A month, a day or a period is invalid; the message says what is right."""


@dataclass(frozen=True)
class Row:
    """Usage of a key in an app by a model on one day, in one session if that is known."""

    day: str
    key: str
    app: str
    model: str
    totals: Totals
    session: str = ""
    user: str = ""


@dataclass(frozen=True)
class Days:
    """A span of days, both ends included."""

    first: date
    last: date

    def names(self) -> list[str]:
        """Each day, such as `2026-11-24`."""
        return [str(self.first + timedelta(days=n)) for n in range((self.last - self.first).days + 1)]

    def __contains__(self, day: str) -> bool:
        return str(self.first) <= day <= str(self.last)


def month(today: date, name: str = "") -> Days:
    """The month `2026-11`, by default that of `today`. All days are in UTC. Raises `InvalidDays`."""
    name = name or today.isoformat()[:7]
    if not re.fullmatch(r"[0-9]{4}-(0[1-9]|1[0-2])", name) or name < "0001":
        raise InvalidDays(f"A month has the form 2026-11, not {name[:32]!r}")
    year, number = map(int, name.split("-"))
    return Days(date(year, number, 1), date(year, number, calendar.monthrange(year, number)[1]))


def between(today: date, first: str, last: str) -> Days:
    """From day to day, such as 2026-11-24; '' is the first day of that month, or the last day of the month of `today`.
    Raises `InvalidDays`."""
    begin = _day(first) if first else (_day(last) if last else today).replace(day=1)
    end = _day(last) if last else max(begin, month(today).last)
    if not 0 <= (end - begin).days < MAX_DAYS:
        raise InvalidDays(f"Invalid period from {begin} to {end}: the first day comes first, at most {MAX_DAYS} days")
    return Days(begin, end)


def _day(text: str) -> date:
    try:
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise InvalidDays(f"A day has the form 2026-11-24, not {text[:32]!r}")


def total(rows: Iterable[Row]) -> Totals:
    """The sum of all rows."""
    return sum((row.totals for row in rows), Totals())


def grouped(rows: Iterable[Row], by: str) -> dict[str, Totals]:
    """The sums by a field of the rows, in the order of its values."""
    groups: dict[str, Totals] = {}
    for row in rows:
        name = getattr(row, by)
        groups[name] = groups.get(name, Totals()) + row.totals
    return dict(sorted(groups.items()))
