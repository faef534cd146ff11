"""What an API key may cost a month."""

from __future__ import annotations

from decimal import Decimal

from app.state.ledger import Ledger
from app.usage import nano
from app.usage.report import today

SPENT = "The budget of this API key is spent for this month; ask the operator for more, or wait for the next month"


def is_spent(ledger: Ledger, key: str, budget: str) -> bool:
    """Whether the key has cost as much this month as it may, in US$; '' is no bound, and asks nobody."""
    return bool(budget) and ledger.spent(key, f"{today():%Y-%m}") >= nano(Decimal(budget))
