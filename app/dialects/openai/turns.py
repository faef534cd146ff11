"""Turns of sessions as responses, whichever dialect their clients speak. A path of our own: OpenAI has no sessions."""

from __future__ import annotations

from flask import Blueprint
from flask.typing import ResponseReturnValue

from app.dialects.openai import schemas
from app.dialects.openai.frames.response_frames import ResponseFrames
from app.dialects.openai.retrieval import asked_in_session
from app.dialects.openai.streaming import OpenTurn
from app.openapi.declare import SESSION_PATH, Events, Parameter, RouteSpec, documented
from app.web import parsing
from app.web.current import services
from app.web.streaming.stream_slots import opens_stream
from app.web.streaming.turn_streams import kept_turn

bp = Blueprint("openai_turns", __name__, url_prefix="/v1/sessions")

_PATH = RouteSpec((Parameter("run_id", "path", "A turn, as in `Location` of /api/chat.", required=True),))


@bp.get("/<session_id>/turns/<run_id>")
@documented(Events(schemas.ResponseEvent, {}), SESSION_PATH, _PATH)
@opens_stream
def show(session_id: str, run_id: str) -> ResponseReturnValue:
    """A turn of a session as the stream of a response, from its first event on. Its ids are those of the session: they
    are none of `/v1/responses`. 404 once its events are no longer kept."""
    session_id = parsing.checked_session_id(session_id)
    run = kept_turn(session_id, run_id)
    frames = ResponseFrames(asked_in_session(run), run.id)
    return OpenTurn(services(), session_id, run.id).stream(frames)
