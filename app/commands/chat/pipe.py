"""`aomi chat` in a pipe: only the answer on stdout, or its events as JSON; errors on stderr."""

from __future__ import annotations

import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from app import exact_json
from app.commands.chat.backend import Backend, Refused, Unreachable
from app.commands.chat.command_form import references
from app.commands.chat.open_calls import brief
from app.commands.chat.turn_stream import TurnStream
from app.commands.echo import echo
from app.events import sse
from app.terminal_text import clean, escaped_json

FAILED, WAITS, INTERRUPTED = 1, 3, 130
"""Exit codes. `WAITS`: tool calls wait for an answer, which a pipe cannot give."""


@dataclass(frozen=True)
class Way:
    """How to send a message and print the answer: the app, None is the session's; `as_json`: each event, one a line;
    `with_thoughts`: those of the model's thoughts, too."""

    app: str | None
    as_json: bool
    with_thoughts: bool


def run(backend: Backend, text: str, files: list[dict[str, Any]], way: Way) -> int:
    """Send the message with stored files and print the answer. Returns the exit code."""
    message = {"text": text} | ({"attachments": references(files)} if files else {})
    stream = TurnStream(backend, message, way.app, _print_error, with_thoughts=way.as_json and way.with_thoughts)
    try:
        code = _print_events(stream) if way.as_json else _print(stream)
        if code == WAITS:
            _print_pending(backend)
        return code
    except (Refused, Unreachable) as error:
        _print_error(str(error))
        return FAILED
    except KeyboardInterrupt:
        with suppress(Refused, Unreachable):
            backend.interrupt()
        return INTERRUPTED


def _print(stream: TurnStream) -> int:
    at_line_start = True
    code = 0
    for event in stream.events():
        if event["type"] == "text":
            piece = clean(event["content"])
            sys.stdout.write(piece)
            sys.stdout.flush()
            at_line_start = piece.endswith("\n") if piece else at_line_start
        elif event["type"] in sse.TERMINAL:
            if not at_line_start:
                sys.stdout.write("\n")
                sys.stdout.flush()
            code = _end(event)
    return code


def _print_events(stream: TurnStream) -> int:
    code = 0
    for event in stream.events():
        sys.stdout.write(f"{escaped_json(exact_json.dumps(event))}\n")
        sys.stdout.flush()
        if event["type"] in sse.TERMINAL:
            code = _end(event)
    return code


def _end(event: sse.Event) -> int:
    if event["type"] == "error":
        _print_error(f"{event['message']} ({event['code']})")
    elif event.get("interrupted"):
        _print_error("The answer was interrupted")
    elif event.get("awaiting"):
        return WAITS
    else:
        return 0
    return FAILED


def _print_pending(backend: Backend) -> None:
    for call in backend.state()["pending"]:
        _print_error(f"{brief(call)} waits for an answer until {call['expires_at']} ({call['call_id']})")
    session = backend.session_id
    _print_error(f"to answer: `aomi chat --session {session}` in a terminal, or 'answers' of POST /api/chat")


def _print_error(message: str) -> None:
    echo(f"aomi: {message}", err=True)
