"""The messages of a thread as the terminal shows them."""

from __future__ import annotations

from typing import Any

from app.commands.chat.screen import Screen
from app.terminal_text import one_line

SHOWN_MESSAGES = 6
"""How many messages of a thread to show when it is opened."""


def show(screen: Screen, messages: list[dict[str, Any]]) -> None:
    """Show the last messages of a thread."""
    for message in messages[-SHOWN_MESSAGES:]:
        for call in message.get("tool_calls", ()):
            screen.say(f"⚙ {call['name']}", dim=True)
        if message["content"]:
            is_user = message["role"] == "user"
            screen.say_block(f"> {message['content']}" if is_user else message["content"], dim=True)
        if attachments := message.get("attachments"):
            screen.say(f"  with {names(attachments)}", dim=True)


def names(attachments: list[dict[str, Any]]) -> str:
    """The names of attachments on one line."""
    return one_line(", ".join(one.get("filename") or one["url"] for one in attachments))
