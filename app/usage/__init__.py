"""What model calls use and what that costs: tokens, prices, sums. Pure; kept and added up by `app.state.ledger`.

Costs are whole nano-dollars (1e-9 US$), so that sums are exact in Redis.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from decimal import Decimal
from typing import Any

NANO = Decimal(10) ** -9

NO_KEY = "-"
"""Stands for the API key of turns that came without one."""

BUDGET_SPENT = (
    "The budget of this API key is spent for this month; ask the operator for more, or wait for the next month"
)

EST_BYTES_PER_TOKEN = 4
"""What a token is taken for where no tokenizer is at hand."""


@dataclass(frozen=True)
class Usage:
    """Tokens of a model call, or of several. Of the `input`, `cached` came out of the provider's cache and `written`
    went into it. `estimated`: not, or not all of it, by the provider's own count."""

    input: int = 0
    output: int = 0
    cached: int = 0
    written: int = 0
    estimated: bool = False


@dataclass(frozen=True)
class Prices:
    """US$ a token, as decimals; those of the provider's cache are the input's where they are ''."""

    input: str
    output: str
    cached: str = ""
    written: str = ""

    @property
    def is_free(self) -> bool:
        """Whether no token costs anything."""
        return not any(map(Decimal, (self.input, self.output, self.cached or "0", self.written or "0")))

    def cost(self, usage: Usage) -> int:
        """Nano-dollars."""
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
    """A model call that is about to be made: number `number` of the turn. `day` (UTC) is the one that it counts for.

    `prompt` is about how many tokens it sends. `prices` None are unknown. `own_key`: its client pays, by a key of its
    own. All that is needed to settle it if nobody hears of it again.
    """

    number: str
    day: str
    key: str
    app: str
    model: str
    prompt: int
    prices: Prices | None
    own_key: bool = False

    @classmethod
    def read(cls, stored: dict[str, Any]) -> ModelCall:
        """Out of its JSON."""
        prices = stored["prices"]
        return cls(**stored | {"prices": Prices(**prices) if prices else None})

    def charge(self, usage: Usage, cost: int | None) -> Charge:
        """What it has used, at a cost of that many nano-dollars (None: unknown). By the client's own key it is none."""
        cost = 0 if self.own_key else cost
        return Charge(self.number, self.day, self.key, self.app, self.model, usage, cost, self.own_key)

    def estimated(self, said: int) -> Charge:
        """The charge by what is known: `said` is how many bytes of an answer came."""
        usage = Usage(input=self.prompt, output=-(-said // EST_BYTES_PER_TOKEN), estimated=True)
        return self.charge(usage, self.prices.cost(usage) if self.prices else None)


@dataclass(frozen=True)
class Charge:
    """What one model call of a turn has used, settled. `cost` is in nano-dollars, None if the price is not known; calls
    by a client's own key cost the operator nothing."""

    number: str
    day: str
    key: str
    app: str
    model: str
    usage: Usage
    cost: int | None
    own_key: bool

    @classmethod
    def read(cls, stored: dict[str, Any]) -> Charge:
        """Out of its JSON."""
        return cls(**stored | {"usage": Usage(**stored["usage"])})

    def totals(self) -> Totals:
        """It as a sum of one. The turn counts with its first call."""
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
    """Sums over model calls: turns, calls, tokens, nano-dollars; then how many calls were estimated, have no known
    price (and are not in `cost`), or were made with a client's own key (and cost the operator nothing)."""

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
        return Totals(**{name: value + getattr(other, name) for name, value in asdict(self).items()})

    def shown(self) -> dict[str, Any]:
        """In the API's words; `cost_usd` in US$."""
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


def nano(dollars: Decimal) -> int:
    """US$ in whole nano-dollars."""
    return int((dollars / NANO).to_integral_value())


def dollars(nano: int) -> float:
    """Nano-dollars in US$. The nearest double: its shortest decimal is exact up to nine million dollars."""
    return float(nano * NANO)
