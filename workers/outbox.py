"""The outbox: one thread sends the events of all turns of this process to Redis, in few calls.

The first event of a turn is sent at once. Events that arrive within the milliseconds behind a call are sent together;
adjacent text events of one turn are joined into one, and pieces of thoughts as well. Measured in docs/design.md.
"""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass, field

from app.background import BackgroundLoop, Backoff
from app.events import sse
from app.state.connection.clients import Unavailable
from app.state.turns.run_records import EventBatch
from app.state.turns.runs import RunStore
from workers.read_pace import ReadPace

log = logging.getLogger(__name__)

SHORTEST_PAUSE, LONGEST_PAUSE = 0.01, 0.05
PAUSE_OF_A_TURN = 0.001
"""Seconds between two calls: more with each turn that the last one had events of. A busy process sends fewer, larger
events, which cost Redis, the readers and itself less."""

FAST_TEXT = 10_000
"""Characters a second. Nobody can read text that comes faster: it is sent after the longest pause, in larger pieces."""

RESEND_BATCHES = 200
"""How many sent batches of each turn are kept (seconds of text). They are sent again when a Redis master dies before
it has replicated them."""


@dataclass
class _Pending:
    session_id: str
    run_id: str
    claim: str
    events: list[sse.Event] = field(default_factory=list)
    characters: int = 0

    def add(self, event: sse.Event) -> None:
        if event["type"] == "text":
            self.characters += len(event["content"])
        whole = sse.joined(self.events[-1], event) if self.events else None
        if whole:
            self.events[-1] = whole
        else:
            self.events.append(event)


class Outbox:
    """`put` never blocks; `flush` waits until a turn's events are in its log.

    `on_ended(run_id)` is called when Redis refuses a turn's events because another process has ended the turn. `pace`
    has models read while the outbox does not pause.
    """

    def __init__(self, runs: RunStore, on_ended: Callable[[str], None], pace: ReadPace | None = None) -> None:
        self._runs = runs
        self._on_ended = on_ended
        self._pace = pace or ReadPace()
        self._pending: dict[str, _Pending] = {}
        self._urgent: set[str] = set()  # of the pending ones, those that somebody waits for
        self._sending: frozenset[str] = frozenset()
        self._sent: dict[str, deque[EventBatch]] = {}
        self._numbers: Iterator[int] | None = None
        self._sent_at = 0.0
        self._is_fast = False
        self._changed = threading.Condition()
        self._backoff = Backoff("outbox", Unavailable)
        self._loop = BackgroundLoop(self._pass_on, self._backoff, final=self._send_rest)

    def start(self) -> None:
        """Start the thread."""
        self._loop.start(first_pause=0)

    def stop(self) -> None:
        """Send the events that are left, then end the thread."""
        self._loop.request_stop()
        with self._changed:
            self._changed.notify_all()
        self._loop.join(timeout=5)

    def put(self, session_id: str, run_id: str, event: sse.Event, claim: str = "") -> None:
        """Send an event of a turn that this process has claimed. Events of a turn keep their order.

        Raises `TypeError`, `ValueError` when it is not JSON.
        """
        if event["type"] != "text":
            sse.frame(event)  # raises in the turn that made it, not in the outbox thread
        with self._changed:
            pending = self._pending.get(run_id)
            if pending is None:
                pending = self._pending[run_id] = _Pending(session_id, run_id, claim)
                if run_id not in self._sent:
                    self._urgent.add(run_id)
                self._changed.notify_all()
            pending.add(event)

    def flush(self, run_id: str) -> None:
        """Wait until all events of the turn are in its log, or dropped because the turn has ended."""
        with self._changed:
            if run_id in self._pending:
                self._urgent.add(run_id)
                self._changed.notify_all()
            self._changed.wait_for(lambda: run_id not in self._pending and run_id not in self._sending)
            self._sent.pop(run_id, None)

    def _pass_on(self) -> None:
        """Send what waits, as soon as something does; then pause, and collect what has come during the pause."""
        with self._changed:
            self._changed.wait_for(lambda: self._pending or self._loop.stopping)
            most = max((pending.characters for pending in self._pending.values()), default=0)
        now = time.monotonic()
        was_fast, self._is_fast = self._is_fast, most > FAST_TEXT * (now - self._sent_at)
        self._sent_at = now
        turns = self._send(self._pending)
        self._pace.shut()
        pause = min(max(SHORTEST_PAUSE, PAUSE_OF_A_TURN * turns), LONGEST_PAUSE)
        self._pause(LONGEST_PAUSE if was_fast and self._is_fast else pause)  # one large piece is no speed
        self._pace.collect()
        if not self._pending:
            self._pace.open()

    def _pause(self, seconds: float) -> None:
        """Let so many seconds pass. During this a turn's first and last events are sent: somebody waits for them."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and not self._loop.stopping:
            with self._changed:
                self._changed.wait_for(lambda: self._urgent or self._loop.stopping, left)
            self._send(self._urgent)

    def _send(self, run_ids: Container[str]) -> int:
        """Send what waits of these turns. Returns of how many it was."""
        with self._changed:
            waiting = [pending for run_id, pending in self._pending.items() if run_id in run_ids]
            self._sending = frozenset(pending.run_id for pending in waiting)
            self._urgent -= self._sending
            for run_id in self._sending:
                del self._pending[run_id]
        if waiting:
            self._send_batches([self._batch(pending) for pending in waiting])
        with self._changed:
            self._sending = frozenset()
            self._changed.notify_all()
        return len(waiting)

    def _send_rest(self) -> None:
        while self._pending:
            self._send(self._pending)

    def _batch(self, pending: _Pending) -> EventBatch:
        sent = self._sent.get(pending.run_id)
        after = sent[-1].number if sent else 0
        self._numbers = self._numbers or itertools.count(self._backoff.retry(self._runs.first_batch_number))
        number = next(self._numbers)
        return EventBatch(pending.session_id, pending.run_id, number, pending.events, after, pending.claim)

    def _send_batches(self, batches: list[EventBatch]) -> None:
        for batch, accepted in zip(batches, self._append(batches), strict=True):
            if accepted is None:
                accepted = self._resend(batch)
            if accepted:
                self._sent.setdefault(batch.run_id, deque(maxlen=RESEND_BATCHES)).append(batch)
            else:
                self._sent.pop(batch.run_id, None)
                self._on_ended(batch.run_id)

    def _resend(self, batch: EventBatch) -> bool:
        """Append the batch after those that its log has lost. Appending is idempotent."""
        log.warning("Redis has lost events of turn %s, probably in a failover; sending them again", batch.run_id)
        batches = [sent._replace(after=0) for sent in (*self._sent.get(batch.run_id, ()), batch)]
        return bool(self._append(batches)[-1])

    def _append(self, batches: list[EventBatch]) -> list[bool | None]:
        """Append the batches; retry until Redis replies. Appending is idempotent."""
        return self._backoff.retry(lambda: self._runs.append(batches))
