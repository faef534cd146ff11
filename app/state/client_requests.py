"""Client requests: something that a tool asks the client to do, such as to sign. Open until the client has answered
(see `runs.start`) or their life has ended."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from app import exact_json
from app.events import sse
from app.state import redis_keys
from app.state.clock import iso, now_iso, now_ms
from app.state.ids import new_id
from app.state.open_requests import OpenRequest, last_number, open_requests
from app.state.pairs import frame_pairs, to_pairs
from app.state.runs import Run
from app.state.scripts import Store

MAX_OPEN_REQUESTS = 16
"""Requests that may be open in one session."""

MAX_ECHOED_BYTES = 40 * 1024
"""Bytes of the bodies that may be open beside each other, as a query holds them: a client that polls echoes them in its
own."""

MAX_MAILBOX_EVENTS = 100
"""System events that wait for a gen-1 client; the newest are kept."""


class TooManyOpen(Exception):
    """The client has not answered the requests it has."""


class TurnOver(Exception):
    """The turn that asks has ended, so nobody asks any more."""


class ClientRequests:
    """The open requests of all sessions."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._redis = store.redis
        self._settings = store.settings

    def ask(self, run: Run, call_id: str, tool: str, kind: str, body: dict[str, Any]) -> OpenRequest:
        """Ask the client of a running turn, in the name of a tool's call. Raises `TooManyOpen`, `TurnOver`."""
        while True:
            session = self._store.fields(redis_keys.session(run.session_id))
            if _too_many([*(asked.body for asked in open_requests(session)), body]):
                raise TooManyOpen
            request = self._request(run, last_number(session) + 1, (call_id, tool, kind), body)
            deadline = now_ms() + self._settings.wallet_ttl * 1000
            self._redis.zadd(redis_keys.CLIENT_REQUESTS, {member(run.session_id, request.id): deadline})
            asked = self._ask(run.session_id, request)
            if asked == 1:
                return request
            if asked == -2:
                self._redis.zrem(redis_keys.CLIENT_REQUESTS, member(run.session_id, request.id))
            if asked < 0:
                raise TurnOver

    def fetch_events(self, session_id: str, most: int = MAX_MAILBOX_EVENTS) -> list[sse.Event]:
        """Events for a client that polls, oldest first, each delivered once: requests, and notices of their end."""
        args = (most, new_id("fetch"), self._settings.fetch_ttl)
        return [exact_json.loads(raw) for raw in self._store.call("fetch", [redis_keys.session(session_id)], *args)]

    def _request(self, run: Run, number: int, what: tuple[str, str, str], body: dict[str, Any]) -> OpenRequest:
        call_id, tool, kind = what
        end = datetime.now(UTC) + timedelta(seconds=self._settings.wallet_ttl)
        return OpenRequest(
            id=number,
            kind=kind,
            body=body,
            tool=tool,
            call_id=call_id,
            run_id=run.id,
            thread_id=run.thread_id,
            app=run.app,
            client=run.client,
            key=run.key,
            budget=run.budget,
            created_at=now_iso(),
            expires_at=iso(end),
        )

    def _ask(self, session_id: str, request: OpenRequest) -> int:
        event = sse.client_request(session_id, request.kind, request.id, request.body, request.expires_at)
        values = {
            "number": request.id,
            "run": request.run_id,
            "request": request.stored(),
            "event": exact_json.dumps(event),
            "name": new_id("ask"),
        }
        return call(self._store, "ask", session_id, [event], values)


def _too_many(bodies: list[dict[str, Any]]) -> bool:
    echoed = len(quote(exact_json.dumps(bodies)))
    return len(bodies) > MAX_OPEN_REQUESTS or (len(bodies) > 1 and echoed > MAX_ECHOED_BYTES)


def call(store: Store, script: str, session_id: str, events: list[sse.Event], values: dict[str, Any]) -> int:
    """Run a script that opens or closes a request: it publishes the `events` and leaves one for a gen-1 client."""
    news = frame_pairs(events)
    common = {
        "most_events": MAX_MAILBOX_EVENTS,
        "event_ttl": store.settings.log_ttl,
        "ttl": store.settings.session_ttl,
        "cap": store.settings.updates_kept,
    }
    return int(store.call(script, [redis_keys.session(session_id)], len(news), *news, *to_pairs(values | common)))


def member(session_id: str, number: int) -> str:
    """A request in the index of open ones."""
    return f"{session_id} {number}"
