"""Records the model calls of one turn in the ledger, and refuses them when a budget is spent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count

from app.state.accounts.ledger import Ledger
from app.state.turns.run_records import Run
from app.usage import NO_KEY, ModelCall
from workers.cancellation import ENDED_ELSEWHERE, Stopped
from workers.models.request import CallEstimate, MeasureUsage
from workers.turn import BudgetSpent
from workers.usage_settler import UsageSettler


class UsageRecorder:
    """Records each call when it is sent, and hands it to the settler when it has ended. `call_ids` are unique within
    the turn; without them calls are numbered from 1. Those of a worker with a `claim` are no other worker's. `stop` is
    called if the turn does not run any more: its worker may have missed the message that says so."""

    def __init__(
        self,
        ledger: Ledger,
        settler: UsageSettler,
        run: Run,
        call_ids: Iterator[str] | None = None,
        claim: str = "",
        stop: Callable[[], object] = lambda: None,
    ) -> None:
        self._ledger = ledger
        self._settler = settler
        self._run = run
        self._call_ids = call_ids or map(str, count(1))
        self._claim = claim
        self._stop = stop

    def check(self) -> None:
        """Raises `BudgetSpent` when the turn's API key or user has spent its budget. Without one it makes no Redis
        call."""
        budgets = self._run.principal.budgets
        if budgets:
            self._settler.flush(self._run.id)
        for account, budget, message in budgets:
            if self._ledger.is_over(account, budget):
                raise BudgetSpent(message)

    def open(self, estimate: CallEstimate) -> Callable[[MeasureUsage], None]:
        """Record a call that was sent. Returns a callback: call it with a function that measures the usage once the
        call has ended. Raises `Stopped` when the turn is gone, because its session was deleted, or another worker's."""
        run = self._run
        call = ModelCall(
            number=next(self._call_ids),
            day=str(self._ledger.today()),
            api_key_id=run.principal.api_key_id or NO_KEY,
            app=run.app,
            model=estimate.model,
            prompt=estimate.prompt,
            prices=estimate.prices,
            own_key=estimate.own_key,
            user=run.principal.user,
        )
        status = self._ledger.open(run.session_id, run.id, call, self._claim)
        if status is None:
            raise Stopped(ENDED_ELSEWHERE)
        if status != "running":
            self._stop()
        return lambda measure: self._settler.put(run.session_id, run.id, lambda: call.charge(*measure()))
