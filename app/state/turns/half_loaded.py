"""Pages that loaded the beginning of an answer while it was made, and read its stream next.

If the turn ends between the two requests, nothing runs any more when the page asks for the stream: it would show only
the beginning until it loads again. A mark at the turn says that such a page may come.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta

from redis.exceptions import OutOfMemoryError

from app.state import redis_keys
from app.state.scripts import Store
from app.state.turns.run_records import Run

WINDOW = timedelta(seconds=10)
"""How long after a turn's end a page may still ask for the stream. Pages do so at once when they have the messages."""

_MARK = "half_loaded"


class HalfLoaded:
    """The marks at the turns of all sessions."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def note(self, session_id: str, run_id: str) -> None:
        """A page got the beginning of this turn's answer. Without memory for the mark, the page has its messages all
        the same."""
        with suppress(OutOfMemoryError):
            self._store.call("update_hash", [redis_keys.run(session_id, run_id)], {"fields": [_MARK, "1"]})

    def take(self, session_id: str, run_id: str) -> bool:
        """Remove the mark; whether it was there. It counts once: for the page that asks for the stream first."""
        return bool(self._store.redis.hdel(redis_keys.run(session_id, run_id), _MARK))

    def is_missed(self, run: Run, *, once: bool) -> bool:
        """Whether a page misses the rest of the answer of a turn that is over; `once` removes the mark. Not that of a
        stopped turn, whose answer has no rest."""
        ended_at = run.times.get("ended_at")
        if run.outcome not in ("complete", "error") or run.terminal is None or ended_at is None:
            return False
        since = self._store.clock.now() - datetime.fromisoformat(ended_at)
        if since >= WINDOW:
            return False
        if once:
            return self.take(run.session_id, run.id)
        return bool(self._store.redis.hexists(redis_keys.run(run.session_id, run.id), _MARK))
