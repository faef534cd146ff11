"""The time."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from workers.tools import ToolError


def GetCurrentTime(timezone: str = "UTC") -> dict[str, str]:
    """Get the current date and time.

    Args:
        timezone: An IANA time zone, such as Europe/Berlin.
    """
    try:
        zone = ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ToolError(f"There is no time zone {timezone[:64]!r}; use a name such as Europe/Berlin") from None
    return {"time": datetime.now(zone).isoformat(timespec="seconds"), "timezone": timezone}
