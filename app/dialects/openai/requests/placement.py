"""Where a new response belongs: a session of its own, a conversation, or behind an earlier response."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from app.errors import BadRequest, Conflict, MessageIdTaken, NotFound
from app.state.conversation.branches import NoMessage
from app.state.conversation.transcript import Message
from app.state.responses.public_ids import PublicTurn
from app.state.sessions import TooManyThreads
from app.state.turns.turn_requests import Accepted, TurnRequest
from app.web.access.caller import current_caller
from app.web.access.users import check_owner
from app.web.current import services
from app.web.messages.turn_start import session_of_body, start_turn

CONVERSATION, RESPONSE = "conv_", "resp_"

NO_CONVERSATION = "There is no such conversation for this API key; POST /v1/conversations creates one"
NO_RESPONSE = "There is no such response for this API key; POST /v1/responses creates one"


@dataclass(frozen=True)
class Placement:
    """The session of a response that is asked for. `behind` is the response that it follows."""

    session_id: str
    is_new: bool = False
    conversation: str | None = None
    previous_response_id: str | None = None
    behind: PublicTurn | None = None


def placement_of(sent: Mapping[str, Any], new_session: str) -> Placement:
    """By `conversation` or `previous_response_id`; without both, in a session of its own, `new_session`.

    Raises `BadRequest`, `NotFound`, `TooManyRequests`, `Unauthorized`, `Forbidden`.
    """
    previous, conversation = sent.get("previous_response_id"), sent.get("conversation")
    if previous is not None and conversation is not None:
        raise BadRequest("'previous_response_id' and 'conversation' cannot be sent together; leave out one of them")
    if conversation is not None:
        conversation_id = conversation.get("id") if isinstance(conversation, dict) else conversation
        session_id = session_of_conversation(conversation_id)
        return Placement(session_of_body(session_id), conversation=conversation_id)
    if previous is not None:
        turn = turn_of_response(previous)
        return Placement(session_of_body(turn.session_id), previous_response_id=previous, behind=turn)
    return Placement(session_of_body(new_session), is_new=True)


def session_of_conversation(conversation_id: Any) -> str:
    """The session of a conversation of the caller's. Raises `NotFound`."""
    secret = conversation_id.removeprefix(CONVERSATION) if isinstance(conversation_id, str) else ""
    session_id = services().public_ids.session(secret, current_caller().holder)
    if session_id is None or services().sessions.get(session_id) is None:
        raise NotFound(NO_CONVERSATION)
    check_owner(session_id)
    return session_id


def turn_of_response(response_id: Any) -> PublicTurn:
    """The turn of a response of the caller's, whose session is there. Raises `NotFound`."""
    secret = response_id.removeprefix(RESPONSE) if isinstance(response_id, str) else ""
    turn = services().public_ids.turn(secret, current_caller().holder)
    if turn is None or services().sessions.get(turn.session_id) is None:
        raise NotFound(NO_RESPONSE)
    check_owner(turn.session_id)
    return turn


def response_id(turn: PublicTurn) -> str:
    """The caller's id of a turn."""
    return RESPONSE + services().public_ids.of_turn(turn, current_caller().holder)


def conversation_id(session_id: str) -> str:
    """The caller's id of a session."""
    return CONVERSATION + services().public_ids.of_session(session_id, current_caller().holder)


def start_behind(place: Placement, message: TurnRequest, attachments: list[Mapping[str, Any]]) -> Accepted:
    """Start the turn of a message in its place. A response that has a successor already is followed in a copy of its
    branch: two clients that follow it do not see each other's messages.

    The first successor is the one whose message has the id that names the response: ids are unique in a thread, so that
    of two at once one is refused, and takes the copy.
    """
    if place.behind is None:
        return start_turn(place.session_id, message, attachments)
    behind = place.behind
    named = replace(message, thread_id=behind.thread_id, message_id=f"after_{behind.run_id}")
    try:
        return start_turn(place.session_id, named, attachments)
    except MessageIdTaken:
        thread_id = _copied_thread(behind)
    return start_turn(place.session_id, replace(named, thread_id=thread_id), attachments)


def _copied_thread(behind: PublicTurn) -> str:
    """A copy of the thread up to the last message of a response. Raises `Conflict`."""
    run = services().runs.get(behind.session_id, behind.run_id)
    if run and not run.terminal:
        raise Conflict("'previous_response_id' is in progress and has a successor; wait for its end, or cancel it")
    last = last_message_of(behind)
    try:
        thread = services().branches.fork(behind.session_id, behind.thread_id, last["id"], "") if last else None
    except NoMessage:
        thread = None
    except TooManyThreads as full:
        raise Conflict(f"The responses have {full.most:,} branches, the most that they may have") from None
    if thread is None:
        raise NotFound(NO_RESPONSE)
    return thread["id"]


def last_message_of(turn: PublicTurn) -> Message | None:
    """The last message of a turn in the history of its thread; None if there is none."""
    found = messages_of(turn)
    return found[-1] if found else None


def messages_of(turn: PublicTurn) -> list[Message]:
    """The messages of a turn in the history of its thread, behind the user's message that it answers; [] if there are
    none."""
    snapshot = services().sessions.histories.snapshot(turn.session_id, turn.thread_id)
    asked: list[Message] = []
    found: list[Message] = []
    for one in snapshot.messages if snapshot else ():
        if one["id"].startswith(f"{turn.run_id}-"):
            found.append(one)
        elif "note" in one and not found:
            asked = [one]
    is_its_own = bool(asked) and asked[0]["note"]["run"] == turn.run_id
    return asked + found if found or is_its_own else []
