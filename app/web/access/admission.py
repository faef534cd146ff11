"""Admission of a message, the same for every dialect: accepted, or refused in the API's words."""

from __future__ import annotations

from dataclasses import dataclass, replace

from app.catalog import Catalog
from app.config import Settings
from app.errors import (
    ApiError,
    BadRequest,
    BudgetSpent,
    Conflict,
    MessageIdTaken,
    NotFound,
    Overloaded,
    TooManyRequests,
)
from app.services import Services
from app.state.accounts.ledger import Ledger
from app.state.accounts.vault import Vault
from app.state.conversation.siblings import MAX_SIBLINGS
from app.state.turns.runs import RunStore
from app.state.turns.slots import ConcurrencyLimit
from app.state.turns.turn_requests import Accepted, Principal, TurnRequest
from app.turns.service import TurnService
from app.web.access.caller import Caller
from app.web.parsing import NO_MESSAGE, NO_THREAD


class UnknownMessage(NotFound):
    """The thread has no message that is to be edited or answered again."""


class SessionChanged(Conflict):
    """Another app or model is chosen in the session than the message expects."""


REFUSALS: dict[str, tuple[type[ApiError], str]] = {
    "busy": (Conflict, "The session is busy with a turn; wait, interrupt it, or send with on_busy: enqueue"),
    "changed": (SessionChanged, "The session changed while the message came; send it again"),
    "queue_full": (Overloaded, "All workers are busy and the queue is full; try again in a few seconds"),
    "full": (TooManyRequests, "Too many messages wait in this session; try again after some of them are answered"),
    "no_thread": (NotFound, NO_THREAD),
    "no_message": (UnknownMessage, NO_MESSAGE),
    "still_waits": (Conflict, "This message waits for its turn; withdraw it and send another one"),
    "not_a_persons": (BadRequest, "'edit' must name a user's message; an answer can be made again with 'regenerate'"),
    "siblings_full": (Conflict, f"This message has {MAX_SIBLINGS} siblings, the most that it may have"),
    "id_taken": (MessageIdTaken, "This message_id belongs to another message of the thread; use a new one"),
    "reused": (Conflict, "This Idempotency-Key was sent with another message; use a new key for a new message"),
}
"""By the outcome of `TurnService.send`."""

HOLDERS = {"key": "this API key", "address": "this address", "user": "this user"}


@dataclass(frozen=True)
class Admission:
    """Decides whether a message becomes a turn: queue length, budget, running turns. It needs no HTTP request."""

    runs: RunStore
    turns: TurnService
    ledger: Ledger
    vault: Vault
    catalog: Catalog
    settings: Settings

    @classmethod
    def of(cls, services: Services) -> Admission:
        """On the parts of a process."""
        return cls(
            runs=services.runs,
            turns=services.turns,
            ledger=services.ledger,
            vault=services.vault,
            catalog=services.catalog,
            settings=services.settings,
        )

    def admit(self, session_id: str, message: TurnRequest, caller: Caller, run_id: str = "") -> Accepted:
        """Accept the message for its caller; its turn gets the id `run_id`, a new one without it. From then on the
        session belongs to the caller's client, if there is one.

        Raises `Overloaded`, `BudgetSpent`, `TooManyRequests`, `Conflict`, `NotFound`; then nothing has changed.
        """
        principal = _principal(caller)
        self._check_budgets(session_id, message, principal)
        accepted = self.turns.send(
            session_id,
            replace(
                message,
                run_id=run_id,
                principal=principal,
                limits=self._concurrency_limits(caller),
                binds_client=bool(caller.client),
            ),
            self.settings.max_queue,
        )
        raise_refusal(accepted)
        if caller.client and accepted.outcome not in ("started", "waiting"):
            self.vault.bind(session_id, caller.client)
        return accepted

    def _check_budgets(self, session_id: str, message: TurnRequest, principal: Principal) -> None:
        """Raises `BudgetSpent` if the budget of the caller's key or user is spent for this month, unless the message
        costs nothing: it was accepted before, or a key of the client's own pays for the model."""
        spent = [text for account, budget, text in principal.budgets if self.ledger.is_over(account, budget)]
        if spent and not self.runs.was_sent(session_id, message):
            model = self.catalog.model(message.model)
            client = principal.client or self.vault.client_of(session_id)
            if model is None or model.own_key(self.vault.provider_keys(client)) is None:
                raise BudgetSpent(spent[0])

    def _concurrency_limits(self, caller: Caller) -> tuple[ConcurrencyLimit, ...]:
        """The limits in which the message's turn needs a free slot."""
        limits = [ConcurrencyLimit("address", caller.address, self.settings.turns_per_address)]
        if key := caller.api_key:
            most = self.settings.turns_per_key if key.running_turns is None else key.running_turns
            limits.append(ConcurrencyLimit("key", key.id, most))
        if user := caller.user:
            most = self.settings.turns_per_user if user.running_turns is None else user.running_turns
            limits.append(ConcurrencyLimit("user", user.id, most))
        return tuple(limit for limit in limits if limit.who and limit.max_sessions)


def _principal(caller: Caller) -> Principal:
    key, user = caller.api_key, caller.user
    return Principal(
        client=caller.client,
        api_key_id=caller.api_key_id,
        budget="" if key is None or key.budget is None else str(key.budget),
        address=caller.address_digest,
        user=user.id if user else "",
        user_budget="" if user is None or user.budget is None else str(user.budget),
    )


def raise_refusal(accepted: Accepted) -> None:
    """Raises what a message that was not accepted is refused with."""
    if accepted.exceeded:
        most, holder = accepted.exceeded.max_sessions, HOLDERS[accepted.exceeded.kind]
        raise TooManyRequests(f"Too many turns run for {holder}: at most {most} at once; try again when one has ended")
    if accepted.outcome in REFUSALS:
        error, message = REFUSALS[accepted.outcome]
        raise error(message)
