"""The paths of the AI SDK's clients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, jsonify, request, url_for
from flask.typing import ResponseReturnValue

from app.dialects.ai_sdk import history, metadata, schemas, sending
from app.dialects.ai_sdk.chunks import UIMessageChunk
from app.dialects.ai_sdk.frames import HEADERS, Reply, Version
from app.errors import BadRequest, NotFound
from app.events import sse
from app.openapi.declare import (
    APP,
    LISTED,
    PAGED,
    REASONING,
    SESSION_PATH,
    Events,
    Parameter,
    RouteSpec,
    body,
    documented,
    query,
)
from app.state.conversation.histories import Snapshot
from app.state.turns.run_records import Run
from app.web import parsing
from app.web.bodies import json_body, validated
from app.web.counted_turns import counted
from app.web.current import services
from app.web.messages.turn_start import chat_of, session_of_body
from app.web.pages import paged_json
from app.web.serializers import shows_reasoning
from app.web.session_lists import listed_sessions
from app.web.streaming.stream_slots import opens_stream
from app.web.streaming.turn_frames import TurnEvent
from app.web.streaming.turn_streams import kept_turn, stream_events, stream_turn

bp = Blueprint("ai_sdk", __name__)

RECENT_TURNS = 50
"""Turns whose record or usage is looked up for the history."""

_STREAM = Events(UIMessageChunk, {"x-vercel-ai-ui-message-stream": "`v1`"})
_VERSIONS: dict[str, Version] = {"5": 5, "6": 6, "7": 7}
_VERSION_SCHEMA = {"type": "string", "enum": list(_VERSIONS)}
_VERSION = RouteSpec(
    (Parameter("v", "query", "The client's version of `ai`; by default, what all take.", _VERSION_SCHEMA),),
    (400,),
)
_KEY_SCHEMA = {"type": "string", "maxLength": parsing.IDEMPOTENCY_KEY_CHARACTERS}
_IDEMPOTENCY_KEY = Parameter(
    "Idempotency-Key", "header", "A new one for each message, kept for its retries.", _KEY_SCHEMA
)
_REFUSED = RouteSpec((_IDEMPOTENCY_KEY,), (400, 402, 409, 415, 429))


@bp.post("/ai/chat")
@documented(_STREAM, APP, REASONING, _VERSION, _REFUSED, body(schemas.SentChat))
@opens_stream
def send() -> ResponseReturnValue:
    """Accept the last message of the history, or a single one, and stream the answer to it. `trigger` and `messageId`
    make an answer again, or edit a message. Hanging up does not stop it."""
    version, sent = _version(), validated(schemas.SentChat, json_body())
    chat = chat_of(session_of_body(sent["id"]))
    accepted = sending.start(chat, sent)
    if (owner := sent.get("public_key")) and not chat.session.get("public_key"):
        services().sessions.set_public_key(chat.session_id, owner)
    if accepted.outcome == "kept":
        waiting = TurnEvent(0, sse.complete(awaiting=accepted.awaiting))
        run = services().runs.get(chat.session_id, accepted.run_id)
        return stream_events(iter([waiting]), _reply(chat.session_id, accepted.run_id, run, version).frames, HEADERS)
    return _stream(chat.session_id, accepted.run_id, version, whole=False)


@bp.get("/ai/chat/<session_id>/stream")
@documented(
    _STREAM,
    SESSION_PATH,
    REASONING,
    _VERSION,
    query("run_id", "A turn of this chat, also one that is over: 404 once its events are no longer kept."),
    no_content="Nothing runs in this chat, or it is unknown",
)
@opens_stream
def resume(session_id: str) -> ResponseReturnValue:
    """The whole turn that runs, from its first word on. A page that loaded the messages while it ran gets it once more,
    if it ended a moment ago. With `run_id`, that turn."""
    version, session_id = _version(), parsing.checked_session_id(session_id)
    named = request.args.get("run_id")
    run_id = kept_turn(session_id, named).id if named else _resumed(session_id, version)
    return _stream(session_id, run_id, version, whole=True) if run_id else ("", 204)


@bp.post("/ai/chat/<session_id>/stop")
@documented(schemas.Stopped, SESSION_PATH)
def stop(session_id: str) -> ResponseReturnValue:
    """Stop the turn that runs. Its text so far stays."""
    session_id = parsing.checked_session_id(session_id)
    stopped = services().turns.interrupt(session_id)
    if not stopped:
        parsing.session_or_404(session_id)
    return jsonify(stopped=stopped)


@bp.get("/ai/chat/<session_id>/messages")
@documented(list[schemas.UIMessage], SESSION_PATH, REASONING, _VERSION)
def messages(session_id: str) -> ResponseReturnValue:
    """The messages of the active branch, oldest first, as a bare array of UIMessages. Without the answer that is being
    made, which its stream brings, unless the client's version (`v`, 6 or 7) puts that in its place."""
    version, session_id = _version(), parsing.checked_session_id(session_id)
    snapshot = services().sessions.histories.snapshot(session_id, None)
    if snapshot is None:
        raise NotFound(parsing.NO_SESSION)
    being_made = _being_made(session_id, snapshot)
    if being_made:
        services().runs.half_loaded.note(session_id, snapshot.session["run"])
    left_out = being_made if version == 5 else ()
    stored = [one for one in snapshot.messages if history.run_of(one) not in left_out]

    def file_url(file_id: str) -> str:
        return url_for("files.show", file_id=file_id, session_id=session_id, _external=True)

    with_reasoning = shows_reasoning(services().catalog, snapshot.session)
    known = _known(session_id, snapshot)
    return jsonify(history.ui_messages(stored, known, file_url, version=version, with_reasoning=with_reasoning))


