"""Multi-step tools that sleep without a thread: enqueued again when they go on."""

from __future__ import annotations

from app.state.tools.step_calls import StepToolCalls
from app.turns.queue import Jobs


class WakeUps:
    """The reaper's duty for calls that sleep."""

    subject = "sleeping tool"

    def __init__(self, calls: StepToolCalls, jobs: Jobs) -> None:
        self._calls = calls
        self._jobs = jobs

    def overdue(self) -> list[tuple[str, str, str]]:
        """Session, run and id of calls that go on now; each is taken by one process."""
        return self._calls.sleeping.take_due()

    def handle(self, session_id: str, run_id: str, call_id: str) -> None:
        """Enqueue the call's job, unless it waits already. A call that does not sleep leaves the index."""
        call = self._calls.get(session_id, run_id, call_id)
        if call is None or not call.is_asleep:
            self._calls.forget_sleep(session_id, run_id, call_id)
        elif not self._jobs.has_steps(run_id, call_id):
            self._jobs.steps(session_id, run_id, call_id)

    def postpone(self, session_id: str, run_id: str, call_id: str) -> None:
        """Nothing to do: taking the call has postponed it."""
