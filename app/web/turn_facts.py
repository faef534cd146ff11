"""The facts of turns on their last messages: model, times and usage, for requests with `usage=1`."""

from __future__ import annotations

from typing import Any

from flask import request

from app.state.conversation.transcript import Message
from app.usage import Totals
from app.web.access.caller import api_key_or_none
from app.web.access.users import current_user
from app.web.counted_turns import counted
from app.web.current import services


def wants_usage() -> bool:
    """Whether the query asks for the facts of turns."""
    return request.args.get("usage") == "1"


def with_usage(session_id: str, messages: list[Message]) -> list[Message]:
    """The messages, those that have the facts of their `turn` with what it used, as far as it is counted."""
    runs = [_run_of(one) for one in messages if "turn" in one]
    if runs:
        counted(lambda: services().runs.get(session_id, runs[-1]))
    used = services().ledger.of_turns(session_id, runs)
    sees_cost = bool(used) and _sees_cost()
    return [
        one | {"turn": _shown(one["turn"], used.get(_run_of(one)), sees_cost)} if "turn" in one else one
        for one in messages
    ]


def _run_of(message: Message) -> str:
    """The turn of a reply, whose id is that of the turn and a number."""
    return str(message["id"]).rpartition("-")[0]


def _sees_cost() -> bool:
    """Costs are told to whom /api/usage tells them: the caller has an API key or is a user."""
    key = api_key_or_none()
    return current_user() is not None or (key is not None and not key.expired)


def _shown(facts: dict[str, Any], used: Totals | None, sees_cost: bool) -> dict[str, Any]:
    return {"model": facts["model"], **facts["times"]} | ({"usage": _usage(used, sees_cost)} if used else {})


def _usage(used: Totals, sees_cost: bool) -> dict[str, Any]:
    """A cost without the calls of unknown price would be wrong."""
    hidden = {"turns"} | (set() if sees_cost and not used.unpriced else {"cost_usd"})
    return {name: value for name, value in used.shown().items() if name not in hidden}
