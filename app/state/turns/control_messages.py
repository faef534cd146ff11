"""Messages on the `control` channel. They tell worker processes to stop, drop or look at work.

    stop <run> <reason>     the turn has ended; `reason` is its outcome
    drop <work>             the session of this work was deleted, or its turn no longer waits for it
    answer <run> <call>     the first step of a multi-step tool's call is in Redis

<work> is what `turn_work`, `steps_work`, `title_work` or `compaction_work` returns.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class StopTurn:
    """Sent when a turn's end was sealed with another outcome than `complete`."""

    run_id: str
    reason: str

    def encode(self) -> str:
        """The message's payload."""
        return f"stop {self.run_id} {self.reason}"


@dataclass(frozen=True)
class DropWork:
    """Sent for each turn and job of a session that was deleted, for the jobs of a thread that was, and for a
    multi-step call that its turn gave up."""

    work: str

    def encode(self) -> str:
        """The message's payload."""
        return f"drop {self.work}"


@dataclass(frozen=True)
class FirstStep:
    """Sent when the first step of a multi-step tool can be read."""

    run_id: str
    call_id: str

    def encode(self) -> str:
        """The message's payload."""
        return f"answer {self.run_id} {self.call_id}"


def parse(payload: bytes) -> StopTurn | DropWork | FirstStep | None:
    """The message, or None for a kind that this version does not know."""
    kind, _, rest = payload.decode().partition(" ")
    first, _, second = rest.partition(" ")
    if kind == "stop":
        return StopTurn(first, second)
    if kind == "drop":
        return DropWork(rest)
    if kind == "answer":
        return FirstStep(first, second)
    return None


def turn_work(run_id: str) -> str:
    """The name of a turn."""
    return run_id


def steps_work(run_id: str, call_id: str) -> str:
    """The name of a multi-step tool's job."""
    return f"steps {run_id} {call_id}"


def title_work(thread_id: str) -> str:
    """The name of the job that asks for a thread's title."""
    return f"title {thread_id}"


def compaction_work(thread_id: str) -> str:
    """The name of the job that sums up a thread's history."""
    return f"compact {thread_id}"
