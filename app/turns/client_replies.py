"""A client's reply to an open request of a tool: accepted once, and passed to the model in a follow-up turn."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from app import exact_json
from app.catalog import Catalog
from app.errors import Conflict, NotFound, Unauthorized
from app.state.accounts.api_keys import ApiKeys
from app.state.session_fields import Fields
from app.state.sessions import Sessions
from app.state.tools.open_requests import OpenRequest, last_number, open_requests
from app.state.turns.turn_requests import Principal, TurnRequest
from app.turns.current_key import KEY_REFUSED, current_principal
from app.turns.service import TurnService

NEVER_ASKED = "There is no such client request in this session; /api/state shows the open ones in user_state"
NOT_OPEN = "This client request was answered before, or has expired; send a message to have it asked again"


class ClientReplies:
    """Replies of clients to open requests, in every dialect."""

    def __init__(self, turns: TurnService, sessions: Sessions, catalog: Catalog, api_keys: ApiKeys) -> None:
        self._turns = turns
        self._sessions = sessions
        self._catalog = catalog
        self._api_keys = api_keys

    def with_catalog(self, catalog: Catalog) -> ClientReplies:
        """The same with other apps and models."""
        return ClientReplies(self._turns, self._sessions, catalog, self._api_keys)

    def accept(self, session: Fields, numbers: Collection[int], result: dict[str, Any]) -> list[OpenRequest]:
        """Close the requests among `numbers` that are open and start the turn in which the model reads `result`; that
        turn waits for the turns before it. Returns the requests that were closed.

        Raises `NotFound` when none of them was ever asked, `Conflict` when none is open any more, `Unauthorized` when
        the API key of a turn that asked no longer opens its app; nothing changes then.
        """
        while closed := [request for request in open_requests(session) if request.id in numbers]:
            accepted = self._turns.send(session["id"], self._follow_up(session, closed, result))
            if accepted.outcome in ("started", "waiting"):
                return closed
            if accepted.outcome != "not_open":
                raise Conflict(NOT_OPEN)  # its thread was deleted
            session = self._sessions.get(session["id"]) or {}  # another reply closed one of them: try the rest
        last = last_number(session)
        raise Conflict(NOT_OPEN) if any(0 < number <= last for number in numbers) else NotFound(NEVER_ASKED)

    def _follow_up(self, session: Fields, closed: list[OpenRequest], result: dict[str, Any]) -> TurnRequest:
        first = closed[0]
        numbers = tuple(request.id for request in closed)
        which = f"request {numbers[0]}" if len(numbers) == 1 else f"requests {', '.join(map(str, numbers))}"
        app, model = self._catalog.choice(first.app, session.get("model", ""))
        principals = [self._current(request, app.id) for request in closed]
        return TurnRequest(
            text=f"[The client's answer to {first.tool}, {which}] {exact_json.dumps(result)}",
            app=app.id,
            model=model,
            thread_id=first.thread_id,
            principal=principals[0],
            answers=numbers,
        )

    def _current(self, request: OpenRequest, app: str) -> Principal:
        principal = current_principal(self._api_keys, request.principal, app)
        if principal is None:
            raise Unauthorized(KEY_REFUSED)
        return principal
