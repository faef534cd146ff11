"""The response of /api/usage."""

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict

from app.events.types import exact_schema
from app.usage import Totals as UsageTotals


class Totals(TypedDict):
    """Sums over model calls. `cached_tokens` are part of `input_tokens`. `cost_usd` does not include `unpriced_calls`,
    whose price is unknown, and `own_key_calls`, which clients pay with their own keys. The tokens of `estimated_calls`
    are estimates, because the provider did not report all of them."""

    turns: int
    model_calls: int
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    cost_usd: float
    estimated_calls: int
    unpriced_calls: int
    own_key_calls: int


_TOTALS = UsageTotals(3, 4, 1200, 150, 400, 3500000).shown()


@exact_schema(day="2025-01-15", **_TOTALS)
class UsedOnDay(Totals):
    """Usage on a day, in UTC."""

    day: str


@exact_schema(app="default", **_TOTALS)
class UsedInApp(Totals):
    """Usage in an app."""

    app: str


@exact_schema(model="claude-sonnet", **_TOTALS)
class UsedOfModel(Totals):
    """The usage of a model."""

    model: str


@exact_schema(usd=10.0, spent_usd=0.0035, left_usd=9.9965, until="2025-01-31")
class Budget(TypedDict):
    """The key's budget for this month, in US$. It is renewed on the day after `until`."""

    usd: float
    spent_usd: float
    left_usd: float
    until: str


_USAGE: dict[str, Any] = {
    "key": "0a1b2c3d4e5f",
    "from": "2025-01-01",
    "to": "2025-01-31",
    "total": _TOTALS,
    "by_day": [{"day": "2025-01-15", **_TOTALS}],
    "by_app": [{"app": "default", **_TOTALS}],
    "by_model": [{"model": "claude-sonnet", **_TOTALS}],
    "budget": {"usd": 10.0, "spent_usd": 0.0035, "left_usd": 9.9965, "until": "2025-01-31"},
}

_Span = TypedDict("_Span", {"from": str, "to": str})


@exact_schema(**_USAGE)
class Usage(_Span):
    """Usage of an API key, or of a user (then `key` is null), from one day to another. Days, apps and models without
    usage are not listed. `budget` is null without one."""

    key: str | None
    total: Totals
    by_day: list[UsedOnDay]
    by_app: list[UsedInApp]
    by_model: list[UsedOfModel]
    budget: Budget | None
