"""Requests for a turn of a session: the message, its principal, and whether it was accepted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from app.state.open_calls.records import CallAnswer
from app.state.session_choices import SessionChoice
from app.state.turns.slots import ConcurrencyLimit
from app.usage import BUDGET_SPENT, USER_BUDGET_SPENT, user_account

OnBusy = Literal["enqueue", "interrupt", "reject"]
"""The effect of a message in a session whose turn has not ended: wait, stop that turn, or be refused."""

AcceptOutcome = Literal[
    "started",
    "waiting",
    "again",
    "changed",
    "queue_full",
    "busy",
    "full",
    "no_thread",
    "reused",
    "not_open",
    "limit_reached",
    "no_message",
    "still_waits",
    "not_a_persons",
    "siblings_full",
    "id_taken",
    "kept",
    "closed",
    "answered",
    "no_call",
]


@dataclass(frozen=True)
class Principal:
    """On whose behalf a turn runs. It is stored with the turn and with what the turn asks of its client.

    `client` is the SHA-256 of the client's id; '' is the client that the session belongs to, if there is one.
    `api_key_id` is the id of the API key that the message came with, '' without one; `budget` is what that key may cost
    a month, in US$, '' without a bound. `address` is the SHA-256 of the address that the message came from, by
    which its tools are limited, '' if unknown. `user` is the id of the user whose token it came with, '' without
    owners, and `user_budget` is as `budget`.
    """

    client: str = ""
    api_key_id: str = ""
    budget: str = ""
    address: str = ""
    user: str = ""
    user_budget: str = ""

    @classmethod
    def read(cls, fields: Mapping[str, str]) -> Principal:
        """Out of the fields that it is stored in."""
        return cls(*(fields.get(name, "") for name in PRINCIPAL_FIELDS))

    @property
    def budgets(self) -> list[tuple[str, str, str]]:
        """The budgets that bound the turn: the account in the ledger, US$ a month, and what to say when it is spent."""
        budgets = [(self.api_key_id, self.budget, BUDGET_SPENT)] if self.budget else []
        return budgets + ([(user_account(self.user), self.user_budget, USER_BUDGET_SPENT)] if self.user_budget else [])


PRINCIPAL_FIELDS = ("client", "key", "budget", "address", "user", "user_budget")
"""The fields that a principal is stored in, in its order."""


ANONYMOUS = Principal()


@dataclass(frozen=True)
class BranchPoint:
    """Where the turn of a message opens a branch. An `edit` puts the message in the place of the user's message
    `target`. To `regenerate` is to answer the user's message `target` again, or that which the answer `target` answers;
    '' is the last one of the active branch."""

    kind: Literal["edit", "regenerate"]
    target: str = ""


@dataclass(frozen=True)
class CallAnswers:
    """Answers to calls of the turn `run_id` that wait in a thread. `updates` has the frame of the update
    that each answer makes, by call."""

    run_id: str
    thread_id: str
    answers: tuple[CallAnswer, ...]
    updates: Mapping[str, str]


@dataclass(frozen=True)
class TurnRequest:
    """A message as chat accepted it. `thread_id` None is the newest thread; `user_state` None leaves it unchanged.

    With an `idempotency_key`, `body` is the whole request body: it tells a repeated message from another one. With
    `answers` the message is the client's reply to these open requests: it closes them, and waits in any queue. Its turn
    needs a concurrency slot of each of its `limits`. `trace_context` names the request and trace that it came from.
    `response_format` is the form of the answer, in OpenAI's form.
    `message_id` is the client's own id of the message, unique in its thread: with it, `body` does the same. Without a
    `branch` the message follows the last one of the active branch.
    `client_tools` are tools that the client runs, in the form of OpenAI's chat API. With `call_answers` it is no
    message: the turn of an earlier one goes on when all its calls have an answer.
    `attachments` are references to files (`StoredFile.reference`), or `{"url": ...}` of an image.
    `note` is what a dialect keeps with the message: no model gets it, and no client of the reference API. With
    `keeps_facts` model, times and usage of the turn are kept for as long as its session.
    It `expects` that this is chosen in its session. With `binds_client` the session belongs to its client from now on.
    Its turn gets the id `run_id`, a new one without it.
    """

    text: str
    app: str
    model: str
    thread_id: str | None = None
    user_state: dict[str, Any] | None = None
    on_busy: OnBusy = "enqueue"
    idempotency_key: str = ""
    body: bytes = b""
    principal: Principal = ANONYMOUS
    answers: tuple[int, ...] = ()
    trace_context: Mapping[str, str] = field(default_factory=dict)
    limits: tuple[ConcurrencyLimit, ...] = ()
    response_format: dict[str, Any] | None = None
    attachments: tuple[dict[str, Any], ...] = ()
    message_id: str = ""
    branch: BranchPoint | None = None
    note: Mapping[str, Any] | None = None
    keeps_facts: bool = False
    client_tools: tuple[dict[str, Any], ...] = ()
    call_answers: CallAnswers | None = None
    expects: SessionChoice | None = None
    binds_client: bool = False
    run_id: str = ""


@dataclass(frozen=True)
class Accepted:
    """The outcome of a message: `started`, `waiting` (behind the run `current`, and instead of the runs `superseded`,
    which waited to interrupt it, too; it `is_heard` if somebody was subscribed to its events), `again` (it was accepted
    before), or refused:

    `changed` (the session has another choice than it expects), `queue_full` (too many turns wait for a worker), `busy`,
    `full`, `no_thread`, `reused` (its Idempotency-Key belongs to another message), `not_open` (a request that it
    answers is not open), `limit_reached` (the limit `exceeded` has no concurrency slot left), `no_message` (its branch
    point is unknown), `still_waits` (its branch point waits for a turn itself), `not_a_persons` (it edits another
    message than a user's), `siblings_full`, `id_taken` (its `message_id` belongs to another message). Of answers to
    calls: `kept` (those of `awaiting` have none yet), `closed` (the calls do not wait any more), `answered` (one has an
    answer), `no_call` (one is none of those that wait)."""

    outcome: AcceptOutcome
    run_id: str = ""
    thread_id: str = ""
    current: str = ""
    superseded: tuple[str, ...] = ()
    exceeded: ConcurrencyLimit | None = None
    is_heard: bool = False
    awaiting: tuple[str, ...] = ()
