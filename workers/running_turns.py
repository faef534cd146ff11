"""The turns that run in this process. The reaper renews their leases and concurrency slots."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from app.state.turns.leases import RunningTurn
from app.state.turns.run_records import Run


class RunningTurns:
    """Safe for use by several threads."""

    def __init__(self) -> None:
        self._turns: set[RunningTurn] = set()
        self._lock = threading.Lock()

    @contextmanager
    def track(self, run: Run) -> Iterator[None]:
        """The claimed turn runs while inside."""
        turn = RunningTurn(run.session_id, run.id, run.slots)
        with self._lock:
            self._turns.add(turn)
        try:
            yield
        finally:
            with self._lock:
                self._turns.discard(turn)

    def all(self) -> list[RunningTurn]:
        """The turns at this moment."""
        with self._lock:
            return list(self._turns)
