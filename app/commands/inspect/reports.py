"""Each report of `aomi inspect`: its facts are read, and written as text."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from app import config
from app.commands.inspect import turns
from app.commands.inspect.facts import Job, Moment, Overview, Queue, Session, Timeline, Turn, Worker
from app.commands.inspect.queue import Queues
from app.commands.inspect.tables import Shown
from app.state.connection import clients
from app.state.inspection import Inspection
from app.state.scripts import Store

NO_WORKER = "No worker is there to take jobs: start one with `python -m workers`."


class Reports:
    """The reports as text: JSON, or for people to read."""

    def __init__(self, shown: Shown) -> None:
        settings = config.load()
        redis = clients.commands(settings, timeout=5)
        self._inspection = Inspection(Store(redis, settings))
        queue = clients.queue(settings, redis, timeout=5)
        self._queues = Queues(queue, Inspection(Store(queue, settings)))
        self._shown = shown

    def overview(self) -> str:
        """Everything in numbers."""
        facts = Overview(
            sessions=sum(1 for _ in self._inspection.session_ids()),
            turns=turns.statuses(self._inspection),
            overdue=sum(left < 0 for *_, left in self._inspection.open_runs()),
            client_requests=self._inspection.client_requests(),
            queues=self._queues.counts(),
        )
        return self._shown.json(facts) if self._shown.as_json else self._numbers(facts)

    def sessions(self, most: int) -> str:
        """The sessions that were used last."""
        return self._rows(Session, turns.sessions(self._inspection, most), "There are no sessions.")

    def session(self, prefix: str) -> str:
        """One session and its turns."""
        found = turns.session(self._inspection, prefix)
        if self._shown.as_json:
            return self._shown.json(found)
        nothing = "No turn of it is kept: they are for AOMI_LOG_TTL after their end."
        return f"{self._shown.pairs(asdict(found.session))}\n\n{self._rows(Turn, found.turns, nothing)}"

    def turns(self, most: int, ended: bool) -> str:
        """Turns of all sessions."""
        nothing = "No turn is kept." if ended else "No turn is open; --ended lists those that are still kept."
        return self._rows(Turn, turns.turns(self._inspection, most, ended), nothing)

    def turn(self, prefix: str) -> str:
        """The timeline of one turn."""
        found = turns.timeline(self._inspection, prefix)
        return self._shown.json(found) if self._shown.as_json else self._timeline(found)

    def jobs(self, most: int) -> str:
        """The jobs of the queue."""
        return self._rows(Job, self._queues.jobs(most), "No job waits, runs or has failed.")

    def workers(self) -> str:
        """The workers that live."""
        return self._rows(Worker, self._queues.workers(), NO_WORKER)

    def _rows(self, kind: type, rows: list[Any], nothing: str) -> str:
        if self._shown.as_json:
            return self._shown.json(rows)
        return self._shown.table(kind, rows) if rows else nothing

    def _numbers(self, facts: Overview) -> str:
        told = {
            "sessions": facts.sessions,
            "open turns": ", ".join(f"{number} {name}" for name, number in facts.turns.items()),
            "overdue": facts.overdue,
            "client requests": facts.client_requests,
        }
        lines = [self._shown.pairs(told), "", self._shown.table(Queue, facts.queues)]
        if not all(queue.workers for queue in facts.queues):
            lines += ["", NO_WORKER]
        return "\n".join(lines)

    def _timeline(self, found: Timeline) -> str:
        about = asdict(found.turn) | {"thread": found.thread, "texts": found.texts}
        about |= {name: getattr(found, name) for name in ("model_calls", "input_tokens", "output_tokens")}
        about["US$"] = None if found.cost_usd is None else f"{found.cost_usd:.6f}"
        return f"{self._shown.pairs(about)}\n\n{self._shown.table(Moment, found.moments)}"
