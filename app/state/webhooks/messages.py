"""A message to the receiver of an app: what it tells, and its record in Redis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from app import exact_json
from app.catalog.webhooks import WebhookType
from app.events import sse
from app.events.types import AsyncToolResultEvent
from app.state import redis_keys
from app.state.conversation import transcript
from app.state.ids import sha256_hex
from app.state.pairs import to_pairs
from app.state.turns.run_records import Run

if TYPE_CHECKING:
    from app.state.conversation.feedback import Feedback, Reply
    from app.state.tools.step_calls import StepToolCall  # which puts messages itself

KEPT_SECONDS = 4 * 86400
"""Life of a record: a day of attempts, then the time in which an operator may want them repeated."""

MAX_MESSAGES_BYTES = 256 * 1024
"""Of the turn's messages in one message to a receiver. Longer ones are left out: Redis keeps them for a day if the
receiver is away."""

TYPES: Mapping[str, WebhookType] = {
    "complete": "turn.completed",
    "error": "turn.failed",
    "interrupted": "turn.interrupted",
    "awaiting": "turn.awaiting",
}
"""The type of the end of a turn, by its outcome."""


@dataclass(frozen=True)
class WebhookMessage:
    """`data` is what is known at the end. `usage`, JSON, is added before the first attempt, '' until then, `null` if
    nothing more is known. `messages` are JSON, '' if the app includes none. `since` is when the attempts began,
    `attempts` how many there were."""

    session_id: str
    app: str
    id: str
    type: WebhookType
    run_id: str
    created_at: str
    data: dict[str, Any]
    messages: str = ""
    usage: str = ""
    attempts: int = 0
    since: str = ""
    tried_at: str = ""
    error: str = ""
    """Why the last attempt failed."""

    @property
    def redis_key(self) -> str:
        """Its hash."""
        return redis_keys.webhook(self.session_id, self.app, self.id)

    @property
    def member(self) -> str:
        """The message in the indexes of its app."""
        return member(self.session_id, self.id)

    def body(self) -> bytes:
        """The body of the request: the same bytes in every attempt."""
        data = self.data | {"usage": exact_json.loads(self.usage or "null") or self.data.get("usage")}
        if self.messages:
            data["messages"] = exact_json.loads(self.messages)
        return exact_json.dumps({"type": self.type, "timestamp": self.created_at, "data": data}).encode()

    def put_args(self) -> dict[str, Any]:
        """As `put_webhook` of the scripts takes it."""
        name = self.redis_key.removeprefix(f"{redis_keys.session(self.session_id)}:")
        fields = {"type": self.type, "run": self.run_id, "created_at": self.created_at}
        fields |= {"data": exact_json.dumps(self.data)} | ({"messages": self.messages} if self.messages else {})
        return {"name": name, "fields": to_pairs(fields), "ttl": KEPT_SECONDS}

    @classmethod
    def read(cls, place: tuple[str, str, str], fields: Mapping[str, str]) -> WebhookMessage:
        """Out of the fields of its hash. `place` is session, app and id."""
        return cls(
            *place,
            type=cast(WebhookType, fields["type"]),
            run_id=fields["run"],
            created_at=fields["created_at"],
            data=exact_json.loads(fields["data"]),
            messages=fields.get("messages", ""),
            usage=fields.get("usage", ""),
            attempts=int(fields.get("attempts", "0")),
            since=fields.get("since") or fields["created_at"],
            tried_at=fields.get("tried_at", ""),
            error=fields.get("error", ""),
        )


def of_turn(run: Run, terminal: sse.Event, messages: Sequence[transcript.Message] | None, now: str) -> WebhookMessage:
    """The message of a turn's end. `messages` are those that the turn has added, None to include none."""
    outcome = "awaiting" if terminal.get("awaiting") else sse.outcome(terminal)
    more = {name: terminal[name] for name in ("code", "finish_reason", "awaiting") if name in terminal}
    more |= {"usage": run.usage.shown()} if run.usage else {}
    included = "" if messages is None else _included([run.message, *messages])
    return WebhookMessage(
        run.session_id,
        run.app,
        message_id(run.id),
        TYPES[outcome],
        run.id,
        now,
        _data((run.session_id, run.id, run.thread_id), run.app, run.model, outcome)
        | more
        | _left_out(messages is not None and not included),
        included,
    )


def of_tool(call: StepToolCall, event: AsyncToolResultEvent, model: str, included: bool, now: str) -> WebhookMessage:
    """The message of a tool's last step, which is `included` or not."""
    result = event["result"]
    failed = isinstance(result, dict) and "error" in result
    data = _data((call.session_id, call.run_id, call.thread_id), call.app, model, "error" if failed else "complete")
    messages = _included([transcript.step_message(f"{call.run_id}-{call.call_id}", event, now)]) if included else ""
    data |= {"call_id": call.call_id, "name": call.name} | _left_out(included and not messages)
    own_id = message_id(call.run_id, call.call_id)
    return WebhookMessage(call.session_id, call.app, own_id, "tool.done", call.run_id, now, data, messages)


def of_feedback(session_id: str, reply: Reply, feedback: Feedback, included: bool, now: str) -> WebhookMessage:
    """The message of feedback on a reply. A comment is what a person says: it is `included` or not."""
    own_id = message_id(reply.run_id, exact_json.dumps([reply.message_id, feedback.key, feedback.stored(), now]))
    data = {
        "session_id": session_id,
        "run_id": reply.run_id,
        "thread_id": reply.thread_id,
        "app": reply.app,
        "message_id": reply.message_id,
        "key": feedback.key,
        "rating": feedback.rating,
        "score": feedback.score,
    } | ({"comment": feedback.comment} if included else {})
    return WebhookMessage(session_id, reply.app, own_id, "feedback.given", reply.run_id, now, data)


def message_id(run_id: str, part: str = "") -> str:
    """The id of the message of a turn's end, or of a `part` of it: a tool's end by its call, feedback. It is the same
    whichever process makes it, and has no `.`, which separates what is signed."""
    of_part = f"_{sha256_hex(part.encode())[:16]}" if part else ""
    return f"msg_{run_id.rpartition('_')[2]}{of_part}"


def run_of(own_id: str) -> str:
    """The turn that a message is about."""
    return f"run_{own_id.split('_')[1]}"


def member(session_id: str, own_id: str) -> str:
    """A message in an index."""
    return f"{session_id} {own_id}"


def _data(place: tuple[str, str, str], app: str, model: str, outcome: str) -> dict[str, Any]:
    session_id, run_id, thread_id = place
    return {
        "session_id": session_id,
        "run_id": run_id,
        "thread_id": thread_id,
        "app": app,
        "model": model,
        "outcome": outcome,
    }


def _included(messages: list[transcript.Message]) -> str:
    """The messages as clients get them, in JSON; '' if they are too long."""
    text = exact_json.dumps(transcript.for_clients(messages))
    return text if len(text.encode()) <= MAX_MESSAGES_BYTES else ""


def _left_out(are_left_out: bool) -> dict[str, bool]:
    return {"messages_left_out": True} if are_left_out else {}
