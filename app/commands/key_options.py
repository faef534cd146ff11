"""The values of the options of `aomi keys`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

import click

from app.commands.durations import InvalidDuration, seconds_of
from app.commands.redis_store import open_store
from app.state.clock import iso

NEVER, DEFAULT, NONE = "never", "default", "none"


def redis_now() -> datetime:
    """The time by which keys expire: this machine's clock may differ."""
    return open_store().clock.now()


class Expiry(click.ParamType):
    """A time in the future: a duration from now, or a date."""

    name = "90d|date"

    def __init__(self, now: Callable[[], datetime] = redis_now) -> None:
        self._now = now

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Raises `click.BadParameter`."""
        if value == NEVER:
            return ""
        try:
            moment = _moment(value, now := self._now())
        except ValueError:
            self.fail(f"invalid time {value!r}: use 90d, 12h, 2027-01-31 (UTC) or {NEVER}", param, ctx)
        if moment <= now:
            self.fail(f"{value} is not in the future; to end a key at once, use aomi keys revoke", param, ctx)
        return iso(moment)


class LimitParam(click.ParamType):
    """A limit: a number, or None for the limit of the settings."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | None:
        """Raises `click.BadParameter`."""
        if value == DEFAULT:
            return None
        if not (str(value).isascii() and str(value).isdigit() and len(str(value)) < 10):
            self.fail(f"invalid limit {value!r}: use a number, 0 for no limit, or {DEFAULT}", param, ctx)
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
            self.fail(f"invalid amount {value!r}: use US$ such as 25 or 12.50, or {NONE}", param, ctx)
        return Decimal(f"{amount:f}")  # 1e3 is 1000


def _moment(text: str, now: datetime) -> datetime:
    """Raises `ValueError`."""
    try:
        return now + timedelta(seconds=seconds_of(text))
    except InvalidDuration:
        pass
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def policy_options(command: Any) -> Any:
    """Add an option for each field of `KeyPolicy` except its apps."""
    options = (
        click.option("--label", help="A name for you to recognise it by."),
        click.option("--expires", "expires_at", type=Expiry(), help=f"When it ends: 90d, 12h, 2027-01-31, or {NEVER}."),
        click.option(
            "--requests-per-minute", type=LimitParam(), help=f"0: no limit; {DEFAULT}: the limit of the settings."
        ),
        click.option(
            "--running-turns", type=LimitParam(), help=f"At once. 0: no limit; {DEFAULT}: the limit of the settings."
        ),
        click.option("--budget", type=Dollars(), help=f"US$ a month, or {NONE}."),
    )
    for option in reversed(options):
        command = option(command)
    return command
