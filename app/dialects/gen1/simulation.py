"""Simulation of transactions before the wallet is asked. The widget asks for it each time, and signs none without."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from app.chain.simulation import Simulation, Transaction
from app.chain.steps import Step
from app.dialects.gen1 import simulation_schemas as schemas
from app.errors import BadRequest, NotConfigured
from app.openapi.declare import KNOWN_SESSION, RouteSpec, body, documented
from app.state.session_fields import Fields, session_user_state
from app.web import parsing
from app.web.bodies import json_body, validated
from app.web.current import services

bp = Blueprint("gen1_simulation", __name__)

DECIMALS = 18
"""Of each chain's own coin."""

_FAILS = RouteSpec(refusals=(501, 502, 503))


@bp.post("/api/simulate")
@documented(schemas.SimulationAnswer, KNOWN_SESSION, body(schemas.NewSimulation), _FAILS)
def simulate() -> ResponseReturnValue:
    """The effects of transactions, simulated in order on the operator's node; nothing is signed or sent. Without
    `from` and `chain_id` they are those of the session's user state."""
    simulator = services().simulator
    if simulator is None:
        raise NotConfigured("Transactions cannot be simulated here: the operator has not set AOMI_CHAIN_RPC")
    _, session = parsing.known_session()
    sent = validated(schemas.NewSimulation, json_body())
    sender, chain_id = _sender(sent, session), _chain_id(sent, session)
    transactions = [Transaction(one["to"], one.get("value") or 0, one.get("data") or "0x") for one in _all(sent)]
    simulation = simulator.simulate(chain_id, sender, transactions)
    return jsonify(result=_result(sender, simulation, _all(sent)))


def _all(sent: schemas.NewSimulation) -> list[schemas.SentTransaction]:
    return sent["transactions"]


def _sender(sent: schemas.NewSimulation, session: Fields) -> str:
    """Raises `BadRequest`."""
    sender = sent.get("from") or session_user_state(session).get("address")
    if not isinstance(sender, str) or not schemas.ADDRESS.fullmatch(sender):
        raise BadRequest("'from' must be the sender's address, because the session's user state has none")
    return sender


def _chain_id(sent: schemas.NewSimulation, session: Fields) -> int | None:
    """Raises `BadRequest`."""
    chains = {one.get("chain_id") or sent.get("chain_id") for one in _all(sent)}
    if len(chains) > 1:
        raise BadRequest("The transactions are on several chains; simulate those of each chain on their own")
    chain = chains.pop() or session_user_state(session).get("chain_id")
    return chain if isinstance(chain, int) and chain > 0 else None


def _result(sender: str, simulation: Simulation, sent: list[schemas.SentTransaction]) -> dict[str, Any]:
    """The network's name is its CAIP-2 id. A batch that fails has no fee: the widget then asks no wallet."""
    success = all(step.success for step in simulation.steps)
    return {
        "batch_success": success,
        "stateful": simulation.stateful,
        "from": sender,
        "network": f"eip155:{simulation.chain_id}",
        "total_gas": sum(step.gas_used for step in simulation.steps),
        "steps": [
            _step(number, step, one) for number, (step, one) in enumerate(zip(simulation.steps, sent, strict=False), 1)
        ],
    } | ({"fee": _fee(sender)} if success else {})


def _step(number: int, step: Step, sent: schemas.SentTransaction) -> dict[str, Any]:
    value = sent.get("value") or 0
    return {
        "step": number,
        "label": sent.get("label") or "",
        "success": step.success,
        "result": step.result,
        "revert_reason": step.revert_reason or None,
        "gas_used": step.gas_used,
        "tx": {
            "to": sent["to"],
            "value_wei": str(value),
            "value_eth": _in_coins(value),
            "data": sent.get("data") or "0x",
        },
    }


def _in_coins(wei: int) -> str:
    whole, rest = divmod(wei, 10**DECIMALS)
    return f"{whole}.{rest:0{DECIMALS}d}".rstrip("0").rstrip(".")


def _fee(sender: str) -> dict[str, str]:
    settings = services().settings
    recipient = settings.simulation_fee_recipient
    wei = settings.simulation_fee_wei if recipient else 1
    return {"recipient": recipient or sender, "amount_wei": str(wei), "token": "native"}
