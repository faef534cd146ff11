"""Nobody's turn is forgotten: each process renews the leases of its turns and ends those that nobody renews.

Webs have one, too: a turn whose only worker is gone ends for those who watch it, though no worker is left to say so.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from functools import partial

from app.events import sse
from app.services import Services
from app.state.connection.clients import Unavailable
from app.state.leases import ENDED, MOST_TIMES, RunningTurn
from app.state.runs import Run
from app.telemetry.logs import short_session_id

log = logging.getLogger(__name__)

WORKER_LOST = sse.error("The server that ran this turn went away; send the message again", "worker_lost", True)

LATER = MOST_TIMES
"""Leases until a turn is looked at again that only waits, or that cannot be ended: many of them cost little."""


def none_here() -> Iterable[RunningTurn]:
    """The turns of a process that runs none."""
    return ()


class Reaper:
    """One thread a process. `running` names the turns that this process runs."""

    def __init__(self, services: Services, running: Callable[[], Iterable[RunningTurn]] = none_here) -> None:
        self._services = services
        self._running = running
        self._lenient_until = 0.0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._work, name="aomi caretaker", daemon=True)

    def start(self) -> None:
        """Begin to look after turns."""
        self._thread.start()

    def stop(self) -> None:
        """Look after no more turns."""
        self._stopped.set()
        self._thread.join(timeout=5)

    def _work(self) -> None:
        while not self._stopped.wait(self._services.settings.lease / 4):
            try:
                self.round()
            except Unavailable as error:
                log.warning("Redis does not answer (%s): leases wait until it does", type(error).__name__)
                self._lenient_until = time.monotonic() + self._services.settings.lease

    def round(self) -> None:
        """Renew what runs here, then end or start again what nobody looks after. For one lease after Redis was away
        nothing is ended: nobody could renew a lease meanwhile."""
        runs, requests = self._services.runs, self._services.client_requests
        ledger, billing = self._services.ledger, self._services.billing
        for held in self._running():
            runs.leases.renew(*held)
        if time.monotonic() < self._lenient_until:
            return
        for session_id, number in requests.overdue():
            if not _done(f"client request {number}", session_id, partial(requests.expire, session_id, number)):
                requests.put_off(session_id, number)
        for session_id, run_id, call in ledger.overdue():
            bill = partial(billing.look_after, session_id, run_id, call)
            if not _done(f"call {call} of turn {run_id}", session_id, bill):
                ledger.put_off(session_id, run_id, call)
        for session_id, run_id in runs.leases.overdue():
            if not _done(f"turn {run_id}", session_id, partial(self._look_after, session_id, run_id)):
                runs.leases.renew(session_id, run_id, times=LATER)

    def _look_after(self, session_id: str, run_id: str) -> None:
        self._settle(session_id, run_id, self._services.runs.get(session_id, run_id))

    def _settle(self, session_id: str, run_id: str, run: Run | None) -> None:
        runs, jobs, turns = self._services.runs, self._services.jobs, self._services.turns
        if run is None or run.status in ENDED:
            runs.leases.drop(session_id, run_id, run.slots if run else ())
        elif run.status == "running":
            log.warning(
                "turn %s of session %s has lost its worker; it ends with an error", run_id, short_session_id(session_id)
            )
            turns.end(session_id, run_id, WORKER_LOST, expect="running")
            self._services.billing.close(session_id, run_id)
        elif run.status == "ending":
            turns.finish(run, _terminal(run))
        else:
            runs.leases.renew(session_id, run_id, run.slots, LATER)
            if run.status == "queued" and not jobs.has_turn(run_id):
                log.warning(
                    "turn %s of session %s has lost its job; it gets another one", run_id, short_session_id(session_id)
                )
                jobs.turn(session_id, run_id)


def _done(what: str, session_id: str, step: Callable[[], None]) -> bool:
    """Take the step. False if it cannot be taken: what is broken in Redis must not keep the others from their end."""
    try:
        step()
    except Unavailable:
        raise
    except Exception:
        log.exception("%s of session %s cannot be looked after", what, short_session_id(session_id))
        return False
    return True


def _terminal(run: Run) -> sse.Event:
    """The end of a turn whose ender went away in the middle of ending it."""
    if run.outcome == "error":
        return WORKER_LOST
    return sse.complete(interrupted=run.outcome == "interrupted")
