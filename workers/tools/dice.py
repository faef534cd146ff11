"""Dice: a harmless tool, on which the demo shows how calls ask before they run."""

from __future__ import annotations

import secrets
from typing import Annotated

from pydantic import Field


def RollDice(
    count: Annotated[int, Field(ge=1, le=100)] = 1, sides: Annotated[int, Field(ge=2, le=1000)] = 6
) -> dict[str, list[int] | int]:
    """Roll dice.

    Args:
        count: How many dice.
        sides: The number of sides of each.
    """
    rolled = [1 + secrets.randbelow(sides) for _ in range(count)]
    return {"rolled": rolled, "sum": sum(rolled)}
