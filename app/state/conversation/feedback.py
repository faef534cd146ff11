"""Feedback on the replies of threads: a reply has at most one of each key."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any, Literal

from app import exact_json
from app.events import sse
from app.state import redis_keys
from app.state.conversation import transcript
from app.state.conversation.branches import NoMessage, UnfinishedMessage
from app.state.pairs import frame_pairs
from app.state.scripts import Call, Store
from app.state.session_fields import Fields, session_status
from app.state.webhooks.outbox import WebhookOf, WebhookOutbox, no_webhook, put_args

Rating = Literal["up", "down"]

MOST_KEYS = 8
"""Keys of feedback that a reply may have."""

RUN_ID = re.compile(r"run_[0-9A-Za-z]+")
"""The id of a turn: some clients know a reply by it."""

_FULL, _UNFINISHED = -1, -3


class TooManyKeys(Exception):
    """The reply has feedback of `MOST_KEYS` other keys."""


@dataclass(frozen=True)
class Feedback:
    """A rating, a score and a comment, each of which may be missing (None, ''). With none of them it is taken back."""

    key: str
    rating: Rating | None = None
    score: float | None = None
    comment: str = ""

    def stored(self) -> str:
        """The parts that are there, as JSON; '' without any."""
        parts = {"rating": self.rating, "score": self.score, "comment": self.comment or None}
        given = {name: part for name, part in parts.items() if part is not None}
        return exact_json.dumps(given) if given else ""


@dataclass(frozen=True)
class Reply:
    """A reply that feedback is on: its id as clients know it, its turn, the `app` of that, and the `traceparent` that
    it came from, '' if it was not traced. `app` is '' for a reply of an earlier version whose turn is no longer kept.
    """

    thread_id: str
    run_id: str
    app: str
    message_id: str
    traceparent: str


@dataclass(frozen=True)
class Given(Reply):
    """The feedback on a reply after a change, as clients get it, and whether anything `changed`."""

    feedback: list[dict[str, Any]]
    changed: bool


class FeedbackStore:
    """The feedback on the replies of all threads. `webhook_of` an app says who is told of it."""

    def __init__(self, store: Store, webhook_of: WebhookOf = no_webhook) -> None:
        self._store = store
        self._settings = store.settings
        self._webhooks = WebhookOutbox(store, webhook_of)

    def give(self, session: Fields, thread_id: str, message_id: str, feedback: Feedback) -> Given:
        """Keep feedback on a reply, or take it back. `message_id` may be the id of a turn, for its last reply. Without
        a `thread_id` it is the newest thread that has the reply.

        Raises `NoMessage`, `UnfinishedMessage`, `TooManyKeys`.
        """
        for thread in [thread_id] if thread_id else self._thread_ids(session["id"]):
            reply = self._find(session, thread, message_id)
            given = self._give(session, reply, message_id, feedback) if reply else None
            if given:
                return given
        raise NoMessage

    def shown(self, session_id: str, thread_id: str, messages: list[transcript.Message]) -> list[transcript.Message]:
        """Messages of a thread as clients get them, replies with their feedback."""
        replies = [one["id"] for one in messages if one["role"] == "assistant"]
        if not replies:
            return messages
        key = redis_keys.feedback(session_id, thread_id)
        stored = self._store.redis.hmget(key, list(map(exact_json.dumps, replies)))
        found = {id: _as_clients_get_it(raw) for id, raw in zip(replies, stored, strict=True) if raw}
        return [one | {"feedback": found[one["id"]]} if one["id"] in found else one for one in messages]

    def _thread_ids(self, session_id: str) -> list[str]:
        return [raw.decode() for raw in self._store.redis.zrevrange(redis_keys.threads(session_id), 0, -1)]

    def _find(self, session: Fields, thread_id: str, message_id: str) -> Reply | None:
        """None if the thread has no such reply. The webhook of its app must be known before the step that changes
        something."""
        found = _checked(self._call(session, thread_id, message_id, {"look": True}))
        if not found:
            return None
        stored, run_id, app = found
        reply = exact_json.loads(stored)
        app, shown_id = reply.get("app") or app.decode(), transcript.client_id(reply)
        return Reply(thread_id, run_id.decode(), app, shown_id, reply.get("trace", ""))

    def _give(self, session: Fields, reply: Reply, message_id: str, feedback: Feedback) -> Given | None:
        """None if the thread was deleted just now."""
        session_id, now = session["id"], self._store.clock.now_iso()
        changed = sse.state(session_id, session_status(session), thread_id=reply.thread_id)
        webhook = self._webhooks.of_feedback(session_id, reply, feedback, now)
        args = {
            "key": feedback.key,
            "feedback": feedback.stored(),
            "now": now,
            "most": MOST_KEYS,
            "updates": frame_pairs([changed]),
            "max_updates": self._settings.updates_kept,
            "ttl": self._settings.session_ttl,
            "webhook": put_args(webhook),
        }
        answer = self._call(session, reply.thread_id, message_id, args, self._webhooks.expect(webhook))
        if webhook and not (answer[1:] and answer[3]):
            self._webhooks.forget(webhook)
        found = _checked(answer)
        if not found:
            return None
        stored, is_changed, is_put, replaced = found
        if webhook and is_put:
            self._webhooks.release(webhook, replaced.decode())
        return Given(**asdict(reply), feedback=_as_clients_get_it(stored), changed=bool(is_changed))

    def _call(
        self, session: Fields, thread_id: str, message_id: str, args: dict[str, Any], before: Call | None = None
    ) -> list[Any]:
        """As the script returns it."""
        run = message_id if RUN_ID.fullmatch(message_id) else ""
        args |= {"thread": thread_id, "message": exact_json.dumps(message_id), "run": run}
        answer: list[Any] = self._store.call("give_feedback", [redis_keys.session(session["id"])], args, before)
        return answer


def _checked(answer: list[Any]) -> list[Any]:
    """The script's findings; none if the thread has no such reply. Raises `UnfinishedMessage`, `TooManyKeys`."""
    code, *found = answer
    if code == _FULL:
        raise TooManyKeys
    if code == _UNFINISHED:
        raise UnfinishedMessage
    return found


def _as_clients_get_it(stored: bytes) -> list[dict[str, Any]]:
    """The feedback on a reply, the oldest first."""
    by_key = exact_json.loads(stored)
    listed = [{"key": key, **exact_json.loads(one["feedback"]), "created_at": one["at"]} for key, one in by_key.items()]
    return sorted(listed, key=lambda one: (one["created_at"], one["key"]))
