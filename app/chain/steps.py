"""Calls on a node, one after the other up to the first that fails."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, NotRequired, TypeVar

from pydantic import BeforeValidator, TypeAdapter, ValidationError
from typing_extensions import TypedDict

from app.chain import reverts
from app.chain.node import NodeConnection
from app.chain.rpc_errors import RpcError

T = TypeVar("T")

UNREADABLE = "gave a result that cannot be read"

Call = Mapping[str, str]
"""A transaction as JSON-RPC has it: `from`, `to`, `value` and `data`, in hex."""


@dataclass(frozen=True)
class Step:
    """The effect of one transaction. `result` is the data that the contract returned, in hex; `revert_reason` is '' on
    success."""

    success: bool
    result: str
    gas_used: int
    revert_reason: str = ""


def _quantity(value: Any) -> int:
    if not isinstance(value, str) or not re.fullmatch("0x[0-9a-fA-F]{1,64}", value):
        raise ValueError
    return int(value, 16)


def _hex(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch("0x([0-9a-fA-F]{2})*", value):
        raise ValueError
    return value


Quantity = Annotated[int, BeforeValidator(_quantity)]
Hex = Annotated[str, BeforeValidator(_hex)]


class _Reverted(TypedDict):
    message: NotRequired[str | None]
    data: NotRequired[str | None]


class _SimulatedCall(TypedDict):
    status: Quantity
    returnData: Hex
    gasUsed: Quantity
    error: NotRequired[_Reverted | None]


class _SimulatedBlock(TypedDict):
    calls: list[_SimulatedCall]


_quantity_adapter: TypeAdapter[int] = TypeAdapter(Quantity)
_hex_adapter: TypeAdapter[str] = TypeAdapter(Hex)
_blocks_adapter: TypeAdapter[list[_SimulatedBlock]] = TypeAdapter(list[_SimulatedBlock])


def _result(node: NodeConnection, adapter: TypeAdapter[T], method: str, *params: Any) -> T:
    try:
        return adapter.validate_python(node.call(method, *params))
    except ValidationError:
        raise node.failed(UNREADABLE) from None


def chain_id(node: NodeConnection) -> int:
    """The node's chain. Raises `BadGateway`, `RpcError`, like all functions here."""
    return _result(node, _quantity_adapter, "eth_chainId")


def in_order(node: NodeConnection, calls: Sequence[Call]) -> tuple[Step, ...]:
    """Each call sees the effects of those before it.

    A node rejects the whole batch for a call that cannot begin, such as one without the funds, and does not say
    which one it is: then those before the last one are tried.
    """
    if not calls:
        return ()
    try:
        batch = {"blockStateCalls": [{"calls": list(calls)}]}
        blocks = _result(node, _blocks_adapter, "eth_simulateV1", batch, "latest")
    except RpcError as error:
        if not error.is_of_transaction:
            raise
        earlier = in_order(node, calls[:-1])
        return earlier if _has_failed(earlier) else (*earlier, _failed_step(error))
    if len(blocks) != 1 or len(blocks[0]["calls"]) != len(calls):
        raise node.failed(UNREADABLE)
    return _until_failure(map(_simulated_step, blocks[0]["calls"]))


def each_alone(node: NodeConnection, calls: Sequence[Call]) -> tuple[Step, ...]:
    """Each call on the chain as it is now."""
    return _until_failure(_step_alone(node, call) for call in calls)


def _step_alone(node: NodeConnection, call: Call) -> Step:
    try:
        result = _result(node, _hex_adapter, "eth_call", call, "latest")
        return Step(True, result, _result(node, _quantity_adapter, "eth_estimateGas", call))
    except RpcError as error:
        if not error.is_of_transaction:
            raise
        return _failed_step(error)


def _simulated_step(call: _SimulatedCall) -> Step:
    if call["status"] == 1:
        return Step(True, call["returnData"], call["gasUsed"])
    error = call.get("error") or {}
    data = error.get("data") or call["returnData"]
    return Step(False, call["returnData"], call["gasUsed"], reverts.reason(data, error.get("message") or ""))


def _failed_step(error: RpcError) -> Step:
    return Step(False, error.data, 0, reverts.reason(error.data, error.message))


def _until_failure(steps: Iterator[Step]) -> tuple[Step, ...]:
    taken: list[Step] = []
    for step in steps:
        taken.append(step)
        if not step.success:
            break
    return tuple(taken)


def _has_failed(steps: tuple[Step, ...]) -> bool:
    return any(not step.success for step in steps)
