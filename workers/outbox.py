"""The outbox: events of all turns of the process, brought to Redis by one thread in few calls.

The first event leaves at once; what comes in within the next milliseconds leaves together, and pieces of text
of one turn that wait together become one event. Measured in docs/design.md.
"""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from app.state.clients import Unavailable
from app.state.runs import Runs
from app.streaming import sse

log = logging.getLogger(__name__)

FLUSH_EVERY = 0.01
"""Seconds between two calls at most this often."""

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

    def __init__(self, runs: Runs, on_ended: Callable[[str], None]) -> None:
        self._runs = runs
        self._on_ended = on_ended
        self._pending: dict[str, _Pending] = {}
        self._sending: frozenset[str] = frozenset()
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

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._pending or self._stopped)
                if not self._pending:
                    return
                batch = list(self._pending.values())
                self._pending.clear()
                self._sending = frozenset(pending.run_id for pending in batch)
            self._send([(p.session_id, p.run_id, next(_batch_numbers), p.events) for p in batch])
            with self._changed:
                self._sending = frozenset()
                self._changed.notify_all()
            time.sleep(FLUSH_EVERY)

    def _send(self, batches: list[tuple[str, str, int, list[sse.Event]]]) -> None:
        """Append the batches, for as long as Redis is away again and again: a batch counts once."""
        pause = 0.05
        while True:
            try:
                accepted = self._runs.append(batches)
                break
            except Unavailable as error:
                log.warning("Redis does not answer (%s): events wait until it does", type(error).__name__)
                time.sleep(pause)
                pause = min(pause * 2, 1.0)
        for (_, run_id, _, _), ok in zip(batches, accepted, strict=True):
            if not ok:
                self._on_ended(run_id)
