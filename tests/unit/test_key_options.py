"""What may be written for the options of `aomi keys`, and what is said of the rest."""

from __future__ import annotations

from decimal import Decimal

import click
import pytest

from app.commands.key_options import Dollars, Duration, Expiry, LimitParam


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Duration(), "30m", 1800),
        (Duration(), "24h", 86400),
        (Duration(), "0", 0),
        (Expiry(), "never", ""),
        (Expiry(), "2099-01-31", "2099-01-31T00:00:00.000Z"),
        (Expiry(), "2099-01-31T12:00:00+02:00", "2099-01-31T10:00:00.000Z"),
        (LimitParam(), "60", 60),
        (LimitParam(), "0", 0),
        (LimitParam(), "default", None),
        (Dollars(), "12.50", Decimal("12.50")),
        (Dollars(), "none", None),
    ],
)
def test_an_option_is_read(kind, text, value):
    assert kind.convert(text, None, None) == value


def test_an_amount_is_kept_as_people_write_it():
    assert str(Dollars().convert("1e3", None, None)) == "1000"


@pytest.mark.parametrize(
    ("kind", "text", "words"),
    [
        (Duration(), "1y", "write 30m"),
        (Duration(), "", "write 30m"),
        (Duration(), "d", "write 30m"),
        (Expiry(), "soon", "write 90d"),
        (Expiry(), "99999999d", "write 90d"),
        (Expiry(), "2020-01-31", "is over already"),
        (LimitParam(), "-1", "write a number"),
        (LimitParam(), "many", "write a number"),
        (Dollars(), "-1", "write US"),
        (Dollars(), "NaN", "write US"),
        (Dollars(), "a lot", "write US"),
    ],
)
def test_a_wrong_option_says_what_would_be_right(kind, text, words):
    with pytest.raises(click.BadParameter, match=words):
        kind.convert(text, None, None)
