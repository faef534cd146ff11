"""The bill of one turn: its model calls, opened in the ledger, refused beyond the budget, settled by the meter."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count

from app.state.ledger import Ledger
from app.state.runs import Run
from app.usage import NO_KEY, ModelCall
from app.usage.budget import SPENT, is_spent
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
        if self._run.budget:
            self._meter.flush(self._run.id)
            if is_spent(self._ledger, self._run.key, self._run.budget):
                raise BudgetSpent(SPENT)

    def open(self, asked: CallEstimate) -> Callable[[MeasureUsage], None]:
        """Write down a call that is on its way; returns what to tell how to measure it when it has ended."""
        run = self._run
        call = ModelCall(
            number=next(self._numbers),
            day=str(today()),
            key=run.key or NO_KEY,
            app=run.app,
            model=asked.model,
            prompt=asked.prompt,
            prices=asked.prices,
            own_key=asked.own_key,
        )
        self._ledger.open(run.session_id, run.id, call)
        return lambda measure: self._meter.put(run.session_id, run.id, lambda: call.charge(*measure()))
