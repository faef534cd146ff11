"""The arithmetic: percentiles, and many rounds of one figure as a median and a spread."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple


def percentile(values: Iterable[float], share: float) -> float:
    """The smallest value that at least `share` (0 to 1) of all values do not exceed; NaN of nothing."""
    ordered = sorted(values)
    if not ordered:
        return math.nan
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def median(values: Iterable[float]) -> float:
    """The middle value, or the mean of the two in the middle; NaN of nothing."""
    ordered = sorted(values)
    if not ordered:
        return math.nan
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


class Spread(NamedTuple):
    """One figure over the rounds of a run."""

    median: float
    low: float
    high: float
    rounds: int


def spread(values: Iterable[float]) -> Spread:
    """The median of the rounds, the lowest and the highest; rounds without a figure (NaN) count for nothing."""
    known = [value for value in values if not math.isnan(value)]
    return Spread(median(known), min(known, default=math.nan), max(known, default=math.nan), len(known))
