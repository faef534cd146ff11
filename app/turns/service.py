"""What one may do with a turn: send a message, end it. Web and workers share these few steps."""

from __future__ import annotations

from dataclasses import replace

from app.events import sse
from app.metrics.instruments import Metrics
from app.state.runs import Accepted, Run, RunStore, TurnRequest
from app.telemetry import log_context, tracing
from app.turns.queue import Jobs

UNFINISHED = "waiting queued running"


class TurnService:
    """Turns in Redis and their jobs on the queue, kept together."""

    def __init__(self, runs: RunStore, jobs: Jobs, metrics: Metrics) -> None:
        self._runs = runs
        self._jobs = jobs
        self._metrics = metrics

    def send(self, session_id: str, message: TurnRequest) -> Accepted:
        """Accept a message and see that it runs: now, or when the turns before it have ended."""
        origin = {"request": log_context.current().request, **tracing.carrier()}
        accepted = self._runs.start(session_id, replace(message, origin=origin))
        if accepted.outcome == "started":
            self._jobs.turn(session_id, accepted.run_id)
        elif accepted.outcome == "waiting" and message.on_busy == "interrupt":
            self.interrupt(session_id, accepted.current)
        return accepted

    def interrupt(self, session_id: str, run_id: str = "") -> bool:
        """Stop the turn `run_id`, or the one that is current at this moment. False if there was none to stop.

        Its stream ends here and now; the worker that runs it hears of it at the same moment and hangs up on the
        provider.
        """
        run_id = run_id or self._runs.current(session_id)
        return self.end(session_id, run_id, sse.complete(interrupted=True))

    def interrupt_all(self, session_id: str) -> None:
        """Stop every turn of the session."""
        while self.interrupt(session_id):
            pass

    def interrupt_thread(self, session_id: str, thread_id: str) -> None:
        """Stop every turn of one thread."""
        for run_id in self._runs.open_in(session_id, thread_id):
            self.interrupt(session_id, run_id)

    def end(self, session_id: str, run_id: str, terminal: sse.Event, *, expect: str = UNFINISHED) -> bool:
        """End a turn with its terminal event. False if somebody else has ended it."""
        outcome = "interrupted" if terminal.get("interrupted") else terminal["type"]
        run = self._runs.seal(session_id, run_id, outcome, expect=expect)
        if run:
            self._metrics.ended(run, terminal)
            self.finish(run, terminal)
        return run is not None

    def finish(self, run: Run, terminal: sse.Event) -> None:
        """Settle a sealed turn and let the next one run."""
        following = self._runs.settle(run, terminal)
        if following:
            self._jobs.turn(run.session_id, following)
