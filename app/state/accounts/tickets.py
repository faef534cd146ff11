"""Tickets: what opens the streams of one session for a short time, where no header can be sent, as by a browser's
EventSource. A ticket is encrypted and holds all there is to know: nothing is stored, and an address with one in it
shows neither the user nor the session."""

from __future__ import annotations

from dataclasses import dataclass

from app import exact_json
from app.state.clock import RedisClock
from app.state.responses.public_ids import PublicIds
from app.tokens.user import User

PURPOSE = "ticket"


@dataclass(frozen=True)
class Ticket:
    """Admits the user to the streams of a session."""

    session_id: str
    user: User


class Tickets:
    """Makes and reads them; they last `seconds`."""

    def __init__(self, ids: PublicIds, clock: RedisClock, seconds: int) -> None:
        self._ids = ids
        self._clock = clock
        self._seconds = seconds

    def issue(self, ticket: Ticket) -> str:
        """The text of a ticket, for the query of a stream."""
        until, user = self._clock.now().timestamp() + self._seconds, ticket.user
        content = [until, ticket.session_id, user.sub, user.expires_at, user.apps]
        return self._ids.sealed(exact_json.dump_bytes(content), PURPOSE)

    def read(self, text: str) -> Ticket | None:
        """None for what is no ticket, or was one."""
        content = self._ids.unsealed(text, PURPOSE)
        if not content:
            return None
        until, session_id, sub, expires_at, apps = exact_json.loads(content)
        if self._clock.now().timestamp() >= until:
            return None
        return Ticket(session_id, User(sub, expires_at, tuple(apps)))
