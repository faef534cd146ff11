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
from app.state.passes import Passes
from app.state.turns.leases import Leases, RunningTurn
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
        self,
        leases: Leases,
        passes: Passes,
        duties: Sequence[Duty],
        running: Callable[[], Iterable[RunningTurn]] = no_turns,
    ) -> None:
        self._leases = leases
        self._passes = passes
        self._duties = duties
        self._running = running
        self._patience = _Patience(leases.seconds)
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

        After Redis was away, or a failover has lost renewals, items are handled when Redis was there for one lease
        since they became overdue: no process could renew its leases before.
        """
        self._leases.renew_all(self._running())
        if self._passes.note():
            self._patience.go_on()
        else:
            log.warning("Redis was away, or has lost its last writes; every process gets one lease to renew its turns")
            self._patience.begin()
        overdue = {(duty, item): f"{duty.subject} {item}" for duty in self._duties for item in duty.overdue()}
        due = self._patience.over_for(overdue.values())
        for (duty, item), name in overdue.items():
            if name in due and not _handled(duty, item):
                duty.postpone(*item)

    def _run_or_be_lenient(self) -> None:
        try:
            self.run_once()
        except Unavailable:
            self._patience.begin()
            raise


class _Patience:
    """With what is overdue after Redis was away: each item gets `seconds` in which Redis is there. They may be
    interrupted, so that outages that follow each other do not keep a lost turn open."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._ends_at = 0.0
        self._there = 0.0
        """Seconds that Redis was there since the start."""
        self._last_there: float | None = None
        self._overdue_since: dict[str, float] = {}
        """`_there` when each overdue item was first seen."""

    def begin(self) -> None:
        """Redis is away, or was until now."""
        self._ends_at = time.monotonic() + self._seconds
        self._last_there = None

    def go_on(self) -> None:
        """Redis is there, and was since the last call."""
        now = time.monotonic()
        self._there += now - (now if self._last_there is None else self._last_there)
        self._last_there = now

    def over_for(self, overdue: Iterable[str]) -> set[str]:
        """Which of the overdue items have had their time."""
        self._overdue_since = {name: self._overdue_since.get(name, self._there) for name in overdue}
        if time.monotonic() >= self._ends_at:
            return set(self._overdue_since)
        return {name for name, since in self._overdue_since.items() if self._there - since >= self._seconds}


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
