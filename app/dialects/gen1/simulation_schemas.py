"""The JSON of `POST /api/simulate` as types: for /openapi.json, and to validate the body."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, NotRequired

from pydantic import BeforeValidator, Field, WithJsonSchema
from typing_extensions import TypedDict

from app.events.types import exact_schema
from app.web.bodies import expected

ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
MAX_TRANSACTIONS = 16
DATA_CHARACTERS = 256 * 1024
LABEL_CHARACTERS = 500
_DECIMAL = re.compile(r"[0-9]{1,78}")
_HEX = re.compile(r"0x[0-9a-fA-F]{1,64}")
_EXAMPLE = {"type": ["string", "integer"], "pattern": f"^({_DECIMAL.pattern}|{_HEX.pattern})$", "minimum": 0}


def _wei(value: Any) -> Any:
    """Wei as a number, from decimal or hex text, too."""
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        return int(value)
    return int(value, 16) if isinstance(value, str) and _HEX.fullmatch(value) else value


def _cut(value: Any) -> Any:
    return value[:LABEL_CHARACTERS] if isinstance(value, str) else value


Address = Annotated[str, Field(pattern=f"^{ADDRESS.pattern}$")]
ChainId = Annotated[int, Field(strict=True, ge=1, le=2**53)]
Wei = Annotated[int, Field(strict=True, ge=0, lt=2**256), BeforeValidator(_wei), WithJsonSchema(_EXAMPLE)]
Data = Annotated[str, Field(pattern=r"^(0x([0-9a-fA-F]{2})*)?$", max_length=DATA_CHARACTERS)]
Label = Annotated[str, BeforeValidator(_cut)]


class SentTransaction(TypedDict):
    """A transaction that is not signed; `value` in wei, `data` in hex."""

    to: Address
    value: NotRequired[Wei | None]
    data: NotRequired[Data | None]
    label: NotRequired[Label | None]
    chain_id: NotRequired[ChainId | None]


_TRANSACTIONS = (
    f"1 to {MAX_TRANSACTIONS} transactions, each with `to` (0x and 40 hex digits), and if needed `value` (in wei, as "
    "text), `data` (0x and hex), `chain_id` (a number) and `label`"
)
_FROM = "an address, 0x and 40 hex digits"

NewSimulation = TypedDict(
    "NewSimulation",
    {
        "transactions": Annotated[
            list[SentTransaction], Field(min_length=1, max_length=MAX_TRANSACTIONS), expected(_TRANSACTIONS)
        ],
        "from": NotRequired[Annotated[Address | None, expected(_FROM)]],
        "chain_id": NotRequired[Annotated[ChainId | None, expected("the number of a chain, such as 1")]],
    },
)
"""Transactions to simulate, in this order."""


class SimulatedTransaction(TypedDict):
    """The transaction of a step; its value in wei, and in the chain's coin."""

    to: str
    value_wei: str
    value_eth: str
    data: str


class SimulatedStep(TypedDict):
    """The simulated effect of one transaction. `revert_reason` is null if it succeeds."""

    step: int
    label: str
    success: bool
    result: str
    revert_reason: str | None
    gas_used: int
    tx: SimulatedTransaction


class SimulationFee(TypedDict):
    """The payment that the widget adds at the end of the batch."""

    recipient: str
    amount_wei: str
    token: Literal["native"]


SimulationResult = TypedDict(
    "SimulationResult",
    {
        "batch_success": bool,
        "stateful": bool,
        "from": str,
        "network": str,
        "total_gas": int,
        "steps": list[SimulatedStep],
        "fee": NotRequired[SimulationFee],
    },
)
"""`stateful`: each step saw the effects of those before it. The steps end with the first that fails; then there is
no fee."""


@exact_schema(
    result={
        "batch_success": True,
        "stateful": True,
        "from": "0x742d35cc6634c0532925a3b844bc454e4438f44e",
        "network": "eip155:1",
        "total_gas": 21000,
        "steps": [],
        "fee": {"recipient": "0x742d35cc6634c0532925a3b844bc454e4438f44e", "amount_wei": "1", "token": "native"},
    }
)
class SimulationAnswer(TypedDict):
    """The simulated effects of the transactions."""

    result: SimulationResult
