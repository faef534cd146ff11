"""The messages that are due: taken by one worker at a time, and kept until they were delivered or given up."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from app.state import redis_keys
from app.state.pairs import to_pairs
from app.state.scripts import Store
from app.state.turns.due import Due, postpone, set_due
from app.state.webhooks.messages import KEPT_SECONDS, WebhookMessage, member, run_of

PAUSES = (1, 5, 30, 120, 600, 1800, 3600)
"""Seconds behind each failed attempt; the last one from then on."""

TRIED_FOR = timedelta(days=1)
"""From the end of the turn, or an operator's retry, to the last attempt."""


class Place(NamedTuple):
    """A message in the index of its app."""

    session_id: str
    app: str
    message_id: str

    @property
    def member(self) -> str:
        """Its name there."""
        return member(self.session_id, self.message_id)


class Deliveries:
    """The messages of all apps. Redis's clock says when they are due."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._redis = store.redis

    # of workers

    def take_due(self, app: str, count: int, seconds: float) -> list[Place]:
        """At most `count` messages of an app. No other process gets them within `seconds`: then, if this one has died,
        another one sends them again."""
        args = {"count": count, "milliseconds": int(seconds * 1000)}
        due = self._store.call("take_due", [redis_keys.webhooks_due(app)], args)
        return [_place(app, raw) for raw in due]

    def get(self, place: Place) -> WebhookMessage | None:
        """The message; None if there is none any more, or not yet."""
        fields = self._store.fields(redis_keys.webhook(*place))
        return WebhookMessage.read(place, fields) if "data" in fields else None

    def drop_unless_expected(self, place: Place) -> None:
        """Take a message that does not exist out of the index, unless the end of its turn is about to put it."""
        status = self._redis.hget(redis_keys.run(place.session_id, run_of(place.message_id)), "status")
        if status != b"ending":
            self._redis.zrem(redis_keys.webhooks_due(place.app), place.member)

    def with_usage(self, message: WebhookMessage, usage: str) -> WebhookMessage:
        """The message with its turn's usage, which stays the same from now on."""
        self._update(message, {"usage": usage})
        return replace(message, usage=usage)

    def delivered(self, message: WebhookMessage) -> None:
        """The receiver has it."""
        self._drop(Place(message.session_id, message.app, message.id))

    def wait(self, message: WebhookMessage, seconds: float) -> None:
        """The message is due in so many seconds; this was no attempt."""
        postpone(self._store, [_due(message, seconds)])

    def failed(self, message: WebhookMessage, error: str, pause: float = 0) -> bool:
        """An attempt failed: the message is due later, after `pause` seconds at least. False if its day is over: it is
        not sent any more."""
        now, attempts = self._store.clock.now(), message.attempts + 1
        pause = max(PAUSES[min(attempts, len(PAUSES)) - 1], min(pause, PAUSES[-1]))
        if now + timedelta(seconds=pause) > datetime.fromisoformat(message.since) + TRIED_FOR:
            self.give_up(message, error)
            return False
        self._note(message, error)
        postpone(self._store, [_due(message, pause)])
        return True

    def give_up(self, message: WebhookMessage, error: str) -> None:
        """The message is not sent any more. It is kept for a while, so that an operator may have it sent again."""
        if self._note(message, error):
            name = redis_keys.webhooks_failed(message.app)
            left = self._redis.pttl(message.redis_key) / 1000
            set_due(self._store, Due(name, message.member, left, KEPT_SECONDS))
            self._redis.zremrangebyscore(name, 0, int(self._store.clock.now().timestamp() * 1000))
        self._redis.zrem(redis_keys.webhooks_due(message.app), message.member)

    # of operators

    def due(self, app: str) -> list[tuple[Place, datetime]]:
        """The messages of an app and when they are due, the next one first."""
        return self._listed(app, redis_keys.webhooks_due(app))

    def given_up(self, app: str) -> list[tuple[Place, datetime]]:
        """The messages of an app that are not sent any more, and until when they are kept."""
        return self._listed(app, redis_keys.webhooks_failed(app))

    def counts(self, app: str) -> tuple[int, int]:
        """How many messages of an app are due, and how many are not sent any more."""
        return self._redis.zcard(redis_keys.webhooks_due(app)), self._redis.zcard(redis_keys.webhooks_failed(app))

    def drop(self, place: Place) -> None:
        """The message is not sent, and is not kept."""
        self._drop(place)

    def retry(self, place: Place) -> bool:
        """Send the message now, and for another day if that fails. One that a worker is sending at this moment may
        arrive twice, with the same id. False if it does not exist any more."""
        now, key = self._store.clock.now_iso(), redis_keys.webhook(*place)
        name = redis_keys.webhooks_due(place.app)
        if not self._store.call("update_hash", [key], {"fields": to_pairs({"since": now, "attempts": None})}):
            return False
        set_due(self._store, Due(name, place.member, 0, KEPT_SECONDS))
        self._redis.zrem(redis_keys.webhooks_failed(place.app), place.member)
        return True

    def _listed(self, app: str, name: str) -> list[tuple[Place, datetime]]:
        scored = self._redis.zrange(name, 0, -1, withscores=True)
        epoch = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
        return [(_place(app, raw), epoch + timedelta(milliseconds=score)) for raw, score in scored]

    def _note(self, message: WebhookMessage, error: str) -> bool:
        """Note an attempt. False if the message was dropped."""
        now = self._store.clock.now_iso()
        return self._update(message, {"attempts": message.attempts + 1, "error": error, "tried_at": now})

    def _update(self, message: WebhookMessage, fields: dict[str, Any]) -> bool:
        return bool(self._store.call("update_hash", [message.redis_key], {"fields": to_pairs(fields)}))

    def _drop(self, place: Place) -> None:
        """The record first: an entry without one goes by itself."""
        self._redis.unlink(redis_keys.webhook(*place))
        for name in (redis_keys.webhooks_due(place.app), redis_keys.webhooks_failed(place.app)):
            self._redis.zrem(name, place.member)


def _place(app: str, raw: bytes) -> Place:
    session_id, message_id = raw.decode().rsplit(" ", 1)
    return Place(session_id, app, message_id)


def _due(message: WebhookMessage, seconds: float) -> Due:
    return Due(redis_keys.webhooks_due(message.app), message.member, seconds, KEPT_SECONDS)
