"""Usage of the caller's API key, or of the user."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from app.errors import BadRequest
from app.openapi.declare import KEY, Parameter, RouteSpec, documented
from app.openapi.schemas.usage import Usage
from app.usage import dollars, nano, user_account
from app.usage.report import InvalidDays, Row, between, grouped, month, total
from app.web import parsing
from app.web.access.caller import required_api_key
from app.web.access.users import current_user
from app.web.current import services

bp = Blueprint("usage", __name__)


@dataclass(frozen=True)
class Account:
    """Whose usage it is: its `name` in the ledger, and the id of the API `key`, None for a user."""

    name: str
    key: str | None
    budget: Decimal | None


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
    """Usage and cost of the API key, by day, app and model, and the rest of its budget. With a user's token, those of
    the user."""
    account = _account()
    try:
        days = between(services().ledger.today(), request.args.get("from", ""), request.args.get("to", ""))
    except InvalidDays as error:
        raise BadRequest(str(error)) from None
    ledger, session_id = services().ledger, request.args.get("session_id")
    if session_id is not None:  # not the header: front ends send it with every request
        of_session = ledger.of_session(parsing.checked_session_id(session_id))
        rows = [row for row in of_session if row.day in days and account.key in (None, row.key)]
    else:
        rows = ledger.of_key(account.name, days)
    groups = {f"by_{name}": _listed(rows, name) for name in ("day", "app", "model")}
    about = {"key": account.key, "from": str(days.first), "to": str(days.last)}
    return jsonify(**about, total=total(rows).shown(), **groups, budget=_budget(account))


def _account() -> Account:
    """Raises `Unauthorized`."""
    if user := current_user():  # also beside an API key, which users may share
        return Account(user_account(user.id), None, user.budget)
    key = required_api_key()
    return Account(key.id, key.id, key.budget)


def _listed(rows: list[Row], by: str) -> list[dict[str, Any]]:
    return [{by: name} | totals.shown() for name, totals in grouped(rows, by).items()]


def _budget(account: Account) -> dict[str, Any] | None:
    """This month's budget, None if there is none."""
    if account.budget is None:
        return None
    today = services().ledger.today()
    spent, bound = services().ledger.spent(account.name, f"{today:%Y-%m}"), nano(account.budget)
    left = dollars(max(0, bound - spent))
    return {"usd": dollars(bound), "spent_usd": dollars(spent), "left_usd": left, "until": str(month(today).last)}
