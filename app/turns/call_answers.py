"""Answers to calls that wait for a person: for which turn they are, and the request by which it goes on."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app import exact_json
from app.catalog import Catalog
from app.errors import BadRequest, Conflict, NotFound
from app.events.types import AnswerOutcome
from app.form_schema import problem_of
from app.state.open_calls.pending import answered_frames
from app.state.open_calls.records import Asked, AwaitingTurn, CallAnswer
from app.state.open_calls.store import OpenCallStore
from app.state.sessions import Sessions
from app.state.turns.turn_requests import CallAnswers, TurnRequest

CLOSED = "This call waits no more: it was answered, declined by a new message or stopped, or it has expired"
UNKNOWN = "No such call waits for an answer in this session; `pending` of /api/state lists those that do"
SEVERAL = "Calls of several threads have this id; send the thread_id as well"
NO_THREAD = "There is no such thread in this session; GET /api/sessions/{id} lists its threads"

_ACTIONS = ("accept", "decline", "cancel")
"""Of an answer in MCP's own form."""


@dataclass(frozen=True)
class AnswerRequests:
    """Makes requests of answers, in every dialect."""

    open_calls: OpenCallStore
    sessions: Sessions
    catalog: Catalog

    def turn_of(self, session_id: str, thread_id: str | None, call_ids: Sequence[str]) -> AwaitingTurn:
        """The turn whose calls these are; without a thread of any one. Raises `NotFound` if there is no such call or
        thread, `Conflict` if the call does not wait any more, or if calls of several threads have this id."""
        turn = self.open_calls.find(session_id, call_ids, thread_id)
        if turn is None:
            raise self._refusal(session_id, thread_id, call_ids)
        if turn.is_ambiguous:
            raise Conflict(SEVERAL)
        return turn

    def _refusal(self, session_id: str, thread_id: str | None, call_ids: Sequence[str]) -> NotFound | Conflict:
        """Why an answer to calls that do not wait is refused."""
        if thread_id and not self.sessions.has_thread(session_id, thread_id):
            return NotFound(NO_THREAD)
        was_called = self.open_calls.was_called(session_id, call_ids, thread_id)
        return Conflict(CLOSED) if was_called else NotFound(UNKNOWN)

    def request(self, turn: AwaitingTurn, answers: Sequence[CallAnswer]) -> TurnRequest:
        """The request for these answers. Raises `NotFound` for a call that is not one of the turn's, `BadRequest` for
        an answer that is not one to its kind of call."""
        calls = {call.call_id: call for call in turn.open_calls.calls}
        updates, checked = dict[str, str](), list[CallAnswer]()
        for answer in answers:
            call = calls.get(answer.call_id)
            if call is None:
                raise NotFound(UNKNOWN)
            place = (turn.session_id, turn.thread_id, turn.run_id)
            own = _with_content(call, answer)
            checked.append(own)
            updates |= answered_frames(place, [call], _outcome(call, own))
        app, model = self.catalog.choice(turn.app, turn.model)
        return TurnRequest(
            text="",
            app=app.id,
            model=model,
            thread_id=turn.thread_id,
            call_answers=CallAnswers(turn.run_id, turn.thread_id, tuple(checked), updates),
        )


def _with_content(call: Asked, answer: CallAnswer) -> CallAnswer:
    """The answer to a question with its content in one place. Raises `BadRequest` for one that does not fit."""
    question = call.question
    if question is None or answer.is_no:
        return answer
    content: Any = answer.args if answer.approve else answer.result
    if isinstance(content, str):  # some clients have texts alone
        with contextlib.suppress(ValueError):
            content = exact_json.strict(content.encode())
    if isinstance(content, dict) and content.get("action") in _ACTIONS and "action" not in question.form["properties"]:
        if content["action"] != "accept":  # MCP's own form: for dialects in which nobody can say no
            return CallAnswer.no(answer.call_id)
        content = content.get("content")
    if not isinstance(content, dict | None):
        raise BadRequest(f"The answer to {call.call_id[:64]!r}, a question of {call.name!r}, must be a JSON object")
    if problem := problem_of(question.form, content or {}):
        raise BadRequest(f"The answer to {call.call_id[:64]!r}, a question of {call.name!r}, does not fit: {problem}")
    return CallAnswer(answer.call_id, approve=True, args=content or {})


def _outcome(call: Asked, answer: CallAnswer) -> AnswerOutcome:
    """The end of the call. Raises `BadRequest`."""
    if answer.is_no:
        return "declined"
    if call.kind == "approval" and answer.approve:
        return "approved"
    if call.question or (call.kind == "client_tool" and not answer.approve):
        return "answered"
    right = "'approve'" if call.kind == "approval" else "'result', the tool's result, or 'approve': false"
    raise BadRequest(f"The answer to {call.call_id[:64]!r}, a call of {call.name!r}, needs {right}")
