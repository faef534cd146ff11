"""How a turn ended, with what it used; and a turn that is awaited."""

from __future__ import annotations

import time
from collections.abc import Iterator

from app.dialects.openai.frames.objects import End, seconds
from app.errors import NotReady
from app.events import sse
from app.services import Services
from app.state.connection.clients import Unavailable
from app.web.streaming.turn_frames import TurnEvent

COUNT_SECONDS = 1.0
"""How long the end of a response waits for the usage of the last model call: workers count it behind the reply."""

COUNT_PAUSE = 0.02

STOPPED = "This server stops; the response goes on, and can be retrieved by its id"


def end_of(services: Services, session_id: str, run_id: str, terminal: sse.Event) -> End:
    """The end of a turn. Without `usage` it is not counted, or Redis is away."""
    deadline = time.monotonic() + COUNT_SECONDS
    try:
        run = services.runs.get(session_id, run_id)
        while run and run.has_unsettled_calls and time.monotonic() < deadline:
            time.sleep(COUNT_PAUSE)
            run = services.runs.get(session_id, run_id)
    except Unavailable:
        return End(terminal)
    if run is None:
        return End(terminal)
    ended_at = run.times.get("ended_at")
    usage = None if run.has_unsettled_calls else run.usage
    questions = {call.call_id: call.question for call in run.asks if call.question}
    return End(terminal, seconds(ended_at) if ended_at else None, usage, questions)


def until_end(events: Iterator[TurnEvent | None]) -> Iterator[sse.Event]:
    """The events of a turn, the terminal one last. Raises `NotReady` if the process stops before it."""
    for event in events:
        if event is None:
            continue
        yield event.event
        if event.event["type"] in sse.TERMINAL:
            return
    raise NotReady(STOPPED)
