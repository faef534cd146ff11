"""The bill of one turn: its model calls, opened in the ledger, refused beyond the budget, settled by the meter."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count

from app.state.ledger import Ledger
from app.state.run_records import Run
from app.usage import BUDGET_SPENT, NO_KEY, ModelCall
from app.usage.report import today
from workers.models.llm import CallEstimate, MeasureUsage
from workers.turn import BudgetSpent
from workers.usage_settler import UsageSettler


class UsageRecorder:
    """What a turn asks of models, call by call; `numbers` names the calls."""

    def __init__(self, ledger: Ledger, meter: UsageSettler, run: Run, numbers: Iterator[str] | None = None) -> None:
        self._ledger = ledger
        self._meter = meter
        self._run = run
        self._numbers = numbers or map(str, count(1))

    def check(self) -> None:
        """Raises `BudgetSpent` when the turn's API key may cost no more. Without a budget it asks nobody."""
        if self._run.principal.budget:
            self._meter.flush(self._run.id)
            if self._ledger.is_over(self._run.principal.api_key_id, self._run.principal.budget):
                raise BudgetSpent(BUDGET_SPENT)

    def open(self, asked: CallEstimate) -> Callable[[MeasureUsage], None]:
        """Write down a call that is on its way; returns what to tell how to measure it when it has ended."""
        run = self._run
        call = ModelCall(
            number=next(self._numbers),
            day=str(today()),
            api_key_id=run.principal.api_key_id or NO_KEY,
            app=run.app,
            model=asked.model,
            prompt=asked.prompt,
            prices=asked.prices,
            own_key=asked.own_key,
        )
        self._ledger.open(run.session_id, run.id, call)
        return lambda measure: self._meter.put(run.session_id, run.id, lambda: call.charge(*measure()))
