"""The clock tool."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from workers.tools import ToolError
from workers.tools.clock import GetCurrentTime


def test_without_a_zone_it_is_utc():
    told = datetime.fromisoformat(GetCurrentTime()["time"])
    assert told.utcoffset() == timedelta(0)
    assert abs(datetime.now(UTC) - told) < timedelta(seconds=2)


def test_a_zone_shifts_the_time():
    answer = GetCurrentTime("Asia/Kolkata")
    assert answer["timezone"] == "Asia/Kolkata"
    assert datetime.fromisoformat(answer["time"]).utcoffset() == timedelta(hours=5, minutes=30)


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../etc/passwd", "/etc/passwd", "Europe", "x" * 5000, "a\0b"])
def test_what_is_no_zone_is_refused_with_what_would_be_right(zone):
    with pytest.raises(ToolError, match="use a name such as Europe/Berlin"):
        GetCurrentTime(zone)
