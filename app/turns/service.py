"""Starting and ending turns, as web and workers do: each step in Redis together with its job on the queue."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from app.events import sse
from app.metrics.instruments import Metrics
from app.state.connection.clients import Unavailable
from app.state.open_calls.records import Asked
from app.state.turns.run_records import Run
from app.state.turns.run_status import UNFINISHED, RunStatus
from app.state.turns.runs import RunStore
from app.state.turns.turn_requests import Accepted, TurnRequest
from app.state.turns.withdrawal import WithdrawOutcome
from app.telemetry import log_context, tracing
from app.turns.queue import Jobs

log = logging.getLogger(__name__)


class TurnService:
    """Turns in Redis and their jobs on the queue, kept together."""

    def __init__(self, runs: RunStore, jobs: Jobs, metrics: Metrics) -> None:
        self._runs = runs
        self._jobs = jobs
        self._metrics = metrics

    def send(self, session_id: str, request: TurnRequest, most_queued: int = 0) -> Accepted:
        """Accept a message and see that it runs: now, or when the turns before it have ended. With `most_queued` turns
        or more that wait for a worker it is refused (`queue_full`); 0 is no limit."""
        queue = self._jobs.beside_state(most_queued)
        if queue is None and self._is_queue_full(most_queued) and not self._runs.was_sent(session_id, request):
            return Accepted("queue_full")
        trace_context = {"request": log_context.current().request, **tracing.carrier()}
        accepted = self._runs.start(session_id, replace(request, trace_context=trace_context), queue)
        if accepted.outcome == "started":
            if queue is None:
                self._jobs.turn(session_id, accepted.run_id)
        elif accepted.outcome == "waiting" and request.on_busy == "interrupt":
            self._interrupt_each(session_id, (*accepted.superseded, accepted.current))
        elif accepted.outcome == "again" and (run := self._runs.get(session_id, accepted.run_id)):
            self.make_way(run)
        if request.call_answers and accepted.outcome in ("started", "waiting"):  # late: the turn runs already
            self._runs.open_calls.forget(session_id, request.call_answers.run_id)
        return accepted

    def _is_queue_full(self, most_queued: int) -> bool:
        return bool(most_queued) and self._jobs.waiting() >= most_queued

    def make_way(self, run: Run) -> bool:
        """Stop the turns that a waiting message interrupts, if the process that accepted it has not. Whether there were
        any."""
        return run.status == "waiting" and self._interrupt_each(run.session_id, run.interrupts)

    def interrupt(self, session_id: str, run_id: str = "") -> bool:
        """Stop the turn `run_id`, or the current one, or the last one if it waits for a person. False if there was none
        to stop.

        Its stream ends at once; the worker that runs it is notified at the same time and closes the provider's stream.
        """
        stopped = self.end(session_id, run_id, sse.complete(interrupted=True))
        return stopped or (not run_id and self._interrupt_awaiting(session_id))

    def _interrupt_awaiting(self, session_id: str) -> bool:
        """Close the calls of the session's last turn, if they wait for a person."""
        last = self._runs.last(session_id)
        closed = bool(last) and self._runs.open_calls.interrupt(session_id, last)
        if closed:
            self._runs.open_calls.forget(session_id, last)
        return closed

    def withdraw(self, session_id: str, run_id: str) -> WithdrawOutcome:
        """Withdraw a user's message that no worker has begun. Its stream ends as an interrupted one.

        A client's reply to a request, and an answer to a call, count as begun: what they answered is closed.
        """
        run = self._runs.get(session_id, run_id)
        if run is None:
            return "unknown"
        is_free = run.goes_on is None and (run.branch == "regenerate" or run.message["role"] == "user")
        sealed = self._runs.withdraw(session_id, run_id) if is_free else None
        if sealed is None:  # perhaps by an earlier request
            run = self._runs.get(session_id, run_id)
            return "withdrawn" if run and run.withdrawn else "begun"
        terminal = sse.complete(interrupted=True)
        self._metrics.ended(sealed, terminal)
        self.finish(sealed, terminal)
        return "withdrawn"

    def interrupt_all(self, session_id: str) -> None:
        """Stop every turn of the session."""
        self._interrupt_each(session_id, self._runs.open_in(session_id))
        while self.interrupt(session_id):  # one that was accepted in between
            pass

    def interrupt_thread(self, session_id: str, thread_id: str) -> None:
        """Stop every turn of one thread."""
        self._interrupt_each(session_id, self._runs.open_in(session_id, thread_id))

    def _interrupt_each(self, session_id: str, run_ids: Iterable[str]) -> bool:
        stopped = [self.interrupt(session_id, run_id) for run_id in run_ids]
        return any(stopped)

    def end(
        self, session_id: str, run_id: str, terminal: sse.Event, *, expect: Collection[RunStatus] = UNFINISHED
    ) -> bool:
        """End a turn, '' for the current one, of a status in `expect` with its terminal event. False if another process
        has ended it."""
        return self._settle(self._runs.seal(session_id, run_id, sse.outcome(terminal), expect=expect), terminal)

    def end_claimed(self, run: Run, terminal: sse.Event, asks: Sequence[Asked] = ()) -> bool:
        """As `end`, of a running turn, unless another worker has claimed it since. It `asks` a person about these
        calls."""
        running: set[RunStatus] = {"running"}
        outcome = sse.outcome(terminal)
        sealed = self._runs.seal(run.session_id, run.id, outcome, expect=running, claim=run.claim, asks=asks)
        return self._settle(sealed, terminal)

    def _settle(self, sealed: Run | None, terminal: sse.Event) -> bool:
        if sealed:
            self._metrics.ended(sealed, terminal)
            self.finish(sealed, terminal)
        return sealed is not None

    def finish(self, run: Run, terminal: sse.Event) -> None:
        """Settle a sealed turn and let the next one run. If the queue refuses the next one's job (Redis's memory is
        full), this turn has ended nevertheless, and the reaper enqueues that job later."""
        next_run = self._runs.settle(run, terminal)
        try:
            if next_run:
                self._jobs.turn(run.session_id, next_run)
        except Unavailable as error:
            log.warning("turn %s cannot be enqueued now (%s); the reaper does so later", next_run, type(error).__name__)
