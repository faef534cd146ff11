"""CopilotKit's paths: its clients talk to them as to CopilotKit's own runtime. Each method has a path, and one path has
all methods."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify
from flask.typing import ResponseReturnValue

from app.catalog import App
from app.dialects.agui import schemas, sending
from app.dialects.agui.capabilities import capabilities_of
from app.dialects.agui.events import AgentEvent
from app.dialects.agui.running import stream_thread
from app.dialects.agui.views import APP_PATH, RUN, STREAM, asked, run_app
from app.errors import BadRequest
from app.events import sse
from app.openapi.declare import SESSION_PATH, JsonOrEvents, RouteSpec, body, documented
from app.version import __version__
from app.web import parsing
from app.web.access import session_auth
from app.web.access.caller import opened_apps
from app.web.bodies import json_body, optional_json_body, validated
from app.web.current import services
from app.web.messages.turn_start import session_of_body
from app.web.streaming.stream_slots import opens_stream
from app.web.streaming.streams import stream

bp = Blueprint("copilotkit", __name__, url_prefix="/copilotkit")

CALL = JsonOrEvents(schemas.RuntimeInfo | schemas.StoppedRun, AgentEvent)

_NO_RUN = "No turn runs in this thread"


@bp.get("/info")
@documented(schemas.RuntimeInfo, RouteSpec(refusals=(401,), key="optional"))
def info() -> ResponseReturnValue:
    """The apps that the API key opens, as agents, with what each can do."""
    return jsonify(_info())


@bp.post("/agent/<app>/run")
@documented(STREAM, APP_PATH, RUN, body(schemas.RunAgentInput))
@opens_stream
def run(app: str) -> ResponseReturnValue:
    """As `POST /agui/{app}`."""
    return run_app(app, json_body())


@bp.post("/agent/<app>/connect")
@documented(STREAM, APP_PATH, body(schemas.ConnectInput))
@opens_stream
def connect(app: str) -> ResponseReturnValue:
    """The messages of a thread, as a run. If a turn runs in it: the messages without what that turn said, then the turn
    from its first event on. Of an unknown thread, nothing."""
    return _connect(json_body())


@bp.post("/agent/<app>/stop/<session_id>")
@documented(schemas.StoppedRun, APP_PATH, SESSION_PATH, body(schemas.StopInput, required=False))
def stop(app: str, session_id: str) -> ResponseReturnValue:
    """Stop the thread's turn, or only the run that the body names. Its text so far stays."""
    return jsonify(_stop(parsing.checked_session_id(session_id), optional_json_body()))


@bp.post("")
@documented(CALL, RouteSpec(refusals=(401, 402, 403, 404, 409, 415, 429), key="optional"), body(schemas.EndpointCall))
@opens_stream
def call() -> ResponseReturnValue:
    """The same methods by one path: `info` and `agent/stop` respond with JSON, `agent/run` and `agent/connect` with a
    stream."""
    sent = validated(schemas.EndpointCall, json_body())
    params, content = sent.get("params") or {}, sent.get("body") or {}
    if sent["method"] == "info":
        return jsonify(_info())
    if sent["method"] == "agent/run":
        return run_app(_param(params, "agentId"), content)
    if sent["method"] == "agent/connect":
        return _connect(content)
    return jsonify(_stop(session_of_body(_param(params, "threadId")), content))


def _param(params: Any, name: str) -> str:
    value = params.get(name)
    if not value:
        raise BadRequest(f"'params' needs {name!r}")
    return str(value)


def _info() -> dict[str, Any]:
    return {
        "version": __version__,
        "mode": "sse",
        "agents": {app.id: _description(app) for app in opened_apps()},
        "audioFileTranscriptionEnabled": False,
        "suggestions": False,
        "a2uiEnabled": False,
        "openGenerativeUIEnabled": False,
        "telemetryDisabled": True,
    }


def _description(app: App) -> dict[str, Any]:
    return {
        "name": app.name or app.id,
        "description": "",
        "className": "App",
        "capabilities": capabilities_of(app, services()),
    }


def _connect(sent: Any) -> Response:
    """Raises `BadRequest`, `Unauthorized`, `Forbidden`."""
    sent = validated(schemas.ConnectInput, sent)
    session_id = parsing.checked_session_id(sent["threadId"])
    session_auth.check_key_of(session_id)
    snapshot = services().sessions.histories.snapshot(session_id, None)
    if snapshot is None:
        return stream(iter([sse.OPENED]))
    run_id = snapshot.session.get("last_run") or sent.get("runId") or session_id
    return stream_thread(asked(session_id, run_id, sent), snapshot)


def _stop(session_id: str, sent: Any) -> dict[str, Any]:
    """Raises `BadRequest`: a name that is not understood must not stop another run."""
    named = validated(schemas.StopInput, sent).get("runId")
    if unknown := sorted(sent.keys() - {"runId"}):
        raise BadRequest(f"The body may have 'runId' alone, not {unknown[0][:32]!r}")
    turn_id = sending.run_of(session_id, named) if named else ""
    if named and not turn_id:
        return {"stopped": False, "message": "There is no such run in this thread"}
    stopped = services().turns.interrupt(session_id, turn_id)
    return {"stopped": True} if stopped else {"stopped": False, "message": _NO_RUN}
