"""The tools that the cases call."""

from __future__ import annotations

import time

from workers.tools import ToolError


def Price(symbol: str) -> dict[str, float]:
    """Return the price of a token.

    Args:
        symbol: Its symbol.
    """
    return {"price": 1.0}


def Now() -> str:
    """Return the time."""
    return "noon"


def Echo(what: str) -> str:
    """Return a text.

    Args:
        what: The text.
    """
    return what


def Opt(count: int = 7) -> int:
    """Return a number.

    Args:
        count: The number.
    """
    return count


def Boom() -> None:
    """Fail."""
    raise RuntimeError("secret-detail of the tool")


def Sorry() -> None:
    """Say why it cannot."""
    raise ToolError("not today")


def Slow(seconds: float) -> str:
    """Take a while.

    Args:
        seconds: How long.
    """
    time.sleep(seconds)
    return "slow"
