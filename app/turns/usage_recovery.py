"""Model calls whose worker died before it settled them: settled exactly once, by what is known."""

from __future__ import annotations

from datetime import datetime, timedelta

from app import exact_json
from app.state.accounts.ledger import Ledger
from app.state.clock import RedisClock
from app.state.conversation.transcript import INTERRUPTED, Message
from app.state.turns.run_records import Run
from app.state.turns.run_status import ENDED
from app.state.turns.runs import RunStore
from app.usage import ModelCall


class UsageRecovery:
    """Settles model calls whose worker died. A live worker settles its own calls first: it has the exact count.

    It is also the reaper's duty for such calls.
    """

    subject = "model call"

    def __init__(self, runs: RunStore, ledger: Ledger, clock: RedisClock, lease: float) -> None:
        self._runs = runs
        self._ledger = ledger
        self._clock = clock
        self._grace = timedelta(seconds=lease)

    def overdue(self) -> list[tuple[str, str, str]]:
        """Session, run and number of calls that were not settled in time."""
        return self._ledger.overdue()

    def postpone(self, session_id: str, run_id: str, number: str) -> None:
        """Look at the call again later."""
        self._ledger.postpone(session_id, run_id, number)

    def handle(self, session_id: str, run_id: str, number: str) -> None:
        """Settle an overdue call, unless its worker may still do so."""
        run = self._runs.get(session_id, run_id)
        if run and not self._is_over(run):
            self.postpone(session_id, run_id, number)
            return
        self.close(session_id, run_id)
        self._ledger.forget(session_id, run_id, number)

    def close(self, session_id: str, run_id: str) -> None:
        """Settle all open calls of a turn now. A charge that its worker settles later does not count."""
        if calls := self._ledger.unsettled_calls(session_id, run_id):
            run = self._runs.get(session_id, run_id)
            reply_bytes = _last_reply_bytes(self._runs.partial(run)) if run else 0
            for call in calls:
                self._ledger.settle(session_id, run_id, call.estimated(reply_bytes if _is_of_the_turn(call) else 0))

    def close_all(self, session_id: str) -> None:
        """Settle all open calls of a session, whose turns have ended: it is about to be deleted."""
        for run_id in self._ledger.unsettled_turns(session_id):
            self.close(session_id, run_id)

    def _is_over(self, run: Run) -> bool:
        if run.status not in ENDED or "ended_at" not in run.times:
            return False
        return self._clock.now() - datetime.fromisoformat(run.times["ended_at"]) > self._grace


def _is_of_the_turn(call: ModelCall) -> bool:
    """Whether the call's reply is in the turn's log; that of a title's call is not."""
    return call.number.isdecimal()


def _last_reply_bytes(messages: list[Message]) -> int:
    """Bytes of the reply that was under way: the last one, unless its tools have given results."""
    replies = [message for message in messages if message["role"] == "assistant"]
    if not replies or any(result["result"] != INTERRUPTED for result in replies[-1].get("tool_results", ())):
        return 0
    calls = replies[-1].get("tool_calls", ())
    return len(replies[-1]["content"].encode()) + sum(
        len(call["name"]) + len(exact_json.dumps(call["args"])) for call in calls
    )
