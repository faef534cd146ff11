"""The turn of a request: streamed, or awaited. One that nobody can come back to ends with its request."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from flask import Response, request

from app.dialects.openai.ends import end_of, until_end
from app.dialects.openai.frames.objects import End
from app.errors import BadRequest
from app.events import sse
from app.services import Services
from app.state.connection.clients import Unavailable
from app.web.bodies import BROKEN_OFF
from app.web.current import services
from app.web.streaming.client_socket import has_hung_up
from app.web.streaming.turn_frames import TurnEvent, TurnFrames
from app.web.streaming.turn_streams import stream_turn

Events = Iterator[TurnEvent | None]

LOOK_SECONDS = 1.0
"""How often an awaited request looks whether its client is there, while events arrive."""


class Frames(Protocol):
    """The frames of a stream: before the first event, of an event, of the end."""

    def begin(self) -> bytes:
        """Before the first event."""

    def frames(self, event: sse.Event) -> bytes:
        """Of an event that is not the terminal one."""

    def end(self, end: End) -> bytes:
        """The last ones."""


@dataclass(frozen=True)
class OpenTurn:
    """A turn of this process's services. `is_temporary`: its session goes with the request."""

    services: Services
    session_id: str
    run_id: str
    is_temporary: bool = False

    def stream(self, frames: Frames) -> Response:
        """The response that streams the turn, from a view that `opens_stream`."""
        translate = partial(self._translated, frames)
        return stream_turn(self.session_id, self.run_id, translate, with_reasoning=True)

    def wait(self, frames: Frames) -> End:
        """The end of the turn; `frames` has got all events before it. A temporary turn ends with the connection.

        Raises `NotReady` if the process stops before, `Unavailable`.
        """
        followed = TurnFrames.of(services()).events(self.session_id, self.run_id, with_reasoning=True)
        if self.is_temporary:
            followed = _while_connected(followed, request.environ.get("gunicorn.socket"))
        last: sse.Event = sse.LOST
        with closing(self._held(followed)) as events:
            for last in until_end(events):
                if last["type"] not in sse.TERMINAL:
                    frames.frames(last)
        return self._end(last)

    def _translated(self, frames: Frames, events: Events) -> Iterator[bytes]:
        with closing(self._held(events)) as held:
            yield frames.begin()
            for event in held:
                if event is None:
                    yield sse.KEEP_ALIVE
                elif event.event["type"] in sse.TERMINAL:
                    yield frames.end(self._end(event.event))
                elif data := frames.frames(event.event):
                    yield data

    def _end(self, terminal: sse.Event) -> End:
        return end_of(self.services, self.session_id, self.run_id, terminal)

    def _held(self, events: Events) -> Generator[TurnEvent | None]:
        """The events. Of a temporary session they keep it there, and the end of the request is the end of it."""
        if not self.is_temporary:
            yield from events
            return
        temporary = self.services.temporary_sessions
        is_over, held_at = False, time.monotonic()
        try:
            for event in events:
                is_over = event is not None and event.event["type"] in sse.TERMINAL
                if time.monotonic() > held_at + temporary.seconds / 4:
                    temporary.hold(self.session_id)
                    held_at = time.monotonic()
                yield event
        finally:
            with suppress(*Unavailable):  # the reaper does both when nobody holds it
                if not is_over:
                    self.services.turns.interrupt(self.session_id, self.run_id)
                temporary.release(self.session_id)


def _while_connected(events: Events, connection: object) -> Iterator[TurnEvent | None]:
    """The events, as long as the client is there. Raises `BadRequest`."""
    looked_at = time.monotonic()
    for event in events:
        if event is None or time.monotonic() > looked_at + LOOK_SECONDS:
            looked_at = time.monotonic()
            if connection is not None and has_hung_up(connection):
                raise BadRequest(BROKEN_OFF)
        yield event
