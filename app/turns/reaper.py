"""The reaper: each process renews the leases of its own turns and takes over work that no process renews any more.

Web processes run one, too: a turn whose only worker is gone ends for its readers although no worker is left to end it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from app.background import BackgroundLoop, Backoff, count_failure
from app.state.connection.clients import Unavailable
from app.state.leases import Leases, RunningTurn
from app.telemetry.logs import short_session_id

log = logging.getLogger(__name__)


class Duty(Protocol):
    """One kind of overdue work. An item is a tuple that begins with its session's id."""

    subject: str
    """The name of an item, for the log."""

    def overdue(self) -> Iterable[tuple[Any, ...]]:
        """The items that are overdue now, a bounded number of them."""

    def handle(self, *item: Any) -> None:
        """Do the work of one item. It may be done twice, and by several processes at once."""

    def postpone(self, *item: Any) -> None:
        """Make an item that could not be handled overdue again later, so that it does not hold up the others."""


def no_turns() -> Iterable[RunningTurn]:
    """The turns of a process that runs none."""
    return ()


class Reaper:
    """One thread a process. `running` returns the turns that this process runs."""

    def __init__(
        self, leases: Leases, duties: Sequence[Duty], running: Callable[[], Iterable[RunningTurn]] = no_turns
    ) -> None:
        self._leases = leases
        self._duties = duties
        self._running = running
        self._lenient_until = 0.0
        pause = leases.seconds / 4
        self._loop = BackgroundLoop(self._run_or_be_lenient, Backoff("reaper", Unavailable, pause, pause), pause)

    def start(self) -> None:
        """Start the thread."""
        self._loop.start()

    def stop(self) -> None:
        """End the thread."""
        self._loop.stop(timeout=5)

    def run_once(self) -> None:
        """Renew the leases of this process, then handle what is overdue. Raises `Unavailable`.

        For one lease after Redis was away nothing is handled: no process could renew its leases during that time.
        """
        for turn in self._running():
            self._leases.renew(*turn)
        if time.monotonic() < self._lenient_until:
            return
        for duty in self._duties:
            for item in duty.overdue():
                if not _handled(duty, item):
                    duty.postpone(*item)

    def _run_or_be_lenient(self) -> None:
        try:
            self.run_once()
        except Unavailable:
            self._lenient_until = time.monotonic() + self._leases.seconds
            raise


def _handled(duty: Duty, item: tuple[Any, ...]) -> bool:
    """Handle the item. False if that failed: data that is broken in Redis must not keep the other items waiting."""
    try:
        duty.handle(*item)
    except Unavailable:
        raise
    except Exception:
        count_failure("reaper")
        session_id, *rest = item
        log.exception("could not reap %s %s of session %s", duty.subject, rest, short_session_id(session_id))
        return False
    return True
