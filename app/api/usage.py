"""What the caller's API key has used."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from app.errors import Unauthorized
from app.openapi import schemas
from app.openapi.declare import KEY, Parameter, RouteSpec, documented
from app.state.api_keys import ApiKey
from app.usage import dollars, nano
from app.usage.report import Row, between, grouped, month, today, total
from app.web import parsing
from app.web.current import services

bp = Blueprint("usage", __name__)

_DAY = {"type": "string", "pattern": "^([0-9]{4}-[0-9]{2}-[0-9]{2})?$"}
_DAYS = RouteSpec(
    (
        Parameter("from", "query", "The first day (UTC), such as 2026-11-01; that of this month if left out.", _DAY),
        Parameter("to", "query", "The last day; that of this month if left out.", _DAY),
        Parameter("session_id", "query", "What one session used of it, for as long as it is kept."),
    ),
    (400,),
)


@bp.get("/api/usage")
@documented(schemas.Usage, KEY, _DAYS)
def show() -> ResponseReturnValue:
    """What the API key has used and cost, by day, app and model, and what is left of its budget."""
    key = parsing.api_key()
    if key is None:
        raise Unauthorized("An API key is needed: send it as X-API-Key")
    days = between(request.args.get("from", ""), request.args.get("to", ""))
    ledger, session_id = services().ledger, request.args.get("session_id")
    if session_id is not None:  # the header does not count: front ends send it with every request
        found = ledger.of_session(parsing.checked_session_id(session_id))
        rows = [row for row in found if row.key == key.id and row.day in days]
    else:
        rows = ledger.of_key(key.id, days)
    groups = {f"by_{name}": _listed(rows, name) for name in ("day", "app", "model")}
    about = {"key": key.id, "from": str(days.first), "to": str(days.last)}
    return jsonify(**about, total=total(rows).shown(), **groups, budget=_budget(key))


def _listed(rows: list[Row], by: str) -> list[dict[str, Any]]:
    return [{by: name} | totals.shown() for name, totals in grouped(rows, by).items()]


def _budget(key: ApiKey) -> dict[str, Any] | None:
    """That of this month, None if the key has none."""
    if key.budget is None:
        return None
    spent, bound = services().ledger.spent(key.id, f"{today():%Y-%m}"), nano(key.budget)
    left = dollars(max(0, bound - spent))
    return {"usd": dollars(bound), "spent_usd": dollars(spent), "left_usd": left, "until": str(month().last)}
