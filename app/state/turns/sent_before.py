"""Whether a message was accepted before: its client did not get the reply, and sends it again."""

from __future__ import annotations

from app import exact_json
from app.state import redis_keys
from app.state.ids import sha256_hex
from app.state.scripts import Store
from app.state.turns.turn_requests import TurnRequest

MAX_SEARCHED = 500
"""Threads, the newest of a session, in which a message without a thread is looked for by its `message_id`."""


def was_sent(store: Store, session_id: str, request: TurnRequest) -> bool:
    """Whether a message with this Idempotency-Key was accepted before, whatever it said, or this very message with its
    `message_id`."""
    if request.idempotency_key and store.redis.exists(sent_key(session_id, request)):
        return True
    return bool(request.message_id) and _had_id(store, session_id, request)


def sent_key(session_id: str, request: TurnRequest) -> str:
    """The key of the record of a message's Idempotency-Key."""
    return redis_keys.sent(session_id, sha256_hex(request.idempotency_key.encode()))


def _had_id(store: Store, session_id: str, request: TurnRequest) -> bool:
    """(`earlier_reply` in lua/start.lua is the same.)"""
    field = f"sent:{exact_json.dumps(request.message_id)}"
    pipeline = store.redis.pipeline(transaction=False)
    for thread_id in _threads(store, session_id, request):
        pipeline.hget(redis_keys.message_ids(session_id, thread_id), field)
    body = sha256_hex(request.body).encode()
    return any(sent is not None and sent.endswith(body) for sent in pipeline.execute())


def _threads(store: Store, session_id: str, request: TurnRequest) -> list[str]:
    """The threads that may have the message: another one may have been the newest when it was sent first."""
    if request.thread_id:
        return [request.thread_id]
    return [raw.decode() for raw in store.redis.zrevrange(redis_keys.threads(session_id), 0, MAX_SEARCHED - 1)]
