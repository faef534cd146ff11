"""A client's answer to what a tool asked of it: accepted once, and told to the model in a follow-up turn."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from app.errors import Conflict, NotFound
from app.services import Services
from app.state.connection.store import dumps
from app.state.open_requests import OpenRequest, last_number, open_requests
from app.state.runs import TurnRequest
from app.state.sessions import Fields

NEVER_ASKED = "There is no such client request in this session; /api/state shows the open ones in user_state"
NOT_OPEN = "This client request was answered before, or has expired; send a message to have it asked again"


def accept(parts: Services, session: Fields, numbers: Collection[int], result: dict[str, Any]) -> list[OpenRequest]:
    """Close those of the requests `numbers` that are open and start the turn in which the model hears `result`; it
    waits for the turns before it. Returns what was closed.

    Raises `NotFound` when none of them was ever asked, `Conflict` when none is open any more; nothing changes then.
    """
    while closed := [request for request in open_requests(session) if request.id in numbers]:
        accepted = parts.turns.send(session["id"], _message(parts, session, closed, result))
        if accepted.outcome in ("started", "waiting"):
            return closed
        if accepted.outcome != "unasked":
            raise Conflict(NOT_OPEN)  # its thread was deleted
        session = parts.sessions.get(session["id"]) or {}  # one of them was answered meanwhile: what of the others?
    last = last_number(session)
    raise Conflict(NOT_OPEN) if any(0 < number <= last for number in numbers) else NotFound(NEVER_ASKED)


def _message(parts: Services, session: Fields, closed: list[OpenRequest], result: dict[str, Any]) -> TurnRequest:
    first = closed[0]
    numbers = tuple(request.id for request in closed)
    which = f"request {numbers[0]}" if len(numbers) == 1 else f"requests {', '.join(map(str, numbers))}"
    app, model = parts.catalog.choice(first.app, session.get("model", ""))
    return TurnRequest(
        text=f"[The client's answer to {first.tool}, {which}] {dumps(result)}",
        app=app.id,
        model=model,
        thread_id=first.thread_id,
        client=first.client,
        key=first.key,
        budget=first.budget,
        answers=numbers,
    )
