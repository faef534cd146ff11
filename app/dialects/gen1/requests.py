"""Translation of requests: what gen-1 clients send in the query."""

from __future__ import annotations

from typing import Any

from flask import request

from app import exact_json
from app.errors import BadRequest
from app.events import sse
from app.state.session_fields import Fields, session_status, session_user_state
from app.state.tools.open_requests import open_requests, pending
from app.web import parsing
from app.web.access.rate_limits import count_as_write
from app.web.current import services

CAMEL = {"chainId": "chain_id", "isConnected": "is_connected", "ensName": "ens_name"}
"""Alternative spellings in the user state that clients send."""


def user_state_from_query() -> dict[str, Any] | None:
    """The query's `user_state` without the parts that only the server sets, or None. Raises `BadRequest`."""
    raw = request.args.get("user_state")
    if raw is None:
        return None
    try:
        value = exact_json.strict(raw.encode("utf-8", "surrogatepass"))
    except ValueError:
        raise BadRequest("'user_state' must be JSON") from None
    return snake_case(parsing.user_state_of(value))


def snake_case(sent: dict[str, Any]) -> dict[str, Any]:
    """The user state with the names of the reference API."""
    return {CAMEL.get(name, name): value for name, value in sent.items()}


def merged_user_state(stored: dict[str, Any], sent: dict[str, Any]) -> dict[str, Any]:
    """The stored user state updated with the sent one. A disconnected wallet (`is_connected` false) loses its address
    and chain. Raises `BadRequest` when the result is too large."""
    merged = stored | sent
    if sent.get("is_connected") is False:
        merged = {name: value for name, value in merged.items() if name not in ("address", "chain_id")}
    return parsing.user_state_of(merged)


def save_user_state(session_id: str, session: Fields, sent: dict[str, Any]) -> None:
    """Merge the sent user state into the session's. Writes nothing if it is unchanged: clients poll with it twice a
    second. Raises `BadRequest`; `TooManyRequests` when a poll would change it too often."""
    stored = session_user_state(session)
    merged = merged_user_state(stored, sent)
    if merged != stored:
        count_as_write()
        event = sse.state(session_id, session_status(session), user_state=merged | pending(session))
        services().sessions.change(session_id, {"user_state": exact_json.dumps(merged)}, [event])


def request_numbers(session: Fields, kind: str, named: Any) -> list[int]:
    """The client requests that a reply of this kind is for: the named ones, except open ones of another kind. Older
    clients name none; then it is the open request of this kind, if there is only one."""
    kinds = {request.id: request.kind for request in open_requests(session)}
    if named is None:
        of_kind = [number for number in kinds if kinds[number] == kind]
        return of_kind if len(of_kind) == 1 else []
    numbers = map(_number, named if isinstance(named, list) else [named])
    return [number for number in numbers if number and kinds.get(number, kind) == kind]


def _number(value: Any) -> int:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
