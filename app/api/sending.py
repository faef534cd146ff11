"""Sending a message, for every dialect: accepted, or refused in the API's words."""

from __future__ import annotations

from app.api import inputs
from app.errors import ApiError, Conflict, NotFound, Overloaded, TooManyRequests
from app.services import services
from app.state.runs import Accepted, Message

REFUSALS: dict[str, tuple[type[ApiError], str]] = {
    "busy": (Conflict, "The session is busy with a turn; wait, interrupt it, or send with on_busy: enqueue"),
    "full": (TooManyRequests, "Too many messages wait in this session; try again when some are answered"),
    "no_thread": (NotFound, inputs.NO_THREAD),
    "reused": (Conflict, "This Idempotency-Key was sent with another message; use a new key for a new message"),
}


def send(session_id: str, message: Message) -> Accepted:
    """Accept the message; the session belongs to the query's client from now on. Raises `ApiError`."""
    if services().jobs.waiting() >= services().settings.max_queue:
        raise Overloaded("All workers are busy and the queue is full; try again in some seconds")
    accepted = services().turns.send(session_id, message)
    if accepted.outcome in REFUSALS:
        error, why = REFUSALS[accepted.outcome]
        raise error(why)
    inputs.bind_client(session_id)
    return accepted
