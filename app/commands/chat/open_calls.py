"""Tool calls that wait for the person: printed, and answered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from app import exact_json
from app.commands.chat.backend import Backend
from app.commands.chat.command_form import ChatBody, Command, NextMessage
from app.commands.chat.questions import ask_question, question_lines
from app.commands.chat.screen import Screen
from app.terminal_text import escaped_json, one_line

PendingCall = dict[str, Any]
"""A call in `pending` of /api/state: `call_id`, `name`, `args`, `kind`, `expires_at`."""

Answer = dict[str, Any]
"""An answer of a chat body's `answers`, without its `call_id`."""

APPROVAL, ELICITATION = "approval", "elicitation"

OUTCOMES = {
    "approved": "was approved",
    "declined": "was declined",
    "answered": "got its answer",
    "expired": "has expired without an answer",
    "interrupted": "was stopped",
}
"""By `outcome` of `tool_answered`."""

APPROVE_PROMPT = "Run it? y, n [why], e to edit, Enter leaves it open: "
RESULT_PROMPT = "Its result, JSON or text; n [why] declines, Enter leaves it open: "


def call_lines(call: PendingCall) -> Iterator[str]:
    """A call that waits with all of its arguments or its question, and until when it does."""
    yield from question_lines(call) if call["kind"] == ELICITATION else [_arguments_line(call)]
    yield f"  It can be answered until {call['expires_at']}."


def _arguments_line(call: PendingCall) -> str:
    what = "asks before it runs" if call["kind"] == APPROVAL else "is for you to run"
    return f"{call['name']} {what}: {_json(call['args'])}"


def ask(backend: Backend, screen: Screen, next_message: NextMessage, asked: set[str] | None = None) -> ChatBody | None:
    """Ask the person about each call that waits but those `asked` before, which grow. Returns the chat body with the
    answers, None if there are none.

    Raises `EOFError` for Ctrl-D, `Refused`, `Unreachable`.
    """
    answers = []
    asked = set() if asked is None else asked
    for call in backend.state(next_message.thread)["pending"]:
        if _identity(call) in asked:
            continue
        asked.add(_identity(call))
        for line in call_lines(call):
            screen.say(line, fg="cyan")
        answer = _ask(screen, call)
        if answer is not None:
            answers.append({"call_id": call["call_id"]} | answer)
    return next_message.body(answers=answers) if answers else None


def _identity(call: PendingCall) -> str:
    """Models use an id again: such a call expires at another time."""
    return f"{call['call_id']} {call['expires_at']}"


def _ask(screen: Screen, call: PendingCall) -> Answer | None:
    """The answer to one call. None, and said, if it stays open."""
    question = {APPROVAL: _approval, ELICITATION: _question}.get(call["kind"], _result)
    try:
        answer = question(screen, call)
    except EOFError:
        _say_open(screen, call)
        raise
    except KeyboardInterrupt:
        answer = None
    if answer is None:
        _say_open(screen, call)
    return answer


def _say_open(screen: Screen, call: PendingCall) -> None:
    screen.say(f"{call['name']} stays open: /pending asks again. A message instead declines it.", dim=True)


def _approval(screen: Screen, call: PendingCall) -> Answer | None:
    while line := screen.ask(APPROVE_PROMPT).strip():
        if line in ("y", "yes"):
            return {"approve": True}
        if (no := _no(line)) is not None:
            return no
        if line in ("e", "edit"):
            args = screen.ask("Arguments, a JSON object: ", _json(call["args"])).strip()
            if (edited := _object(args)) is not None:
                return {"approve": True, "args": edited}
            screen.say("That is no JSON object.", fg="red")
    return None


def _result(screen: Screen, call: PendingCall) -> Answer | None:
    line = screen.ask(RESULT_PROMPT).strip()
    if not line:
        return None
    no = _no(line)
    return {"result": _json_or_text(line)} if no is None else no


def _question(screen: Screen, call: PendingCall) -> Answer | None:
    return ask_question(screen, call, _no)


def _no(line: str) -> Answer | None:
    """The answer of `n [why]`, None for any other line."""
    word, _, why = line.partition(" ")
    if word not in ("n", "no"):
        return None
    return {"approve": False} | ({"message": why.strip()} if why.strip() else {})


def _object(text: str) -> dict[str, Any] | None:
    value = _json_or_text(text)
    return value if isinstance(value, dict) else None


def _json(value: Any) -> str:
    return escaped_json(exact_json.dumps(value))


def _json_or_text(text: str) -> Any:
    try:
        return exact_json.strict(text.encode())
    except ValueError:
        return text


def _pending(backend: Backend, screen: Screen, next_message: NextMessage, text: str) -> ChatBody | None:
    body = ask(backend, screen, next_message)
    if body is None:
        screen.say("Nothing was answered.", dim=True)
    return body


PENDING_COMMAND = Command("", "answer the tool calls that wait for you", _pending)


def brief(call: PendingCall) -> str:
    """A call in one line, to be named beside others."""
    if call["kind"] == ELICITATION:
        return f"{call['name']}: {one_line(call['message'], 300)}"
    return f"{call['name']}({one_line(_json(call['args']), 300)})"
