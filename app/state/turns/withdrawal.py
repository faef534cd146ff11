"""Withdrawing a message that no worker has begun."""

from __future__ import annotations

from typing import Literal

from app.events import sse
from app.state import redis_keys
from app.state.ids import new_id
from app.state.pairs import from_pairs
from app.state.scripts import Store
from app.state.turns.run_records import Run

WithdrawOutcome = Literal["withdrawn", "begun", "unknown"]
"""Whether a message was withdrawn, had begun or ended before, or belongs to no turn of the session."""


def seal_unbegun(store: Store, session_id: str, run_id: str) -> Run | None:
    """Claim the end of a turn that waits, or that is queued, and take its message out of the history, in one step.

    None if a worker has claimed the turn, or it has ended. After a Run, call `settle`.
    """
    frame = sse.frame(sse.state(session_id, "processing", withdrawn=run_id))
    args = {
        "run": run_id,
        "seal": new_id("seal"),
        "now": store.clock.now_iso(),
        "state_frame": frame.decode(),
        "max_updates": store.settings.updates_kept,
        "ttl": store.settings.session_ttl,
    }
    fields = from_pairs(store.call("withdraw", [redis_keys.session(session_id)], args))
    return Run.read(session_id, fields) if fields else None
