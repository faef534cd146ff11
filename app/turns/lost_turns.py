"""Turns whose lease ran out: ended or enqueued again, whichever their status needs."""

from __future__ import annotations

import logging

from app.events import sse
from app.state.turns.leases import MAX_LEASES
from app.state.turns.run_records import Run
from app.state.turns.run_status import ENDED
from app.state.turns.runs import RunStore
from app.telemetry.logs import short_session_id
from app.turns.queue import Jobs
from app.turns.service import TurnService
from app.turns.usage_recovery import UsageRecovery

log = logging.getLogger(__name__)

WORKER_LOST = sse.error("The server that ran this turn went away; send the message again", "worker_lost", True)

RECHECK_LEASES = MAX_LEASES
"""Leases until a turn is looked at again that only waits, or that cannot be ended: many of them must cost little."""


class LostTurns:
    """The reaper's duty for turns. A lease that ran out shows that no process runs the turn."""

    subject = "turn"

    def __init__(self, runs: RunStore, turns: TurnService, jobs: Jobs, usage: UsageRecovery) -> None:
        self._runs = runs
        self._turns = turns
        self._jobs = jobs
        self._usage = usage

    def overdue(self) -> list[tuple[str, str]]:
        """Session and run of turns whose lease ran out, the longest overdue first."""
        return self._runs.leases.overdue()

    def postpone(self, session_id: str, run_id: str) -> None:
        """Look at the turn again after `RECHECK_LEASES` leases."""
        self._runs.leases.renew(session_id, run_id, times=RECHECK_LEASES)

    def handle(self, session_id: str, run_id: str) -> None:
        """End a turn that lost its worker, finish an end that was begun, enqueue a turn that lost its job, stop those
        that a waiting message interrupts."""
        run = self._runs.get(session_id, run_id)
        if run is None or run.status in ENDED:
            self._runs.leases.drop(session_id, run_id, run.slots if run else ())
        elif run.status == "running":
            self._end(run)
        elif run.status == "ending":
            self._turns.finish(run, _terminal(run))
        elif not self._turns.make_way(run):
            self._wait_for_a_worker(run)

    def _end(self, run: Run) -> None:
        if (run.session_id, run.id) not in self._runs.leases.overdue():
            return  # it waited when it was found overdue, and a worker has claimed it since
        session = short_session_id(run.session_id)
        outcome = self._runs.taking.put_back(run)
        if outcome == "over":
            return  # another process has ended it, or another worker has it: its model calls are not ours to close
        if outcome == "queued":
            log.warning("turn %s of session %s lost its worker before it began; it is enqueued again", run.id, session)
            self._jobs.turn(run.session_id, run.id)
            self._runs.leases.renew(run.session_id, run.id, run.slots, RECHECK_LEASES)
            return
        log.warning("turn %s of session %s has lost its worker; it ends with an error", run.id, session)
        self._turns.end_claimed(run, WORKER_LOST)
        self._usage.close(run.session_id, run.id)

    def _wait_for_a_worker(self, run: Run) -> None:
        """The lease is renewed last: if the queue refuses the job, the next pass finds the turn again."""
        if run.status == "queued" and not self._jobs.has_turn(run.session_id, run.id):
            session = short_session_id(run.session_id)
            log.warning("turn %s of session %s has lost its job; it is enqueued again", run.id, session)
            self._jobs.turn(run.session_id, run.id)
        self._runs.leases.renew(run.session_id, run.id, run.slots, RECHECK_LEASES)


def _terminal(run: Run) -> sse.Event:
    """The terminal event of a turn whose process died between `seal` and `settle`."""
    if run.outcome == "error":
        return WORKER_LOST
    awaiting = [call.call_id for call in run.asks]
    return sse.complete(interrupted=run.outcome == "interrupted", awaiting=awaiting)
