"""What `aomi inspect` shows. Names in `_s` are seconds; those in `_at` are times, '' where unknown."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True)
class Session:
    """One session; `status` is that of `/api/state`."""

    session: str
    status: str
    app: str
    model: str
    run: str
    updated_at: str
    title: str


@dataclass(frozen=True)
class Turn:
    """One turn. It waited for a worker, then for its first event; the whole is from message to end."""

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
class Conversation:
    """A session with its turns that are kept, the newest first."""

    session: Session
    turns: list[Turn]


@dataclass(frozen=True)
class Moment:
    """Something that happened in a turn, `after_s` it was accepted; `took_s` since what it answers."""

    after_s: float | None
    took_s: float | None
    event: str
    tool: str = ""
    call: str = ""
    detail: str = ""


@dataclass(frozen=True)
class Timeline:
    """A turn with all that happened in it but its pieces of text, which are counted."""

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
    """A worker that has signed on. One that lives was heard of within seconds."""

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
    """How many jobs a queue has, by what has become of them."""

    queue: str
    waiting: int
    running: int
    failed: int
    workers: int


@dataclass(frozen=True)
class Overview:
    """All of it in numbers. `overdue` turns are open, and nobody has looked after them in time."""

    sessions: int
    turns: dict[str, int]
    overdue: int
    client_requests: int
    queues: list[Queue]


def seconds(begin: str, end: str) -> float | None:
    """From one time to another; None where one is unknown."""
    if not begin or not end:
        return None
    return round((moment(end) - moment(begin)).total_seconds(), 3)


def ago(at: str) -> float | None:
    """Seconds since a time."""
    return round((datetime.now(UTC) - moment(at)).total_seconds(), 1) if at else None


def moment(at: str) -> datetime:
    """A time as Redis has it."""
    return datetime.fromisoformat(at)
