"""The messages that a step of the state puts: none for an app without a webhook, which costs nothing then.

An index of another hash slot gets the message first, and leads to it even if the process dies right behind the step. It
becomes due at once when the step has put it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from app.catalog.webhooks import Webhook
from app.events import sse
from app.events.types import AsyncToolResultEvent
from app.state import redis_keys
from app.state.connection.clients import Unavailable
from app.state.conversation import transcript
from app.state.scripts import Call, Store
from app.state.turns.due import Due, set_due, setting
from app.state.turns.run_records import Run
from app.state.webhooks import messages
from app.state.webhooks.messages import KEPT_SECONDS, WebhookMessage, member

if TYPE_CHECKING:
    from app.state.conversation.feedback import Feedback, Reply
    from app.state.tools.step_calls import StepToolCall

EXPECTED_SECONDS = 60
"""Until one looks for a message that a step was about to put."""

WebhookOf = Callable[[str], Webhook | None]
"""The webhook of an app, by the app's id."""


def no_webhook(_: str) -> None:
    """Of a process that puts no messages."""


class WebhookOutbox:
    """Makes the messages of ends, and says when they are due."""

    def __init__(self, store: Store, webhook_of: WebhookOf = no_webhook) -> None:
        self._store = store
        self._webhook_of = webhook_of

    def of_turn(
        self, run: Run, terminal: sse.Event, added: Sequence[transcript.Message], now: str
    ) -> WebhookMessage | None:
        """The message of a turn's end, None if nobody gets one."""
        webhook = self._webhook_of(run.app)
        if webhook is None:
            return None
        message = messages.of_turn(run, terminal, added if webhook.include else None, now)
        return message if webhook.sends(message.type) else None

    def of_tool(self, call: StepToolCall, event: AsyncToolResultEvent, now: str) -> WebhookMessage | None:
        """The message of a tool's last step, None if the step is an earlier one, or nobody gets a message."""
        webhook = self._webhook_of(call.app) if "done" in event else None
        if webhook is None or not webhook.sends("tool.done"):
            return None
        raw = self._store.redis.hget(redis_keys.run(call.session_id, call.run_id), "model")
        return messages.of_tool(call, event, raw.decode() if raw else "", bool(webhook.include), now)

    def of_feedback(self, session_id: str, reply: Reply, feedback: Feedback, now: str) -> WebhookMessage | None:
        """The message of feedback that is given, changed or taken back, None if nobody gets one."""
        webhook = self._webhook_of(reply.app)
        if webhook is None or not webhook.sends("feedback.given"):
            return None
        return messages.of_feedback(session_id, reply, feedback, bool(webhook.include), now)

    def expect(self, message: WebhookMessage | None) -> Call | None:
        """The call before the step that puts the message."""
        return setting(_due(message, EXPECTED_SECONDS), if_new=True) if message else None

    def release(self, message: WebhookMessage, replaced: str = "") -> None:
        """The step has put the message: it is due now. If Redis cannot be told, it is due in a minute. The name of a
        message that it has `replaced` leaves the indexes; without that, a worker takes it out."""
        with suppress(*Unavailable):
            set_due(self._store, _due(message, 0))
            if replaced:
                self._remove(message.app, member(message.session_id, replaced.rpartition(":")[2]))

    def forget(self, message: WebhookMessage) -> None:
        """The step has put nothing: the message is not expected any more."""
        with suppress(*Unavailable):
            self._remove(message.app, message.member)

    def _remove(self, app: str, entry: str) -> None:
        for name in (redis_keys.webhooks_due(app), redis_keys.webhooks_failed(app)):
            self._store.redis.zrem(name, entry)


def put_args(message: WebhookMessage | None) -> dict[str, Any] | str:
    """The argument of the step's script."""
    return message.put_args() if message else ""


def _due(message: WebhookMessage, seconds: float) -> Due:
    return Due(redis_keys.webhooks_due(message.app), message.member, seconds, KEPT_SECONDS)
