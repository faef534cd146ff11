"""Requests for a turn of a session: the message, its principal, and whether it was accepted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from app.state.slots import ConcurrencyLimit

OnBusy = Literal["enqueue", "interrupt", "reject"]
"""The effect of a message in a session whose turn has not ended: wait, stop that turn, or be refused."""

AcceptOutcome = Literal[
    "started",
    "waiting",
    "again",
    "busy",
    "full",
    "no_thread",
    "reused",
    "not_open",
    "limit_reached",
    "no_message",
    "not_a_persons",
    "siblings_full",
    "id_taken",
]


@dataclass(frozen=True)
class Principal:
    """On whose behalf a turn runs. It is stored with the turn and with what the turn asks of its client.

    `client` is the SHA-256 of the client's id; '' is the client that the session belongs to, if there is one.
    `api_key_id` is the id of the API key that the message came with, '' without one; `budget` is what that key may cost
    a month, in US$, '' without a bound. `address` is the SHA-256 of the address that the message came from, by
    which its tools are limited, '' if unknown.
    """

    client: str = ""
    api_key_id: str = ""
    budget: str = ""
    address: str = ""


ANONYMOUS = Principal()


@dataclass(frozen=True)
class BranchPoint:
    """Where the turn of a message opens a branch. An `edit` puts the message in the place of the user's message
    `target`. To `regenerate` is to answer the user's message `target` again, or that which the answer `target` answers;
    '' is the last one of the active branch."""

    kind: Literal["edit", "regenerate"]
    target: str = ""


@dataclass(frozen=True)
class TurnRequest:
    """A message as chat accepted it. `thread_id` None is the newest thread; `user_state` None leaves it unchanged.

    With an `idempotency_key`, `body` is the whole request body: it tells a repeated message from another one. With
    `answers` the message is the client's reply to these open requests: it closes them, and waits in any queue. Its turn
    needs a concurrency slot of each of its `limits`. `trace_context` names the request and trace that it came from.
    `response_format` is the form of the answer, in OpenAI's form.
    `message_id` is the client's own id of the message, unique in its thread: with it, `body` does the same. Without a
    `branch` the message follows the last one of the active branch.
    `attachments` are references to files (`StoredFile.reference`), or `{"url": ...}` of an image.
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


@dataclass(frozen=True)
class Accepted:
    """The outcome of a message: `started`, `waiting` (behind the run `current`, and instead of the runs `superseded`,
    which waited to interrupt it, too), `again` (it was accepted before), or refused:

    `busy`, `full`, `no_thread`, `reused` (its Idempotency-Key belongs to another message), `not_open` (a request that
    it answers is not open), `limit_reached` (the limit `exceeded` has no concurrency slot left), `no_message` (its
    branch point is unknown), `not_a_persons` (it edits another message than a user's), `siblings_full`, `id_taken` (its
    `message_id` belongs to another message)."""

    outcome: AcceptOutcome
    run_id: str = ""
    thread_id: str = ""
    current: str = ""
    superseded: tuple[str, ...] = ()
    exceeded: ConcurrencyLimit | None = None
