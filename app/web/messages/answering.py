"""Answers to calls that wait for a person, the same for every dialect: whose they are, and what comes of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from app import exact_json
from app.errors import BadRequest, Conflict
from app.state.open_calls.records import CallAnswer
from app.state.turns.turn_requests import Accepted
from app.turns.call_answers import CLOSED
from app.web import parsing
from app.web.access.admission import raise_refusal
from app.web.access.caller import authorized_app
from app.web.current import services
from app.web.messages.turn_start import admit


def answer_calls(
    session_id: str,
    answers: Sequence[CallAnswer],
    thread_id: str | None = None,
    idempotency_key: str = "",
    body: bytes = b"",
) -> Accepted:
    """Answer calls of a turn. It goes on (`started`, `waiting`, `again`) when all its calls have an answer, else the
    outcome is `kept`, and `awaiting` names the others; `run_id` is the turn that asks. With an
    `idempotency_key`, `body` is the whole request body.

    Raises `NotFound` for nobody's call, `Conflict` for one that does not wait any more, `BadRequest` for an answer of
    the wrong kind, `Unauthorized` and `Forbidden` without the key of the turn's app, and as `Admission.admit`.
    """
    call_ids = [answer.call_id for answer in answers]
    if len(set(call_ids)) < len(call_ids):
        raise BadRequest("'answers' has two answers to one call; send one")
    own = services()
    if idempotency_key and (earlier := own.runs.earlier(session_id, idempotency_key, body)):
        raise_refusal(earlier)
        return earlier
    turn = own.call_answers.turn_of(session_id, thread_id, call_ids)
    authorized_app(turn.app)
    request = replace(own.call_answers.request(turn, answers), idempotency_key=idempotency_key, body=body)
    accepted = admit(session_id, request)
    if accepted.outcome in ("closed", "answered", "no_call"):
        raise Conflict(CLOSED)
    if accepted.outcome == "kept":
        return replace(accepted, run_id=turn.run_id, thread_id=turn.thread_id)
    return accepted


_OF_A_MESSAGE = ("text", "attachments", "message_id", "edit", "regenerate")


def check_answers(sent: Mapping[str, Any]) -> None:
    """Raises `BadRequest` if a body with answers is a message, too."""
    if wrong := [name for name in _OF_A_MESSAGE if sent.get(name) not in (None, [], False)]:
        raise BadRequest(f"'answers' takes the place of a message: leave {wrong[0]!r} out")


def call_answer(sent: Mapping[str, Any]) -> CallAnswer:
    """The answer of a body that was validated as `Answer`, or that of a dialect in its form. Raises `BadRequest`."""
    call_id, approve, args = sent["call_id"], sent.get("approve"), sent.get("args")
    if approve is False:
        return CallAnswer.no(call_id, _why(sent.get("message") or ""))
    if "result" in sent:
        return CallAnswer(call_id, result=_bounded(sent["result"]))
    if not approve:
        raise BadRequest("An answer needs 'approve', true or false, or the 'result' of a tool that the client runs")
    return CallAnswer(call_id, approve=True, args=args)


def _why(message: str) -> str:
    if len(message) > parsing.ANSWER_CHARACTERS:
        raise BadRequest(f"The reason of a no may have at most {parsing.ANSWER_CHARACTERS:,} characters")
    return message


def _bounded(result: Any) -> Any:
    most = services().settings.tool_result_bytes
    try:
        size = len(exact_json.checked(result))
    except exact_json.TooDeep:
        raise BadRequest("'result' is nested too deeply: at most about 240 levels") from None
    if size > most:
        raise BadRequest(f"'result' may have at most {most:,} bytes, it has {size:,}")
    return result
