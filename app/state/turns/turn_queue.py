"""The queue of turns as a step of the state: where one Redis holds both, a message is accepted and its job enqueued in
one script, so no message is accepted without its job, and nobody waits for a second round trip."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from app.state.scripts import Commands


@dataclass(frozen=True)
class TurnQueue:
    """The list `name`, as Redis has it, of jobs that wait for a worker. The commands that a session's run takes:
    `enqueuing` its job, and `removing` it once a worker has claimed the run. With `most` jobs or more in the list a new
    message is refused; 0 is no limit."""

    name: str
    enqueuing: Callable[[str, str], Commands]
    removing: Callable[[str, str], Commands]
    most: int = 0

    def args(self, session_id: str, run_id: str) -> dict[str, Any]:
        """As the scripts take it that accept a message."""
        return {"list": self.name, "most": self.most, "job": self.enqueuing(session_id, run_id)}
