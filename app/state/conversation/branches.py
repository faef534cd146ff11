"""Branches of a thread: which one is active, and threads made of one.

The thread's list of messages is the active branch. What was cut off it is in two hashes beside it, which only the
functions of lua/branches.lua change.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Literal

from app import exact_json
from app.events import sse
from app.state import redis_keys
from app.state.ids import new_id
from app.state.pairs import frame_pairs, to_pairs
from app.state.scripts import Store
from app.state.session_fields import Fields, session_status
from app.state.sessions import TooManyThreads, opening_args

ChoiceOutcome = Literal["chosen", "no_thread", "no_message", "busy"]

_CHOSEN: dict[int, ChoiceOutcome] = {1: "chosen", 0: "no_thread", -1: "no_message", -2: "busy"}
_COPIED, _FULL, _NO_MESSAGE, _UNFINISHED = 1, -1, -2, -3


class NoMessage(Exception):
    """The thread has no such message."""


class UnfinishedMessage(Exception):
    """The message waits for its turn, or is being made."""


class Branches:
    """The branches of all threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._settings = store.settings

    def choose(self, session: Fields, thread_id: str, message_id: str) -> ChoiceOutcome:
        """Make the branch active that leads through a message to its newest leaf. `busy` while a turn of the thread is
        current."""
        session_id = session["id"]
        event = sse.state(session_id, session_status(session), thread_id=thread_id)
        args = {
            "thread": thread_id,
            "message": exact_json.dumps(message_id),
            "updates": frame_pairs([event]),
            "max_updates": self._settings.updates_kept,
            "ttl": self._settings.session_ttl,
        }
        return _CHOSEN[self._store.call("choose_branch", [redis_keys.session(session_id)], args)]

    def fork(self, session_id: str, thread_id: str, message_id: str, title: str) -> Fields | None:
        """Copy the branch that ends with a message into a new thread, which has the old one's title unless one is
        given. Without a `thread_id` it is the newest thread that has the message. None if the session is gone.

        Raises `NoMessage`, `UnfinishedMessage`, `TooManyThreads`.
        """
        for source in [thread_id] if thread_id else self._thread_ids(session_id):
            with suppress(NoMessage):
                return self._copy(session_id, source, message_id, title)
        raise NoMessage

    def _thread_ids(self, session_id: str) -> list[str]:
        return [raw.decode() for raw in self._store.redis.zrevrange(redis_keys.threads(session_id), 0, -1)]

    def _copy(self, session_id: str, thread_id: str, message_id: str, title: str) -> Fields | None:
        source = self._store.fields(redis_keys.thread(session_id, thread_id))
        now = self._store.clock.now_iso()
        given = title or source.get("title", "")
        thread = {"id": new_id("thread"), "title": given, "created_at": now, "updated_at": now}
        title_source = "person" if title else source.get("title_source", "words")
        args: dict[str, Any] = {
            "thread": thread_id,
            "message": exact_json.dumps(message_id),
            "new_thread": thread["id"],
            "fields": to_pairs(thread | {"title_source": title_source}),
        } | opening_args(self._settings, session_id, thread["id"])
        code = self._store.call("fork_thread", [redis_keys.session(session_id)], args)
        if code == _NO_MESSAGE:
            raise NoMessage
        if code == _UNFINISHED:
            raise UnfinishedMessage
        if code == _FULL:
            raise TooManyThreads(self._settings.max_threads)
        return thread if code == _COPIED else None
