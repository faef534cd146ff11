"""The reports of `aomi inspect`: each reads its facts and formats them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from app.commands.inspect import deliveries, turns
from app.commands.inspect.facts import (
    Job,
    Moment,
    OpenCall,
    Overview,
    Queue,
    Session,
    Timeline,
    Turn,
    WebhookDelivery,
    Worker,
)
from app.commands.inspect.queue import Queues
from app.commands.output import Output
from app.commands.redis_store import TIMEOUT_SECONDS, open_store
from app.reloading.site import short
from app.state.connection import clients
from app.state.inspection import Inspection
from app.state.reloads import Reloads
from app.state.scripts import Store
from app.state.webhooks.deliveries import Deliveries

NO_WORKER = "No worker takes jobs; start one with `python -m workers`."


class Reports:
    """The reports as text, in the form that `output` says."""

    def __init__(self, output: Output) -> None:
        store = open_store()
        self._inspection = Inspection(store)
        queue = clients.queue(store.settings, store.redis, timeout=TIMEOUT_SECONDS)
        self._queues = Queues(queue, Inspection(Store(queue, store.settings)), self._inspection, store.clock)
        self._webhooks = Deliveries(store)
        self._reloads = Reloads(store)
        self._output = output

    def overview(self) -> str:
        """The numbers of everything."""
        due, failed = deliveries.counts(self._inspection, self._webhooks)
        facts = Overview(
            sessions=sum(1 for _ in self._inspection.session_ids()),
            turns=turns.statuses(self._inspection),
            overdue=sum(left < 0 for *_, left in self._inspection.open_runs()),
            client_requests=self._inspection.client_requests(),
            awaiting=len(self._inspection.awaiting_runs()),
            sleeping_tools=self._inspection.sleeping_tools(),
            webhooks_due=due,
            webhooks_failed=failed,
            aomi_yaml=self._files(),
            queues=self._queues.counts(),
        )
        return self._output.json(facts) if self._output.as_json else self._numbers(facts)

    def _files(self) -> dict[str, list[str]]:
        """The processes that use each aomi.yaml."""
        files: dict[str, list[str]] = {}
        for process in self._reloads.heard():
            files.setdefault(process.digest, []).append(f"{process.kind} {process.name}")
        return files

    def sessions(self, most: int) -> str:
        """The last used sessions."""
        return self._rows(Session, turns.sessions(self._inspection, most), "There are no sessions.")

    def session(self, prefix: str) -> str:
        """One session and its turns."""
        conversation = turns.session(self._inspection, prefix)
        if self._output.as_json:
            return self._output.json(conversation)
        if_empty = "None of its turns is kept; turns are kept for AOMI_LOG_TTL after their end."
        return f"{self._output.pairs(asdict(conversation.session))}\n\n{self._rows(Turn, conversation.turns, if_empty)}"

    def turns(self, most: int, ended: bool) -> str:
        """Turns of all sessions."""
        if_empty = "No turn is kept." if ended else "No turn is open; --ended lists ended turns that are still kept."
        return self._rows(Turn, turns.turns(self._inspection, most, ended), if_empty)

    def answers(self, most: int) -> str:
        """The calls that wait for a person."""
        return self._rows(OpenCall, turns.open_calls(self._inspection, most), "No call waits for a person.")

    def webhooks(self, most: int) -> str:
        """The messages to receivers."""
        found = deliveries.deliveries(self._inspection, self._webhooks, most)
        return self._rows(WebhookDelivery, found, "No message to a receiver is due or was given up.")

    def turn(self, prefix: str) -> str:
        """The timeline of one turn."""
        timeline = turns.timeline(self._inspection, prefix)
        return self._output.json(timeline) if self._output.as_json else self._timeline(timeline)

    def jobs(self, most: int) -> str:
        """The jobs of the queue."""
        return self._rows(Job, self._queues.jobs(most), "No job waits, runs or has failed.")

    def workers(self) -> str:
        """The live workers."""
        return self._rows(Worker, self._queues.workers(), NO_WORKER)

    def _rows(self, kind: type, rows: list[Any], if_empty: str) -> str:
        if self._output.as_json:
            return self._output.json(rows)
        return self._output.table(kind, rows) if rows else if_empty

    def _numbers(self, facts: Overview) -> str:
        numbers = {
            "sessions": facts.sessions,
            "open turns": ", ".join(f"{number} {name}" for name, number in facts.turns.items()),
            "overdue": facts.overdue,
            "client requests": facts.client_requests,
            "awaiting answers": facts.awaiting,
            "sleeping tools": facts.sleeping_tools,
            "webhooks": f"{facts.webhooks_due} due, {facts.webhooks_failed} failed",
            "aomi.yaml": _using(facts.aomi_yaml),
        }
        lines = [self._output.pairs(numbers), "", self._output.table(Queue, facts.queues)]
        if not all(queue.workers for queue in facts.queues):
            lines += ["", NO_WORKER]
        return "\n".join(lines)

    def _timeline(self, timeline: Timeline) -> str:
        facts = asdict(timeline.turn) | {"thread": timeline.thread, "texts": timeline.texts}
        facts |= {name: getattr(timeline, name) for name in ("model_calls", "input_tokens", "output_tokens")}
        facts["US$"] = None if timeline.cost_usd is None else f"{timeline.cost_usd:.6f}"
        return f"{self._output.pairs(facts)}\n\n{self._output.table(Moment, timeline.moments)}"


def _using(files: dict[str, list[str]]) -> str:
    """Which file is in use. Where there are several, the processes of all but the most used one have their names."""
    ordered = sorted(files.items(), key=lambda one: -len(one[1]))
    return "; ".join(
        f"{short(digest)} in {', '.join(names) if place else f'{len(names)} process' + 'es' * (len(names) > 1)}"
        for place, (digest, names) in enumerate(ordered)
    )
