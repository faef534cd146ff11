"""Client requests that the client has not answered in time: closed, and the model and the client are told."""

from __future__ import annotations

from app import exact_json
from app.events import sse
from app.state import redis_keys
from app.state.conversation import transcript
from app.state.pairs import frame_pairs
from app.state.scripts import Store
from app.state.tools.client_requests import lives, member
from app.state.tools.open_requests import OpenRequest, open_requests
from app.state.turns.due import Due, overdue, postpone

POSTPONE_SECONDS = 600
"""Until a request that could not be closed is tried again."""

OVERDUE_BATCH = 100
"""Requests that the reaper looks at in one run."""

_TURN_IS_ENDING = -1


class RequestExpiry:
    """The reaper's duty for client requests."""

    subject = "client request"

    def __init__(self, store: Store) -> None:
        self._store = store
        self._redis = store.redis

    def overdue(self) -> list[tuple[str, int]]:
        """Session and number of requests that have expired."""
        members = overdue(self._store, redis_keys.CLIENT_REQUESTS, OVERDUE_BATCH)
        pairs = (entry.split(" ") for entry in members)
        return [(session_id, int(number)) for session_id, number in pairs]

    def handle(self, session_id: str, number: int) -> None:
        """Close an expired request; one that is not open leaves the index. While the turn in its thread is being ended
        nothing happens: the request stays overdue."""
        session = self._store.fields(redis_keys.session(session_id))
        request = next((request for request in open_requests(session) if request.id == number), None)
        if request and self._close(session_id, request) == _TURN_IS_ENDING:
            return
        self._redis.zrem(redis_keys.CLIENT_REQUESTS, member(session_id, number))

    def postpone(self, session_id: str, number: int) -> None:
        """Make the request overdue again in `POSTPONE_SECONDS`."""
        postpone(self._store, [Due(redis_keys.CLIENT_REQUESTS, member(session_id, number), POSTPONE_SECONDS)])

    def _close(self, session_id: str, request: OpenRequest) -> int:
        result = {"status": "expired", "id": request.id}
        event = sse.async_tool_result(request.call_id, request.tool, result, done=True)
        closed = sse.client_request_closed(session_id, [request.id], "expired")
        now = self._store.clock.now_iso()
        message = transcript.step_message(f"{request.run_id}-{request.call_id}-expired", event, now)
        notice = f"Request {request.id} of {request.tool} has expired without a reply; ask for it again"
        args = {
            "number": str(request.id),
            "thread": request.thread_id,
            "run": request.run_id,
            "frame": sse.frame(event).decode(),
            "message": exact_json.dumps(message),
            "event": exact_json.dumps(sse.system_notice(session_id, notice)),
            "updates": frame_pairs([closed, sse.session_tool_result(session_id, event)]),
            "now": now,
        }
        return int(self._store.call("expire_request", [redis_keys.session(session_id)], args | lives(self._store)))
