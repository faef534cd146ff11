"""From a `RunAgentInput` to its turn.

AG-UI has no words for editing a message or answering it again: a client sends its history once more, changed. A last
message that is here already is answered again, or edited if it says something else. The id of the run is its
Idempotency-Key.
"""

from __future__ import annotations

from dataclasses import replace

from app.dialects.agui.requests import Said, props_of, said_of, user_state_of
from app.dialects.agui.schemas import RunAgentInput
from app.errors import MessageIdTaken, NotFound
from app.state.conversation import transcript
from app.state.session_fields import session_user_state
from app.state.turns.turn_requests import Accepted, BranchPoint, TurnRequest
from app.web import parsing
from app.web.current import services
from app.web.messages.client_tools import allowed_tools, tools_of
from app.web.messages.message_files import start_turn_with_files
from app.web.messages.turn_start import Chat, idempotency_key, start_turn


def start(chat: Chat, sent: RunAgentInput) -> Accepted:
    """The turn of a body. Raises as `start_turn_with_files`."""
    said, props = said_of(sent), props_of(sent)
    message = TurnRequest(
        text=said.text,
        app=chat.app.id,
        model=chat.model(props.get("model")),
        user_state=user_state_of(sent, session_user_state(chat.session)),
        on_busy=props.get("on_busy") or "enqueue",
        idempotency_key=idempotency_key() or sent["runId"],
        body=chat.app.id.encode() + b" " + said.digest,
        message_id=said.message_id,
        client_tools=allowed_tools(chat.app, tools_of(sent.get("tools"))) if chat.app.client_tools else (),
    )
    if parsing.OUR_MESSAGE_ID.match(said.message_id):
        return _again(chat, said, message, is_same=_says(chat.session_id, said))
    was_run = services().runs.was_sent(chat.session_id, replace(message, message_id=""))
    try:
        accepted = start_turn_with_files(chat.session_id, message, said.attachments)
    except MessageIdTaken:
        return _again(chat, said, message, is_same=False)
    if accepted.outcome != "again" or was_run or _goes_on(chat.session_id, accepted.run_id):
        return accepted
    return _again(chat, said, message, is_same=True)


def run_of(session_id: str, run_id: str) -> str:
    """Our id of the turn that a client knows as `run_id`, '' if there is none."""
    return services().runs.sent_with(session_id, run_id) or (run_id if run_id.startswith("run_") else "")


def _again(chat: Chat, said: Said, message: TurnRequest, *, is_same: bool) -> Accepted:
    """Another turn of a message that is here: it is answered again, or it says something else now."""
    if is_same:
        point = BranchPoint("regenerate", said.message_id)
        return start_turn(chat.session_id, replace(message, text="", message_id="", branch=point))
    edit = replace(message, branch=BranchPoint("edit", said.message_id))
    return start_turn_with_files(chat.session_id, edit, said.attachments)


def _goes_on(session_id: str, run_id: str) -> bool:
    """Whether the turn runs or waits."""
    run = services().runs.get(session_id, run_id)
    return run is not None and run.terminal is None


def _says(session_id: str, said: Said) -> bool:
    """Whether a message with one of our ids says this. Raises `NotFound` if there is none."""
    snapshot = services().sessions.histories.snapshot(session_id, None)
    for message in snapshot.messages if snapshot else ():
        if transcript.client_id(message) == said.message_id and message["role"] == "user":
            return bool(message["content"] == said.text)
    raise NotFound(parsing.NO_MESSAGE)
