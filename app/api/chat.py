"""Chat: accept a message and stream its answer; resume the stream of an answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask import Blueprint, Response, request, url_for
from flask.typing import ResponseReturnValue

from app.catalog import App
from app.dialects import gen1
from app.errors import BadRequest
from app.events import sse
from app.events.types import ChatEvent
from app.live.relay import replay_then_follow
from app.openapi.declare import (
    APP,
    IDS,
    KNOWN_SESSION,
    LAST_EVENT_ID,
    SESSION,
    STARTING_AFTER,
    Events,
    Parameter,
    RouteSpec,
    body,
    documented,
    query,
)
from app.openapi.schemas import NewMessage
from app.services import Services
from app.state import redis_keys
from app.state.connection.clients import Unavailable
from app.state.runs import TurnRequest
from app.web import admission, parsing
from app.web.current import services
from app.web.streams import stream

bp = Blueprint("chat", __name__)

STREAM = Events(ChatEvent, {"Location": "The address of this very stream, to resume it"})

_KEY_SCHEMA = {"type": "string", "maxLength": parsing.IDEMPOTENCY_KEY_CHARACTERS}
_IDEMPOTENCY_KEY = Parameter("Idempotency-Key", "header", "Fresh for a message, the same for its retries.", _KEY_SCHEMA)
_BUSY = RouteSpec((_IDEMPOTENCY_KEY,), (400, 402, 409, 429))


@bp.post("/api/chat")
@documented(STREAM, SESSION, APP, IDS, _BUSY, body(NewMessage), nothing="It was answered, and its events are gone")
def send() -> ResponseReturnValue:
    """Accept a message and stream the answer to it. Hanging up does not stop it: see /api/interrupt."""
    if gen1.sends():
        return gen1.send()
    session_id = parsing.session_id()
    session = services().sessions.get(session_id) or {}
    app = parsing.app_named(parsing.app_parameter() or session.get("chosen_app"))
    message = _message(app, session, parsing.body())
    accepted = admission.send(session_id, message)
    if accepted.outcome == "again" and services().runs.get(session_id, accepted.run_id) is None:
        return "", 204  # it was answered, and its events are no longer kept: the history has them
    return _stream(session_id, accepted.run_id, 0)


@bp.get("/api/chat")
@documented(
    STREAM,
    KNOWN_SESSION,
    LAST_EVENT_ID,
    STARTING_AFTER,
    IDS,
    query("run_id", "A turn, as in `Location`."),
    nothing="The session has no turn to show, or all of it was seen",
)
def resume() -> ResponseReturnValue:
    """Replay the current or last turn from an event on, then follow it live. 204 when there is none to show."""
    session_id, session = parsing.known_session()
    last_id = request.headers.get("Last-Event-ID") or request.args.get("starting_after") or ""
    after = parsing.number_of(last_id, "Last-Event-ID or starting_after") if last_id else 0
    named = last_id.rpartition(":")[0]
    wanted = named or request.args.get("run_id") or session.get("last_run", "")
    if services().runs.get(session_id, wanted) is None:
        wanted, after = session.get("last_run", ""), 0
        if services().runs.get(session_id, wanted) is None:
            return "", 204
    seen = services().runs.event(session_id, wanted, after) if after else None
    if seen and seen.kind in sse.TERMINAL:
        return "", 204
    return _stream(session_id, wanted, after if seen else 0)


def _message(app: App, session: dict[str, str], body: dict[str, Any]) -> TurnRequest:
    text = parsing.text_of(body, "text", parsing.TEXT_CHARACTERS)
    on_busy = body.get("on_busy", "enqueue")
    if on_busy not in parsing.ON_BUSY:
        raise BadRequest(f"'on_busy' must be one of {', '.join(parsing.ON_BUSY)}")
    model = parsing.optional_text_of(body, "model", parsing.MODEL_CHARACTERS)
    if model and not services().catalog.offers(app, model):
        raise BadRequest(f"The app {app.id!r} does not offer the model {model!r}; see /api/session/models")
    user_state = body.get("user_state")
    return TurnRequest(
        text=text,
        app=app.id,
        model=model or services().catalog.choice(app.id, session.get("model", ""))[1],
        thread_id=parsing.optional_text_of(body, "thread_id", parsing.THREAD_CHARACTERS) or None,
        user_state=None if user_state is None else parsing.user_state_of(user_state),
        on_busy=on_busy,
        idempotency_key=_idempotency_key(),
        body=app.id.encode() + b" " + request.get_data(),
        client=parsing.named_client(),
        key=parsing.api_key_id(),
    )


def _idempotency_key() -> str:
    key = request.headers.get("Idempotency-Key", "")
    if len(key) > parsing.IDEMPOTENCY_KEY_CHARACTERS:
        raise BadRequest(f"The Idempotency-Key may have at most {parsing.IDEMPOTENCY_KEY_CHARACTERS} characters")
    return key


def _stream(session_id: str, run_id: str, after: int) -> Response:
    """The answer's frames after number `after`."""
    ids = request.args.get("ids") == "1" or "Last-Event-ID" in request.headers
    response = stream(_frames(services(), session_id, run_id, after, ids))
    response.headers["Location"] = url_for("chat.resume", session_id=session_id, run_id=run_id)
    return response


def _frames(parts: Services, session_id: str, run_id: str, after: int, ids: bool) -> Iterator[bytes]:
    yield sse.OPENED
    log = redis_keys.log(session_id, run_id)

    def read(number: int) -> list[Any]:
        return parts.runs.entries(session_id, run_id, number)

    for batch in replay_then_follow(parts.hub, log, read, after, parts.settings.keep_alive):
        if batch is None:
            if _is_gone(parts, session_id, run_id):
                return  # its session was deleted, or Redis lost it: no end will come
            yield sse.KEEP_ALIVE
            continue
        if batch.frames:
            yield sse.numbered(batch.frames, f"{run_id}:", batch.first) if ids else batch.frames
        if batch.kind in sse.TERMINAL:
            return


def _is_gone(parts: Services, session_id: str, run_id: str) -> bool:
    """Whether the turn is no longer kept; not while Redis is away."""
    try:
        return parts.runs.get(session_id, run_id) is None
    except Unavailable:
        return False
