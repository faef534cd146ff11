"""Sessions and their threads."""

from __future__ import annotations

from functools import partial
from typing import Any, get_args

from app.config import Settings
from app.events import sse
from app.events.entries import StreamEntry
from app.events.types import Status
from app.state import deletion, redis_keys
from app.state.conversation.histories import Histories
from app.state.conversation.summary import Summary
from app.state.deletion import SessionRefs
from app.state.ids import new_id
from app.state.pages import Page, WantedPage, read_page
from app.state.pairs import frame_pairs, to_pairs
from app.state.scripts import Store
from app.state.session_choices import SeenChoices
from app.state.session_fields import Fields, new_session_fields
from app.state.tools.open_requests import open_requests
from app.state.turns.control_messages import DropWork, compaction_work, title_work
from app.state.turns.run_records import Run
from app.state.turns.streams import read_stream

SUMMARY_FIELDS = (
    *("id", "title", "is_archived", "created_at", "updated_at"),
    *("run", "last_outcome", "updates", "news", "seen"),
)
"""Of a session in a list."""

THREAD_FIELDS = ("id", "title", "created_at", "updated_at", "last_outcome", "news", "seen")


class TooManyThreads(Exception):
    """The session has as many threads as it may have: `most`."""

    def __init__(self, most: int) -> None:
        super().__init__(f"at most {most} threads")
        self.most = most


def opening_args(settings: Settings, session_id: str, thread_id: str) -> dict[str, Any]:
    """Arguments of both scripts that open a thread: limits, and the update that tells of it, for each status that the
    session may have by then."""
    statuses: tuple[Status, ...] = get_args(Status)
    states = {status: sse.frame(sse.state(session_id, status, thread_id=thread_id)).decode() for status in statuses}
    return {
        "states": states,
        "max_threads": settings.max_threads,
        "max_updates": settings.updates_kept,
        "ttl": settings.session_ttl,
    }


