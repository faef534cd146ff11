"""Sessions, their threads and messages."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from app import exact_json
from app.events import sse
from app.events.entries import StreamEntry
from app.state import deletion, redis_keys, transcript
from app.state.clock import now_iso, now_us
from app.state.deletion import SessionRefs
from app.state.ids import new_id
from app.state.open_requests import open_requests
from app.state.pairs import frame_pairs, from_pairs, text_fields, to_pairs
from app.state.scripts import Store
from app.state.session_fields import Fields, new_session_fields
from app.state.streams import read_stream

_FIRST_PAGE_MESSAGES = 64
"""Messages of a history that are read at first."""


@dataclass(frozen=True)
class Snapshot:
    """A session as of one moment. `thread_id` is None when it has no such thread, '' when it has none at all. The last
    `waiting` messages begin turns that wait, and the turn before those is `running`, or not."""

    session: Fields
    thread_id: str | None
    messages: list[transcript.Message]
    running: bool = False
    waiting: int = 0


class Sessions:
    """Everything a session holds but its turns (see `runs`)."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._redis = store.redis
        self._settings = store.settings

    # sessions

    def create(self, session_id: str, fields: dict[str, str]) -> bool:
        """Make the session with the given `title`, `app`, `user_state` (JSON) and `public_key`, all optional.

        True if it was made; an existing one stays as it is.
        """
        fields = new_session_fields(session_id) | fields
        if fields.get("title"):
            fields["title_source"] = "person"
        args = (self._settings.session_ttl, new_id("create"), *to_pairs(fields))
        made = self._store.call("create", [redis_keys.session(session_id)], *args)
        if made and fields.get("public_key"):
            self._list_under(fields["public_key"], session_id)
        return bool(made)

    def own(self, session_id: str, public_key: str) -> None:
        """List the session under a public key, unless it stands under another one or is gone."""
        if self._store.call("own", [redis_keys.session(session_id)], public_key):
            self._list_under(public_key, session_id)

    def _list_under(self, public_key: str, session_id: str) -> None:
        index = redis_keys.sessions_of(public_key)
        self._redis.zadd(index, {session_id: now_us()}, nx=True)
        self._redis.expire(index, self._settings.session_ttl)
        if not self._redis.exists(redis_keys.session(session_id)):
            self._redis.zrem(index, session_id)  # deleted meanwhile

    def get(self, session_id: str) -> Fields | None:
        """The session's fields, or None."""
        return self._store.fields(redis_keys.session(session_id)) or None

    def owned_by(self, public_key: str) -> list[Fields]:
        """The sessions that `public_key` has made, newest first; those that are gone leave the index."""
        index = redis_keys.sessions_of(public_key)
        ids = [raw.decode() for raw in self._redis.zrevrange(index, 0, -1)]
        pipeline = self._redis.pipeline(transaction=False)
        for session_id in ids:
            pipeline.hgetall(redis_keys.session(session_id))
        found = [text_fields(raw) for raw in pipeline.execute()]
        if gone := [session_id for session_id, fields in zip(ids, found, strict=True) if not fields]:
            self._redis.zrem(index, *gone)
        return [fields for fields in found if fields]

    def delete(self, session_id: str) -> SessionRefs:
        """Remove the session and all that belongs to it in Redis, but for its jobs: `erasing.erase` does the whole."""
        return deletion.remove(self._store, session_id)

    def change(self, session_id: str, fields: dict[str, Any], events: list[sse.Event]) -> bool:
        """Set fields of the session and tell its listeners. False if there is no such session."""
        return self._change(session_id, "", "", fields, events)

    def rename(self, session_id: str, title: str) -> bool:
        """A person gives the session a title, which no model overwrites. False if there is no such session."""
        fields = {"title": title, "title_source": "person", "updated_at": now_iso()}
        return self.change(session_id, fields, [sse.title_changed(session_id, title)])

    def suggest_title(self, session_id: str, thread_id: str, title: str) -> None:
        """A model's title takes the place of the first message's words, never of a person's title."""
        fields = {"title": title, "title_source": "model"}
        self._change(session_id, thread_id, "words", fields, [sse.title_changed(session_id, title, thread_id)])
        if self._redis.zrange(redis_keys.threads(session_id), 0, 0) == [thread_id.encode()]:
            self._change(session_id, "", "words", fields, [sse.title_changed(session_id, title)])

    # threads

    def threads(self, session_id: str) -> list[Fields]:
        """The threads, oldest first: `id`, `title`, `created_at`, `updated_at`."""
        ids = [raw.decode() for raw in self._redis.zrange(redis_keys.threads(session_id), 0, -1)]
        pipeline = self._redis.pipeline(transaction=False)
        for thread_id in ids:
            pipeline.hgetall(redis_keys.thread(session_id, thread_id))
        return [text_fields(raw) for raw in pipeline.execute() if raw]

    def open_thread(self, session_id: str, title: str) -> Fields:
        """Open another thread, unless the session is gone; it is the one that messages without a thread_id go to."""
        made = now_iso()
        thread = {"id": new_id("thread"), "title": title, "created_at": made, "updated_at": made}
        fields = thread | ({"title_source": "person"} if title else {})
        args = (thread["id"], now_us(), self._settings.session_ttl, *to_pairs(fields))
        self._store.call("open", [redis_keys.session(session_id)], *args)
        return thread

    def rename_thread(self, session_id: str, thread_id: str, title: str) -> bool:
        """A person names a thread. False if there is no such thread."""
        fields = {"title": title, "title_source": "person", "updated_at": now_iso()}
        event = sse.title_changed(session_id, title, thread_id)
        return self._change(session_id, thread_id, "", fields, [event])

    def delete_thread(self, session_id: str, thread_id: str) -> bool:
        """Remove a thread and its messages. False if there is no such thread. End its turns first."""
        asked = [request.id for request in open_requests(self.get(session_id) or {}) if request.thread_id == thread_id]
        pipeline = self._redis.pipeline()
        if asked:
            pipeline.hdel(redis_keys.session(session_id), *map(redis_keys.request_field, asked))
        pipeline.zrem(redis_keys.threads(session_id), thread_id)
        pipeline.delete(redis_keys.thread(session_id, thread_id), redis_keys.messages(session_id, thread_id))
        return bool(pipeline.execute()[-2])

    def thread(self, session_id: str, thread_id: str) -> Fields:
        """The thread's fields, {} if there is none."""
        return self._store.fields(redis_keys.thread(session_id, thread_id))

    def has_thread(self, session_id: str, thread_id: str) -> bool:
        """Whether the session has this thread."""
        return self._redis.zscore(redis_keys.threads(session_id), thread_id) is not None

    def messages(self, session_id: str, thread_id: str, most_bytes: float = math.inf) -> list[transcript.Message]:
        """A thread's stored messages as models may read them, oldest first; a running turn's are in its log. With
        `most_bytes`, the newest of them: somewhat more than that, so that a long history costs no more than it must.
        """
        key = redis_keys.messages(session_id, thread_id)
        pipeline = self._redis.pipeline()
        pipeline.llen(key)
        pipeline.lrange(key, -_FIRST_PAGE_MESSAGES, -1)
        length, stored = pipeline.execute()
        left, read = length - len(stored), sum(map(len, stored))
        while left and read <= most_bytes:
            page = self._redis.lrange(key, max(0, left - len(stored)), left - 1)  # as many again
            stored, left, read = page + stored, left - len(page), read + sum(map(len, page))
        return transcript.for_models([exact_json.loads(raw) for raw in stored])

    def snapshot(self, session_id: str, thread_id: str | None) -> Snapshot | None:
        """The session and a thread's messages (None: the newest thread) as of one moment, with the text so far
        of a running turn and what waits behind it. None if the session is unknown."""
        answer = self._store.call("snapshot", [redis_keys.session(session_id)], thread_id)
        if not answer:
            return None
        session = from_pairs(answer[0])
        if len(answer) == 1:
            return Snapshot(session, None, [])
        _, thread, stored, run, frames, said = answer
        messages = [exact_json.loads(raw) for raw in stored]
        if fields := from_pairs(run):
            events = map(sse.parse, frames)
            messages += transcript.fold(fields["id"], events, fields.get("started_at") or fields["queued_at"])
        messages += [exact_json.loads(raw) for raw in said]
        return Snapshot(session, thread.decode(), messages, bool(fields), len(said))

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
        cap, life = self._settings.updates_kept, self._settings.session_ttl
        pairs = to_pairs(fields)
        args = (thread_id, only_source, cap, life, len(pairs), *pairs, *frame_pairs(events))
        return bool(self._store.call("change", [redis_keys.session(session_id)], *args))
