"""The facts that `aomi inspect` shows. Fields that end in `_s` are seconds, those in `_at` times, '' if unknown."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Session:
    """One session; `status` as in `/api/state`."""

    session: str
    status: str
    app: str
    model: str
    run: str
    updated_at: str
    title: str


@dataclass(frozen=True)
class Turn:
    """One turn. `waited_s`: for a worker; `first_s`: then for its first event; `whole_s`: from message to end."""

    run: str
    session: str
    status: str
    app: str
    model: str
    queued_at: str
    waited_s: float | None
    first_s: float | None
    whole_s: float | None
    lease_s: float | None = None


@dataclass(frozen=True)
class OpenCall:
    """A tool call that waits for a person; `waits_for` is what for. `answered`: it has an answer, others of its turn
    have none."""

    session: str
    run: str
    app: str
    call: str
    tool: str
    waits_for: str
    answered: bool
    expires_at: str


@dataclass(frozen=True)
class Conversation:
    """A session with its kept turns, newest first."""

    session: Session
    turns: list[Turn]


@dataclass(frozen=True)
class Moment:
    """An event of a turn: `after_s` since the message was accepted, `took_s` since the event that it follows from."""

    after_s: float | None
    took_s: float | None
    event: str
    tool: str = ""
    call: str = ""
    detail: str = ""


@dataclass(frozen=True)
class Timeline:
    """A turn with everything that happened in it, except its pieces of text, which are counted in `texts`."""

    turn: Turn
    thread: str
    worker: str
    texts: int
    model_calls: int
    input_tokens: int
    output_tokens: int
    cost_usd: float | None
    moments: list[Moment]


@dataclass(frozen=True)
class Job:
    """A job of the queue: `waiting`, `running` or `failed`."""

    queue: str
    state: str
    job: str
    does: str
    session: str
    queued_at: str


@dataclass(frozen=True)
class Worker:
    """A registered worker. A live one sent its last heartbeat seconds ago (`heard_s`)."""

    worker: str
    queue: str
    host: str
    pid: str
    born_at: str
    heard_s: float | None
    running: int
    done: int
    failed: int


@dataclass(frozen=True)
class Queue:
    """The numbers of a queue: jobs by state, and workers."""

    queue: str
    waiting: int
    running: int
    failed: int
    workers: int


@dataclass(frozen=True)
class WebhookDelivery:
    """A message to the receiver of an app: `due`, with the time of the next attempt, or `failed`, with the time when it
    goes."""

    message: str
    state: str
    app: str
    type: str
    session: str
    created_at: str
    attempts: int
    tried_at: str
    error: str
    next_at: str


@dataclass(frozen=True)
class Overview:
    """The numbers of everything. `overdue` turns are open and their lease has expired; `awaiting`
    ones wait for a person. `webhooks_due` are messages to receivers, `webhooks_failed` those that are given up.
    `aomi_yaml` has the processes that use each file, by its SHA-256."""

    sessions: int
    turns: dict[str, int]
    overdue: int
    client_requests: int
    awaiting: int
    sleeping_tools: int
    webhooks_due: int
    webhooks_failed: int
    aomi_yaml: dict[str, list[str]]
    queues: list[Queue]


def seconds(begin: str, end: str) -> float | None:
    """Seconds between two times; None if one is unknown."""
    if not begin or not end:
        return None
    return round((moment(end) - moment(begin)).total_seconds(), 3)


def ago(at: str, now: datetime) -> float | None:
    """Seconds since a time."""
    return round((now - moment(at)).total_seconds(), 1) if at else None


def moment(at: str) -> datetime:
    """A time as stored in Redis."""
    return datetime.fromisoformat(at)
