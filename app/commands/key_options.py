"""What may be written for the options of `aomi keys`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

import click

from app.state.clock import iso

UNITS = {"m": 60, "h": 3600, "d": 86400}
NEVER, DEFAULT, NONE = "never", "default", "none"


class Duration(click.ParamType):
    """Seconds, out of `30m`, `24h` or `90d`."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Raises `click.BadParameter`."""
        if isinstance(value, int):
            return value
        found = _seconds(value)
        if found is None:
            self.fail(f"{value!r} is no time: write 30m, 24h or 90d, or 0 for none at all", param, ctx)
        return found


class Expiry(click.ParamType):
    """A moment, out of a time from now or a date."""

    name = "90d|date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Raises `click.BadParameter`."""
        if value == NEVER:
            return ""
        try:
            left = _seconds(value)
            moment = datetime.now(UTC) + timedelta(seconds=left) if left else _date(value)
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is no time: write 90d, 2027-01-31 (UTC), or {NEVER}", param, ctx)
        if moment <= datetime.now(UTC):
            self.fail(f"{value} is over already; to end a key at once: aomi keys revoke", param, ctx)
        return iso(moment)


class LimitParam(click.ParamType):
    """A limit: a number, or None for the one of the settings."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | None:
        """Raises `click.BadParameter`."""
        if value == DEFAULT:
            return None
        if not (str(value).isascii() and str(value).isdigit() and len(str(value)) < 10):
            self.fail(f"{value!r} is no limit: write a number, 0 for no limit, or {DEFAULT}", param, ctx)
        return int(value)


class Dollars(click.ParamType):
    """An amount of US$, or None."""

    name = "dollars"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Decimal | None:
        """Raises `click.BadParameter`."""
        if value == NONE:
            return None
        try:
            amount = Decimal(value)
        except InvalidOperation:
            amount = Decimal(-1)
        if not (amount.is_finite() and 0 <= amount < 10**9):
            self.fail(f"{value!r} is no amount: write US$ such as 25 or 12.50, or {NONE}", param, ctx)
        return Decimal(f"{amount:f}")  # 1e3 is 1000


def _seconds(text: str) -> int | None:
    number, unit = text[:-1], text[-1:]
    if text == "0":
        return 0
    return int(number) * UNITS[unit] if number.isascii() and number.isdigit() and unit in UNITS else None


def _date(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def terms(command: Any) -> Any:
    """Options for what can be set of a key; a command gets those that were given."""
    options = (
        click.option("--label", help="A word for you to know it by."),
        click.option("--expires", "expires_at", type=Expiry(), help=f"When it ends: 90d, 2027-01-31, or {NEVER}."),
        click.option("--requests-per-minute", type=LimitParam(), help=f"0: no limit; {DEFAULT}: that of the settings."),
        click.option(
            "--running-turns", type=LimitParam(), help=f"At once. 0: no limit; {DEFAULT}: that of the settings."
        ),
        click.option("--budget", type=Dollars(), help=f"US$ a month, or {NONE}."),
    )
    for option in reversed(options):
        command = option(command)
    return command
