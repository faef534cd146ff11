"""From a body of `useChat` to its turn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app import exact_json
from app.dialects.ai_sdk.requests import Wanted, answers_of, as_new, wanted_of
from app.dialects.ai_sdk.schemas import SentChat
from app.state.turns.turn_requests import Accepted, TurnRequest
from app.web.access.admission import UnknownMessage
from app.web.current import services
from app.web.messages.answering import answer_calls, call_answer
from app.web.messages.client_tools import allowed_tools
from app.web.messages.message_files import start_turn_with_files
from app.web.messages.turn_start import Chat, idempotency_key


def start(chat: Chat, sent: SentChat) -> Accepted:
    """The turn of a body. A message that is edited or answered again, but is not here, because it never arrived, is
    taken as a new one."""
    if answers := answers_of(sent):
        return _answer(chat, answers)
    wanted = wanted_of(sent)
    try:
        return _send(chat, sent, wanted)
    except UnknownMessage:
        new = as_new(sent)
        if new is None or wanted.branch is None:
            raise
        return _send(chat, sent, new)


def _answer(chat: Chat, answers: Sequence[Mapping[str, Any]]) -> Accepted:
    """Answer those of the calls that wait: a client sends the others again, which have their results."""
    by_call = {answer["call_id"]: answer for answer in answers}
    asking = services().call_answers.turn_of(chat.session_id, None, list(by_call))
    given = [call_answer(by_call[call.call_id]) for call in asking.open_calls.unanswered if call.call_id in by_call]
    key, digest = idempotency_key(), exact_json.dumps(list(answers)).encode()
    return answer_calls(chat.session_id, given, asking.thread_id, key, digest)


def _send(chat: Chat, sent: SentChat, wanted: Wanted) -> Accepted:
    message = TurnRequest(
        text=wanted.text,
        app=chat.app.id,
        model=chat.model(sent.get("model")),
        user_state=sent.get("user_state"),
        on_busy=sent.get("on_busy", "enqueue"),
        idempotency_key=idempotency_key(),
        body=chat.app.id.encode() + b" " + wanted.digest,
        message_id=wanted.message_id,
        branch=wanted.branch,
        client_tools=allowed_tools(chat.app, sent.get("tools") or []),
        keeps_facts=True,
    )
    return start_turn_with_files(chat.session_id, message, wanted.attachments)
