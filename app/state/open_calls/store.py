"""The open calls of all sessions: found, answered, closed when nobody answers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal

from app import exact_json
from app.events import sse
from app.state import redis_keys
from app.state.conversation import transcript
from app.state.open_calls import results
from app.state.open_calls.pending import answered_frames
from app.state.open_calls.records import AwaitingTurn, OpenCalls
from app.state.pairs import from_pairs
from app.state.scripts import Store
from app.state.turns.due import Due, overdue, postpone, set_due

POSTPONE_SECONDS = 600
"""Until calls that could not be closed are tried again."""

OVERDUE_BATCH = 100
"""Turns that the reaper looks at in one run."""

_NEWEST = 200
"""Messages of a thread in which a call is looked for that does not wait."""

Reason = Literal["expired", "interrupted"]

_CLOSED, _NOT_YET = 1, 2
"""Replies of the script `close_calls`."""

EARLY_SECONDS = 1
"""Until calls are looked at again whose time is not over: they were put into the index before they became open."""

_RESULTS: Mapping[Reason, dict[str, Any]] = {"expired": results.EXPIRED, "interrupted": transcript.INTERRUPTED}


class OpenCallStore:
    """Also the reaper's duty for calls that nobody has answered in time."""

    subject = "turn that waits for an answer"

    def __init__(self, store: Store) -> None:
        self._store = store
        self._redis = store.redis

    def find(self, session_id: str, call_ids: Sequence[str], thread_id: str | None = None) -> AwaitingTurn | None:
        """The turn in which one of these calls waits: of a thread, or of any, the newest first."""
        args = {"thread": thread_id, "calls": list(call_ids)}
        fields = from_pairs(self._store.call("find_open_calls", [redis_keys.session(session_id)], args))
        return AwaitingTurn.read(session_id, fields) if fields else None

    def was_called(self, session_id: str, call_ids: Collection[str], thread_id: str | None = None) -> bool:
        """Whether one of these calls was made before: among those that waited last, or in the newest messages."""
        named = [f'"call_id":{exact_json.dumps(call_id)}'.encode() for call_id in call_ids]
        for thread in self._threads(session_id, thread_id):
            run_id = self._redis.hget(redis_keys.thread(session_id, thread), "awaited")
            closed = (
                OpenCalls.waiting_in(self._store.fields(redis_keys.run(session_id, run_id.decode())))
                if run_id
                else None
            )
            newest = self._redis.lrange(redis_keys.messages(session_id, thread), -_NEWEST, -1)
            if (closed and closed.has_any(call_ids)) or any(name in text for text in newest for name in named):
                return True
        return False

    def _threads(self, session_id: str, thread_id: str | None) -> list[str]:
        if thread_id:
            return [thread_id]
        return [raw.decode() for raw in self._redis.zrevrange(redis_keys.threads(session_id), 0, -1)]

    def expect(self, session_id: str, run_id: str) -> None:
        """Calls of this turn are about to wait: they expire, whatever becomes of this process."""
        set_due(self._store, Due(redis_keys.OPEN_CALLS, member(session_id, run_id), self._ttl))

    def forget(self, session_id: str, run_id: str) -> None:
        """No call of the turn waits any more."""
        self._redis.zrem(redis_keys.OPEN_CALLS, member(session_id, run_id))

    def interrupt(self, session_id: str, run_id: str) -> bool:
        """Close the calls of a turn because a person stops it. False if none of them waits."""
        return self._close(session_id, run_id, "interrupted") == _CLOSED

    @property
    def _ttl(self) -> int:
        return self._store.settings.answer_ttl

    # the reaper's duty

    def overdue(self) -> list[tuple[str, str]]:
        """Session and run of turns whose calls have expired."""
        members = overdue(self._store, redis_keys.OPEN_CALLS, OVERDUE_BATCH)
        turns = (entry.split(" ") for entry in members)
        return [(session_id, run_id) for session_id, run_id in turns]

    def handle(self, session_id: str, run_id: str) -> None:
        """Close the calls of a turn that have expired; a turn without any leaves the index."""
        if self._close(session_id, run_id, "expired") == _NOT_YET:
            self._look_again(session_id, run_id, EARLY_SECONDS)
        else:
            self.forget(session_id, run_id)

    def postpone(self, session_id: str, run_id: str) -> None:
        """Look at the turn again in `POSTPONE_SECONDS`."""
        self._look_again(session_id, run_id, POSTPONE_SECONDS)

    def _look_again(self, session_id: str, run_id: str, seconds: float) -> None:
        postpone(self._store, [Due(redis_keys.OPEN_CALLS, member(session_id, run_id), seconds)])

    def _close(self, session_id: str, run_id: str, reason: Reason) -> int:
        """The reply of the script."""
        fields = self._store.fields(redis_keys.run(session_id, run_id)) if run_id else {}
        turn = AwaitingTurn.read(session_id, fields) if "id" in fields else None
        if turn is None:
            return 0
        is_stop = reason == "interrupted"
        args = {
            "run": run_id,
            "result": exact_json.dumps(_RESULTS[reason]),
            "frames": answered_frames((session_id, turn.thread_id, run_id), turn.open_calls.calls, reason),
            "more": ',"interrupted":true' if is_stop else "",
            "outcome": "interrupted" if is_stop else "",
            "state_frame": sse.frame(sse.state(session_id, "interrupted")).decode() if is_stop else "",
            "expired": 0 if is_stop else 1,
            "max_updates": self._store.settings.updates_kept,
            "ttl": self._store.settings.session_ttl,
        }
        return int(self._store.call("close_calls", [redis_keys.session(session_id)], args))


def member(session_id: str, run_id: str) -> str:
    """A turn in the index."""
    return f"{session_id} {run_id}"
