"""A session that is made for one message, with the history that its client brings along."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from app.dialects.openai.requests.conversation_input import Said
from app.web.current import services


@contextmanager
def provisional(session_id: str, said: Said, *, is_temporary: bool) -> Iterator[None]:
    """Make the session of a message, in whose block the turn starts. If it is refused the session is erased soon; if
    the process dies the reaper does it, also later of one that `is_temporary`, unless its request holds it."""
    needs_session = bool(said.history or said.contents.files)
    if not (needs_session or is_temporary):
        yield
        return
    temporary, is_started = services().temporary_sessions, False
    temporary.add(session_id)
    try:
        if needs_session:
            services().imports.thread(session_id, said.history)
        yield
        is_started = True
    finally:
        if not is_started:
            temporary.release(session_id)
    if not is_temporary:
        temporary.forget(session_id)
