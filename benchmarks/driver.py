"""Does the worker's part by the product's own state code: sessions that exist, and turns that say something.

Asked over a pipe (`processes.Child`), one JSON object a line: `do` names a function of `DOES`, the rest its arguments.
"""

from __future__ import annotations

import json
import sys
import time
import uuid
from itertools import count
from typing import Any

from app import config, services
from app.events import sse
from app.services import Services
from app.state import redis_keys
from app.state.responses.public_ids import PublicTurn
from app.state.turns.run_records import EventBatch, Run
from app.state.turns.turn_requests import BranchPoint, TurnRequest

TICK = 0.01
"""Seconds between two calls, as the worker's outbox has it."""

WORDS = "The quick brown fox jumps over the lazy dog, and what it says of that. "
MESSAGE = WORDS * 12
"""About 200 tokens."""

NOTE = {"app": "default"}
"""What makes a turn a response of OpenAI's API, too."""

_batches = count(1)


def begin(parts: Services, turns: int) -> list[list[str]]:
    """So many turns that run, each in a session of its own: [session, run, its id for OpenAI's clients] each."""
    return [_with_public_id(parts, *_running(parts, str(uuid.uuid4()))) for _ in range(turns)]


def say(parts: Services, turns: list[list[str]], events: int, seconds: float) -> dict[str, float]:
    """`events` a second for so many seconds, over the turns in turn, each the nanosecond it was made at. Returns how
    many there were, and the share of time that this process could not keep up."""
    began, said, late = time.monotonic(), 0, 0
    while (now := time.monotonic() - began) < seconds:
        due = int(events * now) - said
        batches = []
        for place in range(said, said + due):
            session_id, run_id, _ = turns[place % len(turns)]
            batches.append(EventBatch(session_id, run_id, next(_batches), [sse.text(f"{time.monotonic_ns():016d}~")]))
        if batches:
            parts.runs.append(batches)
        said += due
        rest = began + now + TICK - time.monotonic()
        late += rest < 0
        time.sleep(max(0.0, rest))
    return {"events": said, "late": late * TICK / seconds}


def end(parts: Services, turns: list[list[str]]) -> int:
    """End these turns: the reaper would do it, beside what is measured next."""
    for session_id, run_id, _ in turns:
        _complete(parts, session_id, run_id)
    return len(turns)


def fill(parts: Services, sessions: int) -> int:
    """So many more sessions, each with one turn that has ended."""
    for _ in range(sessions):
        _ended(parts, str(uuid.uuid4()))
    return sessions


def history(parts: Services, messages: int, sessions: int) -> list[str]:
    """Sessions with so many messages in their thread; returns their ids."""
    ids = [str(uuid.uuid4()) for _ in range(sessions)]
    said = [
        json.dumps({"id": f"msg_{n}", "role": role, "content": MESSAGE, "created_at": "2026-01-01T00:00:00.000Z"})
        for n, role in zip(range(messages), ("user", "assistant") * messages, strict=False)
    ]
    for session_id in ids:
        thread_id = _ended(parts, session_id).thread_id
        parts.sessions._redis.rpush(redis_keys.messages(session_id, thread_id), *said)
    return ids


def branched(parts: Services, messages: int, branches: int, sessions: int) -> list[str]:
    """As `history`, with the last messages in so many branches: a message that was edited again and again."""
    ids = history(parts, messages - 2 * branches, sessions)
    for session_id in ids:
        edited = _ended(parts, session_id)
        for _ in range(branches - 1):
            edited = _ended(parts, session_id, BranchPoint("edit", edited.message["id"]))
    return ids


def _with_public_id(parts: Services, session_id: str, run_id: str) -> list[str]:
    turn = PublicTurn(session_id, run_id, parts.runs.thread_of(session_id, run_id))
    return [session_id, run_id, f"resp_{parts.public_ids.of_turn(turn, '')}"]


def _running(parts: Services, session_id: str, branch: BranchPoint | None = None) -> list[str]:
    accepted = parts.runs.start(session_id, TurnRequest(text=WORDS, app="default", model="", branch=branch, note=NOTE))
    if parts.runs.claim(session_id, accepted.run_id, "benchmark") is None:
        raise RuntimeError("somebody else has begun the turn")
    return [session_id, accepted.run_id]


def _ended(parts: Services, session_id: str, branch: BranchPoint | None = None) -> Run:
    """A turn with an answer."""
    _, run_id = _running(parts, session_id, branch)
    parts.runs.append([EventBatch(session_id, run_id, next(_batches), [sse.text(WORDS)])])
    return _complete(parts, session_id, run_id)


def _complete(parts: Services, session_id: str, run_id: str) -> Run:
    run = parts.runs.seal(session_id, run_id, "complete", expect={"running"})
    if run is None:
        raise RuntimeError("somebody else has ended the turn")
    parts.runs.settle(run, sse.complete())
    return run


DOES = {function.__name__: function for function in (begin, say, end, fill, history, branched)}


def main() -> None:
    """Answer until the pipe is closed."""
    parts = services.build(config.load())
    for line in sys.stdin:
        question: dict[str, Any] = json.loads(line)
        print(json.dumps(DOES[question.pop("do")](parts, **question)), flush=True)


if __name__ == "__main__":
    main()
