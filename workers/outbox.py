"""The outbox: events of all turns of the process, brought to Redis by one thread in few calls.

The first event leaves at once; what comes in within the next milliseconds leaves together, and pieces of text
of one turn that wait together become one event. Measured in docs/design.md.
"""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from app.events import sse
from app.state.connection.clients import Unavailable
from app.state.runs import EventBatch, RunStore

log = logging.getLogger(__name__)

FLUSH_EVERY = 0.01
"""Seconds between two calls at most this often."""

KEPT = 200
"""Batches of a turn that are kept to be sent again, should a master of Redis die that had not passed them on: seconds
of text."""

_batch_numbers = itertools.count(int(time.time() * 1000) << 8)
"""Rising in this process, and above those of any earlier one."""


@dataclass
class _Pending:
    session_id: str
    run_id: str
    events: list[sse.Event] = field(default_factory=list)

    def add(self, event: sse.Event) -> None:
        last = self.events[-1] if self.events else None
        if last and last["type"] == "text" == event["type"]:
            self.events[-1] = sse.text(last["content"] + event["content"])
        else:
            self.events.append(event)


class Outbox:
    """`put` never blocks, and raises where an event cannot be written; `flush` waits until a turn's events are in
    its log.

    `on_ended(run_id)` is called for a turn that somebody else has ended: its events are dropped.
    """

    def __init__(self, runs: RunStore, on_ended: Callable[[str], None]) -> None:
        self._runs = runs
        self._on_ended = on_ended
        self._pending: dict[str, _Pending] = {}
        self._sending: frozenset[str] = frozenset()
        self._sent: dict[str, deque[EventBatch]] = {}
        self._changed = threading.Condition()
        self._stopped = False
        self._thread = threading.Thread(target=self._work, name="aomi outbox", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def stop(self) -> None:
        """Send what is left, then end."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        self._thread.join(timeout=5)

    def put(self, session_id: str, run_id: str, event: sse.Event) -> None:
        """Send an event, in the order of the calls. Raises `TypeError`, `ValueError` for what is no JSON."""
        if event["type"] != "text":
            sse.frame(event)  # one that cannot be written is its turn's fault and must not reach the thread
        with self._changed:
            pending = self._pending.get(run_id)
            if pending is None:
                pending = self._pending[run_id] = _Pending(session_id, run_id)
                self._changed.notify_all()
            pending.add(event)

    def flush(self, run_id: str) -> None:
        """Wait until all events of the turn are in its log, or dropped because it has ended."""
        with self._changed:
            self._changed.wait_for(lambda: run_id not in self._pending and run_id not in self._sending)
            self._sent.pop(run_id, None)

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._pending or self._stopped)
                if not self._pending:
                    return
                batch = list(self._pending.values())
                self._pending.clear()
                self._sending = frozenset(pending.run_id for pending in batch)
            self._send([self._batch(pending) for pending in batch])
            with self._changed:
                self._sending = frozenset()
                self._changed.notify_all()
            time.sleep(FLUSH_EVERY)

    def _batch(self, pending: _Pending) -> EventBatch:
        sent = self._sent.get(pending.run_id)
        after = sent[-1].number if sent else 0
        return EventBatch(pending.session_id, pending.run_id, next(_batch_numbers), pending.events, after)

    def _send(self, batches: list[EventBatch]) -> None:
        for batch, accepted in zip(batches, self._append(batches), strict=True):
            if accepted is None:
                accepted = self._append_again(batch)
            if accepted:
                self._sent.setdefault(batch.run_id, deque(maxlen=KEPT)).append(batch)
            else:
                self._sent.pop(batch.run_id, None)
                self._on_ended(batch.run_id)

    def _append_again(self, batch: EventBatch) -> bool:
        """Append a batch and those before it that its log has lost; a log passes over what it has."""
        log.warning("Redis has lost events of turn %s, as a master died; they are sent again", batch.run_id)
        again = [one._replace(after=0) for one in (*self._sent.get(batch.run_id, ()), batch)]
        return bool(self._append(again)[-1])

    def _append(self, batches: list[EventBatch]) -> list[bool | None]:
        """Append the batches, for as long as Redis is away again and again: a batch counts once."""
        pause = 0.05
        while True:
            try:
                return self._runs.append(batches)
            except Unavailable as error:
                log.warning("Redis does not answer (%s): events wait until it does", type(error).__name__)
                time.sleep(pause)
                pause = min(pause * 2, 1.0)
