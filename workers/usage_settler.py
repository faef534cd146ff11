"""The meter: one thread a process that settles what model calls have used, so that no turn waits for it.

Where the provider did not say what it counted, tokens are counted here, behind the end of the call.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from app.state.ledger import Ledger
from app.telemetry.logs import short_session_id
from app.usage import Charge

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Ended:
    session_id: str
    run_id: str
    measure: Callable[[], Charge]


def _nobody(_: Charge) -> None:
    """Who hears of charges where nobody does."""


class UsageSettler:
    """`put` never blocks; `flush` waits until all that was put of a turn is counted. `told` hears of each charge."""

    def __init__(self, ledger: Ledger, told: Callable[[Charge], None] = _nobody) -> None:
        self._ledger = ledger
        self._told = told
        self._queue: queue.SimpleQueue[_Ended | None] = queue.SimpleQueue()
        self._pending: Counter[str] = Counter()
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._work, name="aomi meter", daemon=True)

    def start(self) -> None:
        """Begin to settle."""
        self._thread.start()

    def stop(self) -> None:
        """Settle what is left, then end."""
        self._queue.put(None)
        self._thread.join(timeout=5)

    def put(self, session_id: str, run_id: str, measure: Callable[[], Charge]) -> None:
        """A model call has ended; `measure` says what it has used."""
        with self._changed:
            self._pending[run_id] += 1
        self._queue.put(_Ended(session_id, run_id, measure))

    def flush(self, run_id: str) -> None:
        """Wait until what was put of a turn is counted, or left to the caretaker."""
        with self._changed:
            self._changed.wait_for(lambda: run_id not in self._pending)

    def _work(self) -> None:
        while (ended := self._queue.get()) is not None:
            try:
                self._told(self._ledger.settle(ended.session_id, ended.run_id, ended.measure()))
            except Exception:
                what = "a model call of turn %s of session %s cannot be settled here; a caretaker will"
                log.exception(what, ended.run_id, short_session_id(ended.session_id))
            with self._changed:
                self._pending[ended.run_id] -= 1
                self._pending = +self._pending
                self._changed.notify_all()
