"""Sending a message, for every dialect: accepted, or refused in the API's words."""

from __future__ import annotations

from dataclasses import replace

from app.errors import ApiError, BudgetSpent, Conflict, NotFound, Overloaded, TooManyRequests
from app.state.runs import Accepted, TurnRequest
from app.state.slots import ConcurrencyLimit
from app.usage.budget import SPENT, is_spent
from app.web import parsing
from app.web.address import address
from app.web.current import services

REFUSALS: dict[str, tuple[type[ApiError], str]] = {
    "busy": (Conflict, "The session is busy with a turn; wait, interrupt it, or send with on_busy: enqueue"),
    "full": (TooManyRequests, "Too many messages wait in this session; try again when some are answered"),
    "no_thread": (NotFound, parsing.NO_THREAD),
    "reused": (Conflict, "This Idempotency-Key was sent with another message; use a new key for a new message"),
}


WHO = {"key": "this API key", "address": "this address"}


def send(session_id: str, message: TurnRequest) -> Accepted:
    """Accept the message; the session belongs to the query's client from now on. Raises `ApiError`."""
    parts = services()
    if parts.jobs.waiting() >= parts.settings.max_queue and not parts.runs.was_sent(session_id, message):
        raise Overloaded("All workers are busy and the queue is full; try again in some seconds")
    accepted = parts.turns.send(session_id, replace(_within_budget(session_id, message), holders=_holders()))
    if accepted.lacks:
        most, who = accepted.lacks.most, WHO[accepted.lacks.kind]
        raise TooManyRequests(f"Too many turns run for {who}: at most {most} at once; try again when one has ended")
    if accepted.outcome in REFUSALS:
        error, why = REFUSALS[accepted.outcome]
        raise error(why)
    parsing.bind_client(session_id)
    return accepted


def _within_budget(session_id: str, message: TurnRequest) -> TurnRequest:
    """The message with what its key may cost. Raises `BudgetSpent`, unless the message costs nothing: it was accepted
    before, or the model is asked by a key of the client's own."""
    key = parsing.api_key()
    if key is None or key.budget is None:
        return message
    parts, budget = services(), str(key.budget)
    if is_spent(parts.ledger, key.id, budget) and not parts.runs.was_sent(session_id, message):
        model = parts.catalog.model(message.model)
        client = message.client or parts.vault.client_of(session_id)
        if model is None or model.provider not in parts.vault.provider_keys(client):
            raise BudgetSpent(SPENT)
    return replace(message, budget=budget)


def _holders() -> tuple[ConcurrencyLimit, ...]:
    """Who must have a slot left for the message's turn."""
    settings, key = services().settings, parsing.known_key()
    found = [ConcurrencyLimit("address", address(), settings.turns_per_address)]
    if key:
        most = settings.turns_per_key if key.running_turns is None else key.running_turns
        found.append(ConcurrencyLimit("key", key.id, most))
    return tuple(holder for holder in found if holder.who and holder.most)