class Sessions:
    """The sessions with their threads. Their messages are in `histories`, their turns in `RunStore`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._redis = store.redis
        self._settings = store.settings
        self._clock = store.clock
        self.histories = Histories(store)
        self.choices = SeenChoices()

    # sessions

    def create(self, session_id: str, fields: dict[str, str]) -> bool:
        """Create the session with the given `title`, `app`, `user_state` (JSON) and `public_key`, all optional.

        True if it was created; an existing one stays as it is.
        """
        fields = new_session_fields(session_id, self._clock.now_iso()) | fields
        if fields.get("title"):
            fields["title_source"] = "person"
        args = {"fields": to_pairs(fields), "name": new_id("create"), "ttl": self._settings.session_ttl}
        created = self._store.call("create_session", [redis_keys.session(session_id)], args)
        if created and fields.get("public_key"):
            self._list_under(fields["public_key"], session_id)
        return bool(created)

    def set_public_key(self, session_id: str, public_key: str) -> None:
        """Give the session a public key that lists it, unless it has another one or is gone."""
        if self._store.call("set_public_key", [redis_keys.session(session_id)], {"public_key": public_key}):
            self._list_under(public_key, session_id)

    def _list_under(self, public_key: str, session_id: str) -> None:
        index = redis_keys.sessions_of(public_key)
        self._store.call("list_session", [index], {"session": session_id, "ttl": self._settings.session_ttl})
        if not self._redis.exists(redis_keys.session(session_id)):
            self._redis.zrem(index, session_id)  # it was deleted in between

    def get(self, session_id: str) -> Fields | None:
        """The session's fields, or None."""
        fields = self._store.fields(redis_keys.session(session_id))
        self.choices.learn(session_id, fields)
        return fields or None

    def owned_by(self, public_key: str, wanted: WantedPage) -> Page:
        """A page of the sessions of a public key, newest first; those that are gone leave the index."""
        index = redis_keys.sessions_of(public_key)
        page = read_page(self._store, index, redis_keys.session, SUMMARY_FIELDS, wanted)
        if page.gone:
            self._redis.zrem(index, *page.gone)
        return page

    def delete(self, session_id: str) -> SessionRefs:
        """Delete the session and its keys, but not its jobs: `erasing.erase` also ends its turns and removes those."""
        return deletion.remove(self._store, session_id)

    def change(self, session_id: str, fields: dict[str, Any], events: list[sse.Event]) -> bool:
        """Set fields of the session and publish updates. False if there is no such session."""
        return self._change(session_id, "", "", fields, events)

    def rename(self, session_id: str, title: str) -> bool:
        """Set the title that a person chose; no model overwrites it. False if there is no such session."""
        fields = {"title": title, "title_source": "person", "updated_at": self._clock.now_iso()}
        return self.change(session_id, fields, [sse.title_changed(session_id, title)])

    def mark_seen(self, session_id: str, event: int, thread_id: str = "") -> bool:
        """A person has seen all of the session, or of one thread, up to this event of the update stream. False if there
        is no such thing."""
        args = {"thread": thread_id, "number": event}
        return bool(self._store.call("mark_seen", [redis_keys.session(session_id)], args))

    def suggest_title(self, session_id: str, thread_id: str, title: str) -> None:
        """Replace a title made of the first message's words by a model's title, never a title that a person chose."""
        fields = {"title": title, "title_source": "model"}
        self._change(session_id, thread_id, "words", fields, [sse.title_changed(session_id, title, thread_id)])
        if self._redis.zrange(redis_keys.threads(session_id), 0, 0) == [thread_id.encode()]:
            self._change(session_id, "", "words", fields, [sse.title_changed(session_id, title)])

    def end_compaction(self, run: Run, summary: Summary | None) -> bool:
        """The job that sums up a turn's thread has ended, with a new summary or none. False if its claim is over."""
        updates = []
        if summary:
            event = sse.history_compacted(run.session_id, run.thread_id, summary.message_id, summary.model)
            updates = frame_pairs([event])
        args = {
            "thread": run.thread_id,
            "claim": run.claim,
            "summary": summary.stored() if summary else "",
            "updates": updates,
            "max_updates": self._settings.updates_kept,
            "ttl": self._settings.session_ttl,
        }
        return bool(self._store.call("set_summary", [redis_keys.session(run.session_id)], args))

    # threads

    def threads(self, session_id: str, wanted: WantedPage) -> Page:
        """A page of the threads, newest first: `id`, `title`, `created_at`, `updated_at`."""
        index = redis_keys.threads(session_id)
        return read_page(self._store, index, partial(redis_keys.thread, session_id), THREAD_FIELDS, wanted)

    def open_thread(self, session_id: str, title: str) -> Fields | None:
        """Open another thread; None if the session is gone. Messages without a thread_id go to it from now on.

        Raises `TooManyThreads`.
        """
        now = self._clock.now_iso()
        thread = {"id": new_id("thread"), "title": title, "created_at": now, "updated_at": now}
        fields = thread | ({"title_source": "person"} if title else {})
        args = {
            "thread": thread["id"],
            "fields": to_pairs(fields),
        } | opening_args(self._settings, session_id, thread["id"])
        code = self._store.call("open_thread", [redis_keys.session(session_id)], args)
        if code < 0:
            raise TooManyThreads(self._settings.max_threads)
        return thread if code else None

    def rename_thread(self, session_id: str, thread_id: str, title: str) -> bool:
        """Set the title that a person chose for a thread. False if there is no such thread."""
        fields = {"title": title, "title_source": "person", "updated_at": self._clock.now_iso()}
        event = sse.title_changed(session_id, title, thread_id)
        return self._change(session_id, thread_id, "", fields, [event])

    def delete_thread(self, session_id: str, thread_id: str) -> bool:
        """Remove a thread and its messages. False if there is no such thread. `erase_thread` also ends its turns.

        No message joins the thread from then on, not even one that was accepted before. Jobs that ask for the
        thread's title, or sum it up, are told to stop.
        """
        requests = open_requests(self.get(session_id) or {})
        of_thread = [str(request.id) for request in requests if request.thread_id == thread_id]
        args = {"thread": thread_id, "requests": of_thread}
        deleted = bool(self._store.call("delete_thread", [redis_keys.session(session_id)], args))
        for work in (title_work(thread_id), compaction_work(thread_id)):
            self._redis.publish(redis_keys.CONTROL, DropWork(work).encode())
        return deleted

    def thread(self, session_id: str, thread_id: str) -> Fields:
        """The thread's fields, {} if there is none."""
        return self._store.fields(redis_keys.thread(session_id, thread_id))

    def has_thread(self, session_id: str, thread_id: str) -> bool:
        """Whether the session has this thread."""
        return self._redis.zscore(redis_keys.threads(session_id), thread_id) is not None

    def read_updates(self, session_id: str, after: int) -> list[StreamEntry]:
        """The kept events of the session's update stream after number `after`."""
        return read_stream(self._store, redis_keys.updates(session_id), after)

    def _change(
        self,
        session_id: str,
        thread_id: str,
        only_source: str,
        fields: dict[str, Any],
        events: list[sse.Event],
    ) -> bool:
        args = {
            "thread": thread_id,
            "only_source": only_source,
            "fields": to_pairs(fields),
            "updates": frame_pairs(events),
            "max_updates": self._settings.updates_kept,
            "ttl": self._settings.session_ttl,
        }
        return bool(self._store.call("update_session", [redis_keys.session(session_id)], args))
