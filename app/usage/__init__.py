"""The usage of model calls and its cost: tokens, prices, sums. Pure; `app.state.accounts.ledger` stores and adds it up.

Costs are whole nano-dollars (1e-9 US$), so that sums are exact in Redis.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any

NANO = Decimal(10) ** -9

NO_KEY = "-"
"""The API key id of turns that came without a key."""

BUDGET_SPENT = (
    "The budget of this API key is spent for this month; ask the operator for more, or wait for the next month"
)

USER_BUDGET_SPENT = "Your budget is spent for this month; ask the operator for more, or wait for the next month"

_USER = "user/"
"""Begins the ledger's accounts of users. No id of an API key has a slash."""


def user_account(user_id: str) -> str:
    """The account of a user in the ledger, beside those of API keys."""
    return _USER + user_id


def user_of_account(account: str) -> str:
    """The user's id, '' for the account of an API key."""
    return account.removeprefix(_USER) if account.startswith(_USER) else ""


EST_BYTES_PER_TOKEN = 4
"""Estimated size of a token, where there is no tokenizer."""


@dataclass(frozen=True)
class Usage:
    """Tokens of a model call, or of several. Of the `input`, `cached` were read from the provider's cache and `written`
    were written to it. `estimated`: at least partly not the provider's own count."""

    input: int = 0
    output: int = 0
    cached: int = 0
    written: int = 0
    estimated: bool = False


@dataclass(frozen=True)
class Prices:
    """US$ a token, as decimals; the prices of the provider's cache are that of the input if they are ''."""

    input: str
    output: str
    cached: str = ""
    written: str = ""

    @property
    def is_free(self) -> bool:
        """Whether no token costs anything."""
        return not any(map(Decimal, (self.input, self.output, self.cached or "0", self.written or "0")))

    def cost(self, usage: Usage) -> int:
        """The cost in nano-dollars."""
        plain = max(0, usage.input - usage.cached - usage.written)
        dollars = (
            plain * Decimal(self.input)
            + usage.cached * Decimal(self.cached or self.input)
            + usage.written * Decimal(self.written or self.input)
            + usage.output * Decimal(self.output)
        )
        return nano(dollars)


@dataclass(frozen=True)
class ModelCall:
    """A model call that is about to be sent: number `number` of the turn. It counts for `day` (UTC).

    `prompt` is an estimate of the tokens that it sends. `prices` None are unknown. `own_key`: its client's own key
    pays. `user` is the id of the user who asked, '' without owners. This is all that is needed to settle the call if
    its worker dies.
    """

    number: str
    day: str
    api_key_id: str
    app: str
    model: str
    prompt: int
    prices: Prices | None
    own_key: bool = False
    user: str = ""

    @classmethod
    def read(cls, stored: dict[str, Any]) -> ModelCall:
        """Out of its JSON."""
        prices = stored["prices"]
        return cls(**_renamed(stored, "key", "api_key_id") | {"prices": Prices(**prices) if prices else None})

    def stored(self) -> dict[str, Any]:
        """The fields of its JSON."""
        return _stored({**vars(self), "prices": vars(self.prices) if self.prices else None})

    def charge(self, usage: Usage, cost: int | None) -> Charge:
        """Its charge, at a cost in nano-dollars (None: unknown), which is 0 if the client's own key paid."""
        cost = 0 if self.own_key else cost
        return Charge(
            self.number, self.day, self.api_key_id, self.app, self.model, usage, cost, self.own_key, self.user
        )

    def estimated(self, reply_bytes: int) -> Charge:
        """The charge by what is known: the size of the prompt and of the part of the reply that came."""
        usage = Usage(input=self.prompt, output=-(-reply_bytes // EST_BYTES_PER_TOKEN), estimated=True)
        return self.charge(usage, self.prices.cost(usage) if self.prices else None)


@dataclass(frozen=True)
class Charge:
    """The settled usage of one model call of a turn. `cost` is in nano-dollars, None if the price is not known; calls
    by a client's own key cost the operator nothing."""

    number: str
    day: str
    api_key_id: str
    app: str
    model: str
    usage: Usage
    cost: int | None
    own_key: bool
    user: str = ""

    @property
    def accounts(self) -> list[str]:
        """The accounts of the ledger that it counts for."""
        return [self.api_key_id] + ([user_account(self.user)] if self.user else [])

    @classmethod
    def read(cls, stored: dict[str, Any]) -> Charge:
        """Out of its JSON."""
        return cls(**_renamed(stored, "key", "api_key_id") | {"usage": Usage(**stored["usage"])})

    def stored(self) -> dict[str, Any]:
        """The fields of its JSON."""
        return _stored({**vars(self), "usage": vars(self.usage)})

    def totals(self) -> Totals:
        """The totals of this one charge. The turn is counted with its first call."""
        used = self.usage
        return Totals(
            turns=int(self.number == "1"),
            calls=1,
            input=used.input,
            output=used.output,
            cached=used.cached,
            cost=self.cost or 0,
            estimated=int(used.estimated),
            unpriced=int(self.cost is None),
            own_key=int(self.own_key),
        )


@dataclass(frozen=True)
class Totals:
    """Sums over model calls: turns, calls, tokens, nano-dollars; then the numbers of calls that were estimated, that
    have no known price (and are not in `cost`), and that a client's own key paid for (at no cost to the operator)."""

    turns: int = 0
    calls: int = 0
    input: int = 0
    output: int = 0
    cached: int = 0
    cost: int = 0
    estimated: int = 0
    unpriced: int = 0
    own_key: int = 0

    def __add__(self, other: Totals) -> Totals:
        return Totals(**{name: value + getattr(other, name) for name, value in vars(self).items()})

    def shown(self) -> dict[str, Any]:
        """The fields of the API; `cost_usd` is in US$."""
        return {
            "turns": self.turns,
            "model_calls": self.calls,
            "input_tokens": self.input,
            "output_tokens": self.output,
            "cached_tokens": self.cached,
            "cost_usd": dollars(self.cost),
            "estimated_calls": self.estimated,
            "unpriced_calls": self.unpriced,
            "own_key_calls": self.own_key,
        }


MEASURES = tuple(field.name for field in fields(Totals))


def _stored(fields: dict[str, Any]) -> dict[str, Any]:
    """Without a user where there is none, as earlier versions store it and read it."""
    if not fields["user"]:
        del fields["user"]
    return _renamed(fields, "api_key_id", "key")


def _renamed(fields: dict[str, Any], old: str, new: str) -> dict[str, Any]:
    return {new if name == old else name: value for name, value in fields.items()}


def nano(dollars: Decimal) -> int:
    """US$ as whole nano-dollars."""
    return int((dollars / NANO).to_integral_value())


def dollars(nano: int) -> float:
    """Nano-dollars as US$: the nearest double, whose shortest decimal is exact up to nine million dollars."""
    return float(nano * NANO)
