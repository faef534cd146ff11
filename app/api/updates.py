"""The update stream of a session: state changes, titles, results of multi-step tools."""

from __future__ import annotations

from collections.abc import Iterator

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from app.events import sse
from app.events.types import UpdateEvent
from app.live.relay import replay_then_follow
from app.openapi.declare import LAST_EVENT_ID, SESSION, Events, documented
from app.services import Services
from app.state import redis_keys
from app.state.connection.store import Entry
from app.web import parsing
from app.web.current import services
from app.web.serializers import status_json
from app.web.streams import stream

bp = Blueprint("updates", __name__)


@bp.get("/api/updates")
@documented(Events(UpdateEvent, {}), SESSION, LAST_EVENT_ID)
def subscribe() -> ResponseReturnValue:
    """Follow the session for as long as the client stays; it need not exist yet."""
    session_id = parsing.session_id()
    last_id = request.headers.get("Last-Event-ID")
    after = parsing.number_of(last_id, "Last-Event-ID") if last_id else None
    return stream(_frames(services(), session_id, after))


def _frames(parts: Services, session_id: str, after: int | None) -> Iterator[bytes]:
    yield sse.RETRY

    def read(number: int) -> list[Entry]:
        return parts.sessions.read_updates(session_id, number)

    last, now = _state(parts, session_id)
    if after is not None:
        missed = read(after) if after <= last else []
        if after != last and (not missed or missed[0].number != after + 1):
            yield sse.frame(sse.gap(session_id))
        for entry in missed:
            yield sse.numbered(entry.frame, "", entry.number)
            last = entry.number
        now = _state(parts, session_id)[1]
    yield sse.numbered(now, "", last)
    for batch in replay_then_follow(parts.hub, redis_keys.updates(session_id), read, last, parts.settings.keep_alive):
        if batch is None:
            yield sse.KEEP_ALIVE
            continue
        if batch.first > last + 1:
            yield sse.frame(sse.gap(session_id)) + _state(parts, session_id)[1]
        yield sse.numbered(batch.frames, "", batch.first)
        last = batch.last


def _state(parts: Services, session_id: str) -> tuple[int, bytes]:
    """The number of the last update, and the `state` frame as of then."""
    session = parts.sessions.get(session_id) or {}
    return int(session.get("updates", "0")), sse.frame(sse.state(session_id, **status_json(parts.catalog, session)))
