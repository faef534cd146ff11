"""A response as it is now: out of the log of its turn, and when that is no longer kept, out of the history."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from app import exact_json
from app.dialects.openai.ends import end_of
from app.dialects.openai.frames.items import items_of
from app.dialects.openai.frames.objects import Asked, End, response, seconds
from app.dialects.openai.frames.response_frames import ALL_SEEN, ResponseFrames
from app.dialects.openai.requests.placement import NO_RESPONSE, messages_of, response_id
from app.errors import NotFound
from app.events import sse
from app.state.conversation.transcript import Message
from app.state.responses.public_ids import PublicTurn
from app.state.turns.run_records import Run
from app.web.current import services


def asked_of(turn: PublicTurn, run: Run) -> Asked:
    """The request of a client, by its turn. One that goes on has the message of the turn that asked."""
    asked = replace(asked_for(turn, run.message), created_at=seconds(run.times.get("queued_at", run.started_at)))
    if not run.earlier:
        return asked
    previous = response_id(PublicTurn(turn.session_id, run.earlier[-1], turn.thread_id))
    return replace(asked, previous_response_id=previous, arguments=_arguments_before(run))


def asked_in_session(run: Run) -> Asked:
    """A turn of any client, which the ids of its session name."""
    return Asked(
        id=run.id,
        model=run.app,
        created_at=seconds(run.times.get("queued_at", run.started_at)),
        previous_response_id=run.earlier[-1] if run.earlier else None,
        functions=frozenset(tool["function"]["name"] for tool in run.client_tools),
        arguments=_arguments_before(run),
    )


def _arguments_before(run: Run) -> dict[str, str]:
    """The arguments of the answered calls with which a turn goes on, by call."""
    if run.goes_on is None:
        return {}
    snapshot = services().sessions.histories.snapshot(run.session_id, run.thread_id)
    for message in snapshot.messages if snapshot else ():
        if message["id"] == run.goes_on.message_id:
            return {call["call_id"]: exact_json.dumps(call["args"]) for call in message["tool_calls"]}
    return {}


def asked_for(turn: PublicTurn, message: Message) -> Asked:
    """The same by the message alone."""
    note = message.get("note", {})
    return Asked(
        id=response_id(turn),
        model=note["app"],
        created_at=seconds(message["created_at"]),
        previous_response_id=note.get("previous"),
        conversation=note.get("conversation"),
        metadata=note.get("metadata", {}),
        background=note.get("background", False),
        store="temporary" not in note,
        text_format=note.get("format"),
        functions=frozenset(note.get("functions", ())),
    )


def response_now(turn: PublicTurn) -> dict[str, Any]:
    """The response with its output so far. Raises `NotFound`."""
    run = services().runs.get(turn.session_id, turn.run_id)
    return _kept_response(turn) if run is None else _logged_response(turn, run)


def _logged_response(turn: PublicTurn, run: Run) -> dict[str, Any]:
    asked = asked_of(turn, run)
    frames = ResponseFrames(asked, run.id, ALL_SEEN)
    for entry in services().runs.entries(turn.session_id, run.id, 0):
        if entry.kind not in sse.TERMINAL and sse.is_shown(entry.kind, entry.frame, with_reasoning=True):
            frames.frames(sse.parse(entry.frame))
    if run.terminal:
        end = end_of(services(), turn.session_id, run.id, run.terminal)
        frames.end(end)
        return response(asked, end.status, frames.output, end)
    is_queued = run.status in ("waiting", "queued")
    return response(asked, "queued" if is_queued else "in_progress", frames.output_so_far())


def _kept_response(turn: PublicTurn) -> dict[str, Any]:
    found = messages_of(turn)
    if not found or "note" not in found[0]:
        raise NotFound(NO_RESPONSE)
    asked = asked_for(turn, found[0])
    sent, *_ = items_of(found[:1], asked.model, with_reasoning=True)
    items = items_of(found, asked.model, with_reasoning=True)
    output = [item for item in items if item["id"] != sent["id"] and item["type"] != "function_call_output"]
    used = services().ledger.of_turns(turn.session_id, [turn.run_id])
    end = End(_terminal(found), usage=used.get(turn.run_id))
    return response(asked, end.status, output, end)


def _terminal(messages: list[Message]) -> sse.Event:
    last = messages[-1]
    if last["role"] == "error":
        return sse.error(last["content"], "internal", False)
    return sse.complete(interrupted="interrupted" in last)
