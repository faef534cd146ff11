"""The stream of a turn in a dialect: its events, translated, with all that the reference API's streams have."""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain

from flask import Response

from app.errors import NotFound
from app.events import sse
from app.state.connection.clients import Unavailable
from app.state.turns.run_records import Run
from app.web.current import services
from app.web.streaming.streams import stream
from app.web.streaming.turn_frames import TurnEvent, TurnFrames

log = logging.getLogger(__name__)

Translate = Callable[[Iterator[TurnEvent | None]], Iterator[bytes]]
"""A dialect's frames of a turn's events, from the first one on. None means that `sse.KEEP_ALIVE` is due. It is pure:
the same events make the same frames, so that every reader and every replay builds the same message."""


def kept_turn(session_id: str, run_id: str) -> Run:
    """A turn that can be streamed from its first event on, also one that is over. Raises `NotFound`."""
    run = services().runs.get(session_id, run_id)
    if run is None:
        raise NotFound("There is no such turn in this session, or its events are no longer kept")
    return run


def stream_turn(
    session_id: str,
    run_id: str,
    translate: Translate,
    *,
    with_reasoning: bool = False,
    headers: Mapping[str, str] | None = None,
    before: Iterable[TurnEvent] = (),
) -> Response:
    """The turn from its first event to its last, behind the events `before`, translated, from a view that
    `opens_stream`.

    Where the process stops, or Redis is away, before the turn has ended, the connection breaks off instead of ending:
    a client of a dialect would take a clean end for the turn's. It may read the turn again, from another process.
    """
    events = TurnFrames.of(services()).events(session_id, run_id, with_reasoning=with_reasoning)
    return stream_events(chain(before, _up_to_the_end(events)), translate, headers)


def stream_events(
    events: Iterator[TurnEvent | None], translate: Translate, headers: Mapping[str, str] | None = None
) -> Response:
    """These events, translated, from a view that `opens_stream`."""
    response = stream(_translated(events, translate))
    response.headers.update(headers or {})
    return response


def _translated(events: Iterator[TurnEvent | None], translate: Translate) -> Iterator[bytes]:
    """Raises `ConnectionResetError`, which gunicorn answers by closing the connection, where Redis is away: also for
    what a dialect asks it at the end of the turn."""
    yield sse.OPENED
    try:
        yield from translate(events)
    except Unavailable as error:
        log.warning("Redis does not respond (%s): breaking off a stream; its client may resume", type(error).__name__)
        raise _broken_off() from None


def _broken_off() -> ConnectionResetError:
    return ConnectionResetError(errno.ECONNRESET, "the turn goes on, but not on this connection")


def _up_to_the_end(events: Iterator[TurnEvent | None]) -> Iterator[TurnEvent | None]:
    """The events. Raises `ConnectionResetError` where the terminal one is missing."""
    for event in events:
        yield event
        if event and event.event["type"] in sse.TERMINAL:
            return
    raise _broken_off()
