"""Translation in: what gen-1 clients put into the query."""

from __future__ import annotations

from typing import Any

from flask import request

from app import exact_json
from app.errors import BadRequest
from app.events import sse
from app.state.open_requests import open_requests, pending
from app.state.session_fields import Fields, session_status, session_user_state
from app.web import parsing
from app.web.current import services

CAMEL = {"chainId": "chain_id", "isConnected": "is_connected", "ensName": "ens_name"}
"""Names of the user state that clients also write so."""


def given_user_state() -> dict[str, Any] | None:
    """The query's `user_state`, without the server's own parts. Raises `BadRequest`."""
    raw = request.args.get("user_state")
    if raw is None:
        return None
    try:
        found = exact_json.strict(raw.encode("utf-8", "surrogatepass"))
    except ValueError:
        raise BadRequest("'user_state' must be JSON") from None
    return snake(parsing.user_state_of(found))


def snake(given: dict[str, Any]) -> dict[str, Any]:
    """The user state with names as this API writes them."""
    return {CAMEL.get(name, name): value for name, value in given.items()}


def merged(known: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """What is known of the user with what is told now: names that are not told stay, a wallet that has left takes its
    address and chain along. Raises `BadRequest` when it is too much."""
    found = known | given
    if given.get("is_connected") is False:
        found = {name: value for name, value in found.items() if name not in ("address", "chain_id")}
    return parsing.user_state_of(found)


def keep_user_state(session_id: str, session: Fields, given: dict[str, Any]) -> None:
    """Merge what is told into the session; the same again, as a poll tells it twice a second, changes nothing."""
    known = session_user_state(session)
    found = merged(known, given)
    if found != known:
        event = sse.state(session_id, session_status(session), user_state=found | pending(session))
        services().sessions.change(session_id, {"user_state": exact_json.dumps(found)}, [event])


def answered(session: Fields, kind: str, named: Any) -> list[int]:
    """The requests that an answer is for: those that it names but for open ones of another kind and, as older clients
    name none, the only open one of its kind."""
    kinds = {asked.id: asked.kind for asked in open_requests(session)}
    if named is None:
        of_kind = [number for number in kinds if kinds[number] == kind]
        return of_kind if len(of_kind) == 1 else []
    numbers = map(_number, named if isinstance(named, list) else [named])
    return [number for number in numbers if number and kinds.get(number, kind) == kind]


def _number(value: Any) -> int:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
