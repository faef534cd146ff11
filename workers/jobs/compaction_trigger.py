"""Whether a turn's thread is to be summed up: known when the turn has ended, so that no turn waits for it."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from app.state.connection.clients import Unavailable
from app.state.conversation.transcript import Message
from app.state.turns.run_records import Run
from app.telemetry.logs import short_session_id
from workers.models.prompt import compaction
from workers.models.prompt.history import without_covered
from workers.reply import Reply
from workers.runtime import Runtime

log = logging.getLogger("workers.jobs")


class CompactionTrigger:
    """Watches the model calls of one turn. `fire` has the thread summed up if the last prompt was long enough."""

    def __init__(self, runtime: Runtime, run: Run) -> None:
        app = runtime.services.catalog.app(run.app)
        self._runtime = runtime
        self._run = run
        self._compact = app.compact if app else None
        self._last: tuple[str, Sequence[Message], Reply] | None = None

    def observe(self, model: str, messages: Sequence[Message], reply: Reply) -> None:
        """The model `model` has replied to these messages."""
        if self._compact:
            self._last = model, messages, reply

    def fire(self) -> None:
        """Enqueue the job if it is time."""
        if not self._is_time():
            return
        try:
            self._runtime.services.jobs.compaction(self._run.session_id, self._run.id)
        except Unavailable as error:  # the end of a later turn has it done
            session = short_session_id(self._run.session_id)
            log.warning("the history of session %s cannot be summed up now (%s)", session, type(error).__name__)

    def _is_time(self) -> bool:
        if self._compact is None or self._last is None:
            return False
        model, messages, reply = self._last
        room = self._runtime.models.room(model, ())
        whole = compaction.tokens(without_covered(messages, self._run.summary))
        sent = reply.usage.input if reply.usage and reply.usage.input else whole
        return sent >= self._compact.at * room or whole >= room  # of a longer history, not all was sent
