"""The form of a command of the chat, and the next message, which commands change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from app.commands.chat.backend import Backend
from app.commands.chat.screen import Screen

ChatBody = dict[str, Any]
"""The body of a POST /api/chat."""

CURRENT_TURN: ChatBody = {}
"""The value that a command returns if it has started a turn by itself."""


@dataclass
class NextMessage:
    """App and thread of the next message, None is the session's app, and its newest thread; and its attachments."""

    app: str | None
    thread: str | None = None
    attachments: list[dict[str, Any]] = field(default_factory=list)

    def body(self, **fields: Any) -> ChatBody:
        """A chat body with these fields, for the thread."""
        return fields | ({"thread_id": self.thread} if self.thread else {})


def references(files: list[dict[str, Any]]) -> list[dict[str, str]]:
    """Stored files as `attachments` of a chat body names them."""
    return [{"file_id": file["file_id"]} for file in files]


Act = Callable[[Backend, Screen, NextMessage, str], ChatBody | None]
"""Executes a command with the text behind its name. Returns the chat body to send now, `CURRENT_TURN`, or None if there
is no answer to wait for. Raises `Refused`, `Unreachable`."""


class Command(NamedTuple):
    """A command as `/help` shows it."""

    usage: str
    about: str
    act: Act
