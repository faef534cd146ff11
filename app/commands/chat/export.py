"""`/export`: a thread as a file, Markdown or JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from app import exact_json
from app.commands.chat.backend import Backend, Refused
from app.commands.chat.command_form import Command, NextMessage
from app.commands.chat.history import names
from app.commands.chat.screen import Screen

Message = dict[str, Any]

SPEAKERS = {"user": "You", "assistant": "Assistant", "system": "Reply to a tool", "tool": "A later step"}
"""By the role of a message."""


def _export(backend: Backend, screen: Screen, next_message: NextMessage, text: str) -> None:
    state = backend.state(next_message.thread)
    if not state["messages"]:
        raise Refused("Nothing was said in this thread")
    path = Path(text).expanduser() if text else Path(f"{_file_name(state['title'])}.md")
    write = _json if path.suffix == ".json" else _markdown
    try:
        with path.open("x", encoding="utf-8", errors="replace") as file:  # what is there stays
            file.write(write(state))
    except FileExistsError:
        raise Refused(f"{str(path)!r} exists; give another path") from None
    except OSError as error:
        raise Refused(f"{str(path)!r} cannot be written: {error.strerror}") from None
    screen.say(f"{len(state['messages'])} messages are in {path}.")


def _file_name(title: str) -> str:
    """The words of a title, as a name that every system takes."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:60].rstrip("-") or "conversation"


def _json(state: dict[str, Any]) -> str:
    """Title and messages in the API's own form. (The session's id is a secret, and left out.)"""
    kept = {name: state[name] for name in ("title", "app", "model", "messages")}
    return json.dumps(kept, indent=2, ensure_ascii=False) + "\n"


def _markdown(state: dict[str, Any]) -> str:
    parts = [f"# {state['title'] or 'Conversation'}", f"app {state['app']}, model {state['model']}"]
    for message in state["messages"]:
        parts += _message(message)
    return "\n\n".join(parts) + "\n"


def _message(message: Message) -> Iterator[str]:
    yield f"## {SPEAKERS.get(message['role'], message['role'])}, {message['created_at'][:16].replace('T', ' ')} UTC"
    if message["content"]:
        yield message["content"]
    if attachments := message.get("attachments"):
        yield f"Attached: {names(attachments)}"
    calls = [f"{call['name']}({exact_json.dumps(call['args'])})" for call in message.get("tool_calls", ())]
    results = [f"{one['name']}: {exact_json.dumps(one['result'])}" for one in message.get("tool_results", ())]
    if calls or results:
        yield "```text\n" + "\n".join([*calls, *(f"-> {result}" for result in results)]) + "\n```"


EXPORT_COMMAND = Command(
    "[path]", "write this thread to a file, as Markdown, or as JSON for a name with .json", _export
)
