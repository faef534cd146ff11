"""Messages that a client brings along: no turn of ours has made them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app import exact_json
from app.state import redis_keys
from app.state.conversation import transcript
from app.state.ids import new_id
from app.state.pairs import to_pairs
from app.state.scripts import Store
from app.state.session_fields import new_session_fields


class SessionBusy(Exception):
    """A turn runs or waits in the session."""


class Imports:
    """Writes them into the history."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def thread(self, session_id: str, messages: Sequence[transcript.Message]) -> str:
        """Create a session with a thread that has these messages, the oldest first. Returns the thread's id."""
        args = self._new_thread(messages)
        args["fields"] = to_pairs(new_session_fields(session_id, args["now"]))
        self._store.call("import_thread", [redis_keys.session(session_id)], args)
        return str(args["thread"])

    def add(self, session_id: str, messages: Sequence[transcript.Message]) -> bool:
        """Add messages behind the last one of the session's newest thread. False if there is no such session.

        Raises `SessionBusy`.
        """
        code = self._store.call("add_messages", [redis_keys.session(session_id)], self._new_thread(messages))
        if code == 0:
            raise SessionBusy
        return bool(code > 0)

    def _new_thread(self, messages: Sequence[transcript.Message]) -> dict[str, Any]:
        now, thread_id = self._store.clock.now_iso(), new_id("thread")
        return {
            "thread": thread_id,
            "thread_fields": to_pairs({"id": thread_id, "title": "", "created_at": now, "updated_at": now}),
            "messages": [exact_json.dumps(message) for message in messages],
            "now": now,
            "ttl": self._store.settings.session_ttl,
        }
