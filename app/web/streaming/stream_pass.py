"""How long a stream may go on when its token is over, or its session is another one's."""

from __future__ import annotations

import errno
import time
from collections.abc import Iterator
from dataclasses import dataclass

from app.live.inbox import Inbox
from app.state.accounts.owners import Owners
from app.state.connection.clients import Unavailable
from app.tokens.user import User
from app.tokens.verifier import Verifier
from app.web.access.users import current_user, owned_sessions
from app.web.current import services

RECHECK_SECONDS = 30.0
"""A session that was deleted may be made again by anybody: its streams look whose it is."""


GAP = b'"gap"'
"""In the frame that says that events are missing, as of a session that was deleted. A text with it costs one look."""


@dataclass
class StreamPass:
    """Of one stream. `sessions` are those that it was admitted to."""

    owners: Owners
    tokens: Verifier
    user: User
    sessions: frozenset[str]
    grace: float
    checked_at: float

    def admits(self) -> bool:
        """Whether the stream may go on. While Redis does not respond, only the time counts."""
        if self.tokens.is_over(self.user, self.grace):
            return False
        if time.monotonic() < self.checked_at + RECHECK_SECONDS:
            return True
        try:
            owned = self.owners.owned(self.user.id, self.sessions)
            if owned == self.sessions:
                self.checked_at = time.monotonic()
                return True
            return all(self.owners.admits(session_id, self.user.id) for session_id in self.sessions - owned)
        except Unavailable:
            return True

    def recheck(self) -> None:
        """Look whose the sessions are before the next frame, and before each one for as long as one is nobody's."""
        self.checked_at = float("-inf")


def admitted(frames: Iterator[bytes | Inbox]) -> Iterator[bytes | Inbox]:
    """The frames of this request's stream, for as long as its user may read them; all of them without owners.

    Raises `ConnectionResetError`, which gunicorn answers by closing the connection: a client would take a clean end for
    that of the turn, and it may read on with a new token.
    """
    user, own = current_user(), services()
    if user is None:
        return frames
    sessions, grace = frozenset(owned_sessions()), own.settings.token_grace
    return _while_admitted(frames, StreamPass(own.owners, own.tokens, user, sessions, grace, time.monotonic()))


def _while_admitted(frames: Iterator[bytes | Inbox], stream_pass: StreamPass) -> Iterator[bytes | Inbox]:
    for frame in frames:
        if isinstance(frame, Inbox):  # silence is no frame
            yield frame
            continue
        if GAP in frame:  # as after a deletion
            stream_pass.recheck()
        if not stream_pass.admits():
            raise ConnectionResetError(errno.ECONNRESET, "the token of this stream's user is over")
        yield frame