@bp.get("/ai/chats")
@documented(list[schemas.ListedChat], LISTED, PAGED)
def chats() -> ResponseReturnValue:
    """The chats of a public key, or with owners of the caller, newest first, as a bare array. `Link` leads to older
    ones."""
    page = listed_sessions()
    names = {"id": "id", "title": "title", "createdAt": "created_at", "updatedAt": "updated_at"}
    return paged_json([{name: one[stored] for name, stored in names.items()} for one in page.items], page)


def _version() -> Version:
    sent = request.args.get("v", "5")
    if sent not in _VERSIONS:
        raise BadRequest(f"'v' must be the major version of the client's `ai` package: {', '.join(_VERSIONS)}")
    return _VERSIONS[sent]


def _resumed(session_id: str, version: Version) -> str:
    """The turn that a page reads which has loaded the messages, '' if there is none. A client of version 5 appends a
    turn that it has already: one page gets it. Others put it in its place, in each tab that has its beginning."""
    runs, once = services().runs, version == 5
    if run_id := runs.current(session_id):
        if once:
            runs.half_loaded.take(session_id, run_id)
        return run_id
    last = runs.get(session_id, runs.last(session_id))
    return last.id if last and runs.half_loaded.is_missed(last, once=once) else ""


def _stream(session_id: str, run_id: str, version: Version, *, whole: bool) -> Response:
    """The turn's stream. The `whole` message of a turn that goes on begins with the turns before it."""
    run, wants = services().runs.get(session_id, run_id), parsing.wants_reasoning()
    earlier = _before(run, wants) if run and run.earlier and whole else []
    return stream_turn(
        session_id,
        run_id,
        _reply(session_id, run_id, run, version).frames,
        with_reasoning=wants,
        headers=HEADERS,
        before=[TurnEvent(number, event) for number, event in enumerate(earlier, -len(earlier))],
    )


def _reply(session_id: str, run_id: str, run: Run | None, version: Version) -> Reply:
    runs = services().runs  # the stream outlives the request

    def ended() -> Mapping[str, Any]:
        return metadata.at_end(counted(lambda: runs.get(session_id, run_id)))

    return Reply(
        message_id=run.earlier[0] if run and run.earlier else run_id,
        run_id=run_id,
        started=metadata.at_start(run),
        ended=ended,
        version=version,
        calls=frozenset(call.call_id for call in run.goes_on.calls) if run and run.goes_on else frozenset(),
        client_tools=metadata.client_tools(run),
        asked=lambda: ended_run.asks if (ended_run := runs.get(session_id, run_id)) else (),
    )


def _before(run: Run, with_reasoning: bool) -> list[sse.Event]:
    """The events of the turns that asked before this one, out of the history."""
    snapshot = services().sessions.histories.snapshot(run.session_id, run.thread_id)
    stored = [one for one in snapshot.messages if history.run_of(one) in run.earlier] if snapshot else []
    return history.events_of(stored, with_reasoning=with_reasoning)


def _known(session_id: str, snapshot: Snapshot) -> history.Known:
    """Facts of turns, and of the calls that wait."""
    ids = list(dict.fromkeys(filter(None, map(history.run_of, snapshot.messages))))[-RECENT_TURNS:]
    runs = services().runs.get_each(session_id, ids)
    recorded = {run.id for run in runs}
    told = {history.run_of(one): one["turn"] for one in snapshot.messages if "turn" in one}
    told = {run_id: facts for run_id, facts in told.items() if run_id not in recorded}
    used = services().ledger.of_turns(session_id, [run_id for run_id in ids if run_id in told])
    waiting = snapshot.open_calls.unanswered if snapshot.open_calls else ()
    return history.Known(
        metadata={run_id: metadata.of_facts(facts, used.get(run_id)) for run_id, facts in told.items()}
        | {run.id: metadata.at_end(run) for run in runs},
        client_tools={run_id: frozenset(facts.get("client_tools", ())) for run_id, facts in told.items()}
        | {run.id: metadata.client_tools(run) for run in runs},
        approvals=frozenset(call.call_id for call in waiting if call.kind == "approval"),
        questions={call.call_id: call for call in waiting if call.question},
    )


def _being_made(session_id: str, snapshot: Snapshot) -> frozenset[str]:
    """The turns whose message is being made."""
    run = services().runs.get(session_id, snapshot.session.get("run", "")) if snapshot.running else None
    return frozenset((run.id, *run.earlier)) if run else frozenset()
