"""Values of the options of `aomi keys`, and the messages for invalid ones."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import click
import pytest

from app.commands.durations import Duration
from app.commands.key_options import Dollars, Expiry, LimitParam

NOW = datetime(2026, 11, 26, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Duration(), "30m", 1800),
        (Duration(), "24h", 86400),
        (Duration(), "0", 0),
        (Expiry(lambda: NOW), "never", ""),
        (Expiry(lambda: NOW), "2099-01-31", "2099-01-31T00:00:00.000Z"),
        (Expiry(lambda: NOW), "2099-01-31T12:00:00+02:00", "2099-01-31T10:00:00.000Z"),
        (LimitParam(), "60", 60),
        (LimitParam(), "0", 0),
        (LimitParam(), "default", None),
        (Dollars(), "12.50", Decimal("12.50")),
        (Dollars(), "none", None),
    ],
)
def test_an_option_is_read(kind, text, value):
    assert kind.convert(text, None, None) == value


def test_an_invalid_time_gets_each_form_of_a_right_one():
    with pytest.raises(click.BadParameter, match=r"'5': use 90d, 12h, 2027-01-31 \(UTC\) or never"):
        Expiry(lambda: NOW).convert("5", None, None)


def test_an_amount_is_kept_as_people_write_it():
    assert str(Dollars().convert("1e3", None, None)) == "1000"


@pytest.mark.parametrize(
    ("kind", "text", "words"),
    [
        (Duration(), "1y", "use 30m, 24h, 90d or 0"),
        (Duration(), "", "use 30m, 24h, 90d or 0"),
        (Duration(), "d", "use 30m, 24h, 90d or 0"),
        (Expiry(lambda: NOW), "soon", "use 90d"),
        (Expiry(lambda: NOW), "99999999d", "use 90d"),
        (Expiry(lambda: NOW), "2020-01-31", "not in the future"),
        (LimitParam(), "-1", "use a number"),
        (LimitParam(), "many", "use a number"),
        (Dollars(), "-1", "use US"),
        (Dollars(), "NaN", "use US"),
        (Dollars(), "a lot", "use US"),
    ],
)
def test_a_wrong_option_says_what_would_be_right(kind, text, words):
    with pytest.raises(click.BadParameter, match=words):
        kind.convert(text, None, None)
