"""Client requests: something that a tool asks the client to do, such as to sign. Open until the client has answered
(see `runs.start`) or their life has ended."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from app import exact_json
from app.events import sse
from app.state import redis_keys, transcript
from app.state.connection.store import Store, dumps, iso, milliseconds, new_id, now, to_pairs
from app.state.open_requests import OpenRequest, last_number, open_requests
from app.state.runs import Run
from app.state.sessions import framed

MOST_OPEN = 16
"""Requests that may be open in one session."""

MOST_ECHOED = 40 * 1024
"""Bytes of the bodies that may be open beside each other, as a query holds them: a client that polls echoes them in its
own."""

MOST_EVENTS = 100
"""System events that wait for a gen-1 client; the newest are kept."""

PUT_OFF = 600


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
            deadline = milliseconds() + self._settings.wallet_ttl * 1000
            self._redis.zadd(redis_keys.CLIENT_REQUESTS, {_member(run.session_id, request.id): deadline})
            asked = self._ask(run.session_id, request)
            if asked == 1:
                return request
            if asked == -2:
                self._redis.zrem(redis_keys.CLIENT_REQUESTS, _member(run.session_id, request.id))
            if asked < 0:
                raise TurnOver

    def overdue(self) -> list[tuple[str, int]]:
        """Session and number of requests whose life has ended."""
        members = self._redis.zrangebyscore(redis_keys.CLIENT_REQUESTS, 0, milliseconds(), start=0, num=100)
        pairs = (member.decode().split(" ") for member in members)
        return [(session_id, int(number)) for session_id, number in pairs]

    def expire(self, session_id: str, number: int) -> None:
        """Remove a request that nobody has answered in time, and say so; one that is not open is forgotten. While the
        turn in its thread is being ended nothing happens: it is overdue the next time, too."""
        session = self._store.fields(redis_keys.session(session_id))
        request = next((found for found in open_requests(session) if found.id == number), None)
        if request and self._expire(session_id, request) == -1:
            return
        self._redis.zrem(redis_keys.CLIENT_REQUESTS, _member(session_id, number))

    def put_off(self, session_id: str, number: int) -> None:
        """A request whose end cannot be brought about is overdue again in `PUT_OFF` seconds."""
        self._redis.zadd(redis_keys.CLIENT_REQUESTS, {_member(session_id, number): milliseconds() + PUT_OFF * 1000})

    def fetch_events(self, session_id: str, most: int = MOST_EVENTS) -> list[sse.Event]:
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
            created_at=now(),
            expires_at=iso(end),
        )

    def _ask(self, session_id: str, request: OpenRequest) -> int:
        event = sse.client_request(session_id, request.kind, request.id, request.body, request.expires_at)
        values = {
            "number": request.id,
            "run": request.run_id,
            "request": request.stored(),
            "event": dumps(event),
            "name": new_id("ask"),
        }
        return self._call("ask", session_id, [event], values)

    def _expire(self, session_id: str, request: OpenRequest) -> int:
        result = {"status": "expired", "id": request.id}
        event = sse.async_tool_result(request.call_id, request.tool, result, done=True)
        closed = sse.client_request_closed(session_id, [request.id], "expired")
        moment = now()
        words = f"Request {request.id} of {request.tool} has expired, as nobody answered it in time; ask for it again"
        values = {
            "number": request.id,
            "thread": request.thread_id,
            "frame": sse.frame(event),
            "message": dumps(transcript.step_message(f"{request.run_id}-{request.call_id}-expired", event, moment)),
            "now": moment,
            "event": dumps(sse.system_notice(session_id, words)),
        }
        return self._call("expire", session_id, [closed, sse.session_tool_result(session_id, event)], values)

    def _call(self, script: str, session_id: str, events: list[sse.Event], values: dict[str, Any]) -> int:
        news = framed(events)
        common = {
            "most_events": MOST_EVENTS,
            "event_ttl": self._settings.log_ttl,
            "ttl": self._settings.session_ttl,
            "cap": self._settings.updates_kept,
        }
        return int(
            self._store.call(script, [redis_keys.session(session_id)], len(news), *news, *to_pairs(values | common))
        )


def _too_many(bodies: list[dict[str, Any]]) -> bool:
    return len(bodies) > MOST_OPEN or (len(bodies) > 1 and len(quote(dumps(bodies))) > MOST_ECHOED)


def _member(session_id: str, number: int) -> str:
    return f"{session_id} {number}"
