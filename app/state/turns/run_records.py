"""The record of a turn in Redis, called a run, and the events that join its log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, cast

from app import exact_json
from app.events import sse
from app.events.entries import StreamEntry
from app.events.types import Outcome
from app.state import redis_keys
from app.state.conversation.summary import Summary
from app.state.open_calls.records import Asked, OpenCalls, read_asks
from app.state.pairs import from_pairs
from app.state.turns.run_status import RunStatus
from app.state.turns.streams import first_entries
from app.state.turns.turn_requests import ANONYMOUS, Principal
from app.usage import Charge, Totals


class Known(NamedTuple):
    """The names of the apps and of the models in a worker's configuration."""

    apps: Sequence[str]
    models: Sequence[str]


class NewestMessages(NamedTuple):
    """The end of a thread's history: JSON texts, the newest last, behind `left` older messages."""

    stored: Sequence[bytes] = ()
    left: int = 0


class NotKnown(Exception):
    """The worker's configuration lacks the app or the model of a turn."""


@dataclass(frozen=True)
class Run:
    """One turn. `outcome` is '' before its end was claimed; `slots` are the Redis keys of its concurrency slots."""

    session_id: str
    id: str
    thread_id: str
    status: RunStatus
    app: str
    model: str
    started_at: str
    message: dict[str, Any]
    claim: str = ""
    """The name of its worker's claim, '' before it."""
    outcome: Outcome | Literal[""] = ""
    principal: Principal = ANONYMOUS
    trace_context: Mapping[str, str] = field(default_factory=dict)
    times: Mapping[str, str] = field(default_factory=dict)
    """When it was `queued_at`, `current_at`, `started_at`, `first_at`, `ended_at`, as far as it came."""
    slots: tuple[str, ...] = ()
    events: int = 0
    """The number of the last event of its log."""
    superseded: bool = False
    """Whether a newer message that interrupts takes its place: it ends as interrupted and never runs."""
    response_format: dict[str, Any] | None = None
    """The form of the answer that its message asks for, in OpenAI's form."""
    withdrawn: bool = False
    """Whether its message was withdrawn before a worker claimed it."""
    branch: Literal["edit", "regenerate", ""] = ""
    """How it opens a branch. To regenerate, its `message` is one that was there before."""
    former: str | None = None
    """If it opens a branch: the last message of the branch before, as JSON. None before it is current, and if the
    message is gone that it edits or answers."""
    interrupts: tuple[str, ...] = ()
    """The turns that its message stops: those that it supersedes, and the one that it waits for."""
    charges: tuple[str, ...] = ()
    """Of its settled model calls, each as the ledger's JSON."""
    has_unsettled_calls: bool = False
    """Whether model calls of it are not settled yet."""
    terminal: sse.Event | None = None
    """Its terminal event, once it is settled. It is here so that a reader gets it whatever became of the log."""
    asks: tuple[Asked, ...] = ()
    """The calls with which it ended, that wait for a person, once its end was claimed."""
    goes_on: OpenCalls | None = None
    """The answered calls of an earlier turn with which it goes on. Its `message` is that of the earlier one."""
    earlier: tuple[str, ...] = ()
    """The turns that asked before it, of the same message, the first one first."""
    client_tools: tuple[dict[str, Any], ...] = ()
    """The tools that its client runs, in the form of OpenAI's chat API."""
    stored_user_state: str = "{}"
    """Its session's as JSON, when a worker claimed it: one round trip less before its first token."""
    summary: Summary | None = None
    """Of what its thread begins with, when a worker claimed it."""
    asked_ids: frozenset[str] = frozenset()
    """Of calls that have waited for a person in its thread, when a worker claimed it."""
    newest: NewestMessages = field(default_factory=NewestMessages)
    """Of its thread, when a worker claimed it."""
    first_entries: tuple[StreamEntry, ...] | None = None
    """Of its log, when its end was claimed: one round trip less before its last event."""

    @property
    def user_state(self) -> dict[str, Any]:
        """Its session's. Raises `ValueError` if the stored JSON is broken."""
        state: dict[str, Any] = exact_json.loads(self.stored_user_state)
        return state

    @property
    def usage(self) -> Totals | None:
        """The sum of its settled model calls, None where there are none."""
        charges = [Charge.read(exact_json.loads(charge)).totals() for charge in self.charges]
        return sum(charges, Totals()) if charges else None

    def facts(self) -> dict[str, Any]:
        """The facts that its last message keeps: `model`, the `times`, and the names of the `client_tools`."""
        times = {name: self.times[name] for name in ("started_at", "ended_at") if name in self.times}
        names = [tool["function"]["name"] for tool in self.client_tools]
        return {"model": self.model, "times": times} | ({"client_tools": names} if names else {})

    @classmethod
    def read(cls, session_id: str, fields: dict[str, str], **others: Any) -> Run:
        """Out of the fields of its hash; `others` are attributes that are not stored there."""
        return cls(
            session_id=session_id,
            id=fields["id"],
            thread_id=fields["thread"],
            status=cast(RunStatus, fields["status"]),
            app=fields["app"],
            model=fields["model"],
            started_at=fields.get("started_at") or fields["queued_at"],
            message=exact_json.loads(fields["message"]),
            claim=fields.get("claim", ""),
            outcome=cast(Outcome, fields.get("outcome", "")),
            principal=Principal.read(fields),
            trace_context=exact_json.loads(fields.get("origin", "{}")),
            times={name: value for name, value in fields.items() if name.endswith("_at")},
            slots=tuple(fields.get("slots", "").split()),
            events=int(fields.get("events", "0")),
            superseded="superseded_by" in fields,
            response_format=exact_json.loads(fields.get("response_format", "null")),
            withdrawn="withdrawn" in fields,
            branch=cast(Literal["edit", "regenerate", ""], fields.get("branch", "")),
            former=fields.get("former"),
            interrupts=_interrupts(fields),
            charges=_of(fields, redis_keys.charge_field("")),
            has_unsettled_calls=bool(_of(fields, redis_keys.model_call_field(""))),
            terminal=_terminal(fields),
            asks=read_asks(fields.get("asks", "")),
            earlier=tuple(fields.get("earlier", "").split()),
            goes_on=OpenCalls.answered_in(fields),
            client_tools=tuple(exact_json.loads(fields.get("client_tools", "[]"))),
            **others,
        )

    @classmethod
    def read_claimed(cls, session_id: str, reply: Sequence[Any]) -> Run:
        """Out of what the script `claim` returns."""
        fields = from_pairs(reply[0])
        return cls.read(
            session_id,
            fields,
            stored_user_state=fields["session_user_state"],
            summary=Summary.read(fields.get("thread_summary", "")),
            asked_ids=frozenset(exact_json.loads(fields.get("thread_asked_ids", "[]"))),
            newest=NewestMessages(reply[2], reply[1]),
        )

    @classmethod
    def read_sealed(cls, session_id: str, reply: Sequence[Any]) -> Run:
        """Out of what the script `seal` returns."""
        return cls.read(session_id, from_pairs(reply[0]), first_entries=first_entries(reply[1]))


def _of(fields: dict[str, str], prefix: str) -> tuple[str, ...]:
    return tuple(value for name, value in fields.items() if name.startswith(prefix))


def _interrupts(fields: dict[str, str]) -> tuple[str, ...]:
    if fields.get("on_busy") != "interrupt" or not fields.get("behind"):
        return ()
    return *exact_json.loads(fields.get("supersedes", "[]")), fields["behind"]


def _terminal(fields: dict[str, str]) -> sse.Event | None:
    """The terminal event; one that an earlier version settled without storing it is made from the status."""
    if "terminal" in fields:
        return exact_json.loads(fields["terminal"])
    if fields["status"] in ("complete", "interrupted"):
        return sse.complete(interrupted=fields["status"] == "interrupted")
    return sse.LOST if fields["status"] == "error" else None


class EventBatch(NamedTuple):
    """Events of a running turn that are appended together. `number` is greater than that of the turn's last batch, and
    the same when the batch is sent again. `after` is the number of the batch that must be in the log, 0 for none.
    `claim` is that of the worker that sends it, '' for any."""

    session_id: str
    run_id: str
    number: int
    events: Sequence[sse.Event]
    after: int = 0
    claim: str = ""
