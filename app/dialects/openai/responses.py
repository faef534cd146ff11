"""Responses: created, retrieved, streamed from any event on, cancelled, deleted."""

from __future__ import annotations

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from app.dialects.openai import lists, schemas
from app.dialects.openai.frames.items import items_of
from app.dialects.openai.frames.objects import response
from app.dialects.openai.frames.response_frames import ALL_SEEN, ResponseFrames
from app.dialects.openai.requests.creation import create
from app.dialects.openai.requests.placement import NO_RESPONSE, messages_of, turn_of_response
from app.dialects.openai.retrieval import asked_of, response_now
from app.dialects.openai.streaming import OpenTurn
from app.errors import BadRequest, Conflict, NotFound
from app.openapi.declare import JsonOrEvents, Parameter, RouteSpec, body, documented, query
from app.state.responses.public_ids import PublicTurn
from app.web import parsing
from app.web.access import session_auth
from app.web.bodies import json_body
from app.web.current import services
from app.web.streaming.stream_slots import opens_stream

bp = Blueprint("openai_responses", __name__, url_prefix="/v1/responses")

KEY = RouteSpec(refusals=(400, 401, 403, 404), key="optional")
_PATH = RouteSpec((Parameter("response_id", "path", "A response of the caller's.", required=True),))
_TURNS = RouteSpec(refusals=(400, 402, 409, 413, 415, 429))
_AFTER = RouteSpec((Parameter("starting_after", "query", "The `sequence_number` of an event: those behind it."),))
_RESPONSE = JsonOrEvents(schemas.ResponseObject, schemas.ResponseEvent)


@bp.post("")
@documented(_RESPONSE, KEY, _TURNS, body(schemas.NewResponse))
@opens_stream
def send() -> ResponseReturnValue:
    """Create a response: streamed with `stream`, at once with `background`, else when it is complete."""
    sent = json_body()
    created = create(sent)
    turn = created.turn
    if sent.get("background") and not sent.get("stream"):
        return jsonify(response_now(turn))
    run = services().runs.get(turn.session_id, turn.run_id)
    if run is None:
        return jsonify(response_now(turn))
    asked, open_turn = (
        asked_of(turn, run),
        OpenTurn(services(), turn.session_id, turn.run_id, created.is_temporary),
    )
    if sent.get("stream"):
        return open_turn.stream(ResponseFrames(asked, turn.run_id))
    frames = ResponseFrames(asked, turn.run_id, ALL_SEEN)
    end = open_turn.wait(frames)
    frames.end(end)
    return jsonify(response(asked, end.status, frames.output, end))


@bp.get("/<response_id>")
@documented(_RESPONSE, KEY, _PATH, query("stream", "`true` streams it."), _AFTER)
@opens_stream
def show(response_id: str) -> ResponseReturnValue:
    """The response as it is now, or, with `stream`, its events from any one on."""
    turn = _turn(response_id)
    run = services().runs.get(turn.session_id, turn.run_id)
    if run and "temporary" in run.message.get("note", {}):  # it is only there until the reaper erases its session
        raise NotFound(NO_RESPONSE)
    if request.args.get("stream", "").lower() != "true":
        return jsonify(response_now(turn))
    after = request.args.get("starting_after")
    if after is not None and not parsing.EVENT_NUMBER.fullmatch(after):
        raise BadRequest("'starting_after' must be the sequence_number of an event")
    if run is None:
        raise NotFound("The events of this response are no longer kept; retrieve it without 'stream'")
    frames = ResponseFrames(asked_of(turn, run), turn.run_id, -1 if after is None else int(after))
    return OpenTurn(services(), turn.session_id, turn.run_id).stream(frames)


@bp.post("/<response_id>/cancel")
@documented(schemas.ResponseObject, KEY, _PATH)
def cancel(response_id: str) -> ResponseReturnValue:
    """Stop the response. One that is complete stays as it is."""
    turn = _turn(response_id)
    services().turns.interrupt(turn.session_id, turn.run_id)
    return jsonify(response_now(turn))


@bp.delete("/<response_id>")
@documented(schemas.DeletedObject, KEY, _PATH, RouteSpec(refusals=(409,)))
def delete(response_id: str) -> ResponseReturnValue:
    """Delete a response with everything of it. One that others follow, or that is in a conversation, stays."""
    turn = _turn(response_id)
    snapshot = services().sessions.histories.snapshot(turn.session_id, turn.thread_id)
    messages = snapshot.messages if snapshot else []
    notes = [one["note"] for one in messages if "note" in one]
    runs = {note["run"] for note in notes} | set(services().runs.open_in(turn.session_id))
    runs |= {one["id"].rpartition("-")[0] for one in messages if one["id"].startswith("run_")}
    if runs - {turn.run_id} or any("conversation" in note for note in notes):
        raise Conflict("This response belongs to others that keep it; delete the conversation, or keep it")
    services().erase(turn.session_id)
    return jsonify(id=response_id, object="response", deleted=True)


@bp.get("/<response_id>/input_items")
@documented(schemas.ItemList, KEY, _PATH, lists.PAGE)
def input_items(response_id: str) -> ResponseReturnValue:
    """The message that the response answers."""
    turn = _turn(response_id)
    run = services().runs.get(turn.session_id, turn.run_id)
    message = run.message if run else next(iter(messages_of(turn)), None)
    if message is None:
        raise NotFound(NO_RESPONSE)
    return lists.page_of(list(items_of([message], "", with_reasoning=False)))


def _turn(response_id: str) -> PublicTurn:
    turn = turn_of_response(response_id)
    session_auth.check_key_of(turn.session_id)
    return turn
