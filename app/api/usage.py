"""Usage of the caller's API key."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from app.errors import BadRequest
from app.openapi.declare import KEY, Parameter, RouteSpec, documented
from app.openapi.schemas.usage import Usage
from app.state.api_keys import ApiKey
from app.usage import dollars, nano
from app.usage.report import InvalidDays, Row, between, grouped, month, total
from app.web import parsing
from app.web.caller import required_api_key
from app.web.current import services

bp = Blueprint("usage", __name__)

_DAY = {"type": "string", "pattern": "^([0-9]{4}-[0-9]{2}-[0-9]{2})?$"}
_DAYS = RouteSpec(
    (
        Parameter("from", "query", "The first day (UTC), as 2026-11-01; by default the first of this month.", _DAY),
        Parameter("to", "query", "The last day; by default the last of this month.", _DAY),
        Parameter("session_id", "query", "Only what this session used. Known while the session is kept."),
    ),
    (400,),
)


@bp.get("/api/usage")
@documented(Usage, KEY, _DAYS)
def show() -> ResponseReturnValue:
    """Usage and cost of the API key, by day, app and model, and the rest of its budget."""
    key = required_api_key()
    try:
        days = between(services().ledger.today(), request.args.get("from", ""), request.args.get("to", ""))
    except InvalidDays as error:
        raise BadRequest(str(error)) from None
    ledger, session_id = services().ledger, request.args.get("session_id")
    if session_id is not None:  # not the header: front ends send it with every request
        of_session = ledger.of_session(parsing.checked_session_id(session_id))
        rows = [row for row in of_session if row.key == key.id and row.day in days]
    else:
        rows = ledger.of_key(key.id, days)
    groups = {f"by_{name}": _listed(rows, name) for name in ("day", "app", "model")}
    about = {"key": key.id, "from": str(days.first), "to": str(days.last)}
    return jsonify(**about, total=total(rows).shown(), **groups, budget=_budget(key))


def _listed(rows: list[Row], by: str) -> list[dict[str, Any]]:
    return [{by: name} | totals.shown() for name, totals in grouped(rows, by).items()]


def _budget(key: ApiKey) -> dict[str, Any] | None:
    """This month's budget, None if the key has none."""
    if key.budget is None:
        return None
    today = services().ledger.today()
    spent, bound = services().ledger.spent(key.id, f"{today:%Y-%m}"), nano(key.budget)
    left = dollars(max(0, bound - spent))
    return {"usd": dollars(bound), "spent_usd": dollars(spent), "left_usd": left, "until": str(month(today).last)}
