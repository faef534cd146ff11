"""`aomi chat` in a pipe: the answer on stdout and nothing else there; what goes wrong on stderr."""

from __future__ import annotations

import sys
from contextlib import suppress

import click

from app.commands.chat.backend import Away, Backend, Refused
from app.commands.chat.clean import clean
from app.commands.chat.turn_stream import Answer
from app.events import sse

FAILED, INTERRUPTED = 1, 130


def run(backend: Backend, text: str, app: str | None) -> int:
    """Send the message, print the answer; returns the exit code."""
    try:
        return _print(Answer(backend, {"text": text}, app, _complain))
    except (Refused, Away) as error:
        _complain(str(error))
        return FAILED
    except KeyboardInterrupt:
        with suppress(Refused, Away):
            backend.interrupt()
        return INTERRUPTED


def _print(answer: Answer) -> int:
    at_start = True
    code = 0
    for event in answer.events():
        if event["type"] == "text":
            piece = clean(event["content"])
            sys.stdout.write(piece)
            sys.stdout.flush()
            at_start = piece.endswith("\n") if piece else at_start
        elif event["type"] in sse.TERMINAL:
            if not at_start:
                sys.stdout.write("\n")
                sys.stdout.flush()
            code = _end(event)
    return code


def _end(event: sse.Event) -> int:
    if event["type"] == "error":
        _complain(f"{event['message']} ({event['code']})")
    elif event.get("interrupted"):
        _complain("The answer was interrupted")
    else:
        return 0
    return FAILED


def _complain(words: str) -> None:
    click.echo(f"aomi: {clean(words)}", err=True)
