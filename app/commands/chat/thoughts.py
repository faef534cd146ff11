"""Thoughts of the model on the screen: dimmed, or folded into a line that says how long they took."""

from __future__ import annotations

import time

from app.commands.chat.screen import Screen


class Thoughts:
    """The thoughts of one answer. `shown` shows them; otherwise only their time."""

    def __init__(self, screen: Screen, *, shown: bool) -> None:
        self._screen = screen
        self._shown = shown
        self._began: float | None = None

    def add(self, piece: str) -> None:
        """The model thinks."""
        if self._began is None:
            self._began = time.monotonic()
            self._screen.end()
        if self._shown:
            self._screen.text(piece, dim=True)

    def end(self) -> None:
        """The model goes on, or the turn has ended."""
        if self._began is None:
            return
        took, self._began = time.monotonic() - self._began, None
        self._screen.end()
        self._screen.say(f"(thought for {took:.0f} s)", dim=True)
