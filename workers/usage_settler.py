"""Settles the usage of model calls in one thread per process, so that no turn waits for it.

When a provider reports no usage, the tokens are counted here, after the end of the call.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from app.background import BackgroundLoop, Backoff, count_failure
from app.state.accounts.ledger import Ledger
from app.telemetry.logs import short_session_id
from app.usage import Charge

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _EndedCall:
    session_id: str
    run_id: str
    measure: Callable[[], Charge]


def _ignore(_: Charge) -> None:
    """The default for `on_charge`."""


class UsageSettler:
    """`put` never blocks; `flush` waits until the calls of a turn are settled. `on_charge` gets each charge."""

    def __init__(self, ledger: Ledger, on_charge: Callable[[Charge], None] = _ignore) -> None:
        self._ledger = ledger
        self._on_charge = on_charge
        self._queue: queue.SimpleQueue[_EndedCall | None] = queue.SimpleQueue()
        self._pending: Counter[str] = Counter()
        self._changed = threading.Condition()
        self._loop = BackgroundLoop(self._settle_all, Backoff("usage settler", ()))

    def start(self) -> None:
        """Start the thread."""
        self._loop.start()

    def stop(self) -> None:
        """Settle the calls that are left, then end the thread."""
        self._queue.put(None)
        self._loop.stop(timeout=5)

    def put(self, session_id: str, run_id: str, measure: Callable[[], Charge]) -> None:
        """Settle a model call that has ended; `measure` returns its charge, in the settler's thread."""
        with self._changed:
            self._pending[run_id] += 1
        self._queue.put(_EndedCall(session_id, run_id, measure))

    def flush(self, run_id: str) -> None:
        """Wait until every call put for the turn is settled, or left to the reaper."""
        with self._changed:
            self._changed.wait_for(lambda: run_id not in self._pending)

    def _settle_all(self) -> None:
        while (ended := self._queue.get()) is not None:
            try:
                self._on_charge(self._ledger.settle(ended.session_id, ended.run_id, ended.measure()))
            except Exception:
                count_failure(self._loop.name)
                log.exception(
                    "could not settle a model call of turn %s of session %s; the reaper will settle it",
                    ended.run_id,
                    short_session_id(ended.session_id),
                )
            with self._changed:
                self._pending[ended.run_id] -= 1
                self._pending = +self._pending
                self._changed.notify_all()
