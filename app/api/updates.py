"""The update stream of a session: state changes, titles, results of multi-step tools."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from app.catalog import Catalog
from app.events import sse
from app.events.entries import StreamEntry
from app.events.types import UpdateEvent
from app.live.hub import Hub
from app.live.inbox import Inbox
from app.live.relay import Read, replay_then_follow
from app.openapi.declare import LAST_EVENT_ID, SESSION, Events, documented
from app.services import Services
from app.state import redis_keys
from app.state.connection.clients import Unavailable
from app.state.sessions import Sessions
from app.web import parsing
from app.web.current import catalog_source, services
from app.web.serializers import status_json
from app.web.streaming.stream_slots import opens_stream
from app.web.streaming.streams import stream
from app.web.streaming.turn_frames import MAX_SILENCE

bp = Blueprint("updates", __name__)


@bp.get("/api/updates")
@documented(Events(UpdateEvent, {}), SESSION, LAST_EVENT_ID)
@opens_stream
def subscribe() -> ResponseReturnValue:
    """Follow the session until the client disconnects. The session need not exist yet."""
    session_id = parsing.session_id()
    last_id = request.headers.get("Last-Event-ID")
    after = parsing.event_number_of(last_id, "Last-Event-ID") if last_id else None
    return stream(UpdateFrames.of(services()).follow(session_id, after), is_long=True)


@dataclass(frozen=True)
class UpdateFrames:
    """Streams the updates of sessions. `catalog` returns the present one: a stream may outlive several. `keep_alive`:
    silent seconds after which a comment frame is sent."""

    hub: Hub
    sessions: Sessions
    catalog: Callable[[], Catalog]
    keep_alive: float

    @classmethod
    def of(cls, services: Services) -> UpdateFrames:
        """On the parts of a process."""
        return cls(services.hub, services.sessions, catalog_source(), services.settings.keep_alive)

    def follow(self, session_id: str, after: int | None) -> Iterator[bytes | Inbox]:
        """The updates after number `after` (None: those from now on), a `gap` event where some are no longer kept, the
        `state` as of the call or later, then updates as they come; its inbox where it would wait for them. So a client
        that has the response gets all that changes from then on. Ends when the process stops. The frames raise
        `Unavailable`, the call does not: an EventSource never asks again after an error's status.

        A session that Redis has lost, or that was deleted, counts its updates from 1 again: a `gap` and its `state` are
        sent within `MAX_SILENCE`.
        """
        known = None
        with suppress(*Unavailable):
            known = self._state(session_id)
        return self._frames(session_id, after, known)

    def _frames(self, session_id: str, after: int | None, known: tuple[int, bytes] | None) -> Iterator[bytes | Inbox]:
        def read(number: int) -> list[StreamEntry]:
            return self.sessions.read_updates(session_id, number)

        yield sse.RETRY
        last, state = known or self._state(session_id)
        if after is not None:
            last = yield from _missed(session_id, read(after) if after <= last else [], after, last)
            state = self._state(session_id)[1]
        yield sse.numbered(state, "", last)
        while (restart := (yield from self._until_restart(session_id, read, last))) is not None:
            last, state = restart
            yield sse.frame(sse.gap(session_id)) + sse.numbered(state, "", last)

    def _until_restart(
        self, session_id: str, read: Read, last: int
    ) -> Generator[bytes | Inbox, None, tuple[int, bytes] | None]:
        """The updates after number `last` as they come. Returns the state of a session that counts from 1 again; None
        when the process stops."""
        silent, tick = 0.0, min(self.keep_alive, MAX_SILENCE)
        for batch in replay_then_follow(self.hub, redis_keys.updates(session_id), read, last, tick):
            if isinstance(batch, Inbox):
                yield batch
                continue
            if batch is None:
                if restart := self._restart(session_id, last):
                    return restart
                silent += tick
                if silent >= self.keep_alive:
                    silent = 0.0
                    yield sse.KEEP_ALIVE
                continue
            silent = 0.0
            if batch.first > last + 1:
                yield sse.frame(sse.gap(session_id)) + self._state(session_id)[1]
            yield sse.numbered(batch.frames, "", batch.first)
            last = batch.last
        return None

    def _restart(self, session_id: str, last: int) -> tuple[int, bytes] | None:
        """The state of the session if it has fewer updates than `last`; None otherwise, and if Redis is unavailable."""
        try:
            state = self._state(session_id)
        except Unavailable:
            return None
        return state if state[0] < last else None

    def _state(self, session_id: str) -> tuple[int, bytes]:
        """The number of the last update, and the `state` frame as of that update."""
        session = self.sessions.get(session_id) or {}
        frame = sse.frame(sse.state(session_id, **status_json(self.catalog(), session)))
        return int(session.get("updates", "0")), frame


def _missed(session_id: str, entries: list[StreamEntry], after: int, last: int) -> Generator[bytes, None, int]:
    """The frames of updates that a client missed after number `after`, which end at number `last`. Returns the number
    of the last one. (A generator of its own, so that a stream does not hold them as long as it is open.)"""
    if after != last and (not entries or entries[0].number != after + 1):
        yield sse.frame(sse.gap(session_id))
    for entry in entries:
        yield sse.numbered(entry.frame, "", entry.number)
        last = entry.number
    return last
