"""An answer on the screen while it comes: spinner, text, tool lines, and Ctrl-C, which stops it."""

from __future__ import annotations

import queue
import signal
import threading
import time
from typing import Any

from app.commands.chat.backend import Away, Backend, Refused
from app.commands.chat.screen import Screen
from app.commands.chat.tools import Tools
from app.commands.chat.turn_stream import Answer
from app.events import sse

TICK = 0.08
"""Seconds between two pictures of the spinner, and at most until a Ctrl-C is seen."""


class Presses:
    """Counts Ctrl-C while an answer comes; the second one raises `KeyboardInterrupt`."""

    def __init__(self) -> None:
        self.count = 0

    def __enter__(self) -> Presses:
        self._before = signal.signal(signal.SIGINT, self._pressed)
        return self

    def __exit__(self, *_: Any) -> None:
        signal.signal(signal.SIGINT, self._before)

    def _pressed(self, *_: Any) -> None:
        self.count += 1
        if self.count > 1:
            raise KeyboardInterrupt


class Following:
    """Shows one answer. A thread reads it; this one alone writes."""

    def __init__(self, backend: Backend, screen: Screen, tools: Tools) -> None:
        self._backend = backend
        self._screen = screen
        self._tools = tools
        self._arrived: queue.Queue[sse.Event | str | Exception] = queue.Queue()
        self._open_calls: set[str] = set()
        self._quiet = True

    def show(self, message: dict[str, Any] | None, app: str | None) -> bool:
        """Show the answer to `message` (None: the current or last turn) to its end. True if Ctrl-C stopped it.

        Raises `Refused`, `Away`, and `KeyboardInterrupt` at the second Ctrl-C.
        """
        answer = Answer(self._backend, message, app, self._arrived.put)
        threading.Thread(target=self._read, args=(answer,), name="aomi answer", daemon=True).start()
        began = time.monotonic()
        try:
            with Presses() as presses:
                self._show_all(presses, began)
        finally:
            answer.close()
            self._screen.end()
        return presses.count > 0

    def _read(self, answer: Answer) -> None:
        try:
            for event in answer.events():
                self._arrived.put(event)
        except (Refused, Away) as error:
            self._arrived.put(error)

    def _show_all(self, presses: Presses, began: float) -> None:
        stopped = False
        while True:
            if presses.count and not stopped:
                stopped = True
                self._stop()
            try:
                arrived = self._arrived.get(timeout=TICK)
            except queue.Empty:
                if self._quiet or self._open_calls:
                    self._screen.spin(f"{time.monotonic() - began:.0f} s, Ctrl-C stops it")
                continue
            if isinstance(arrived, Exception):
                raise arrived
            if isinstance(arrived, str):
                self._screen.say(arrived, fg="yellow")
            elif self._show(arrived):
                return

    def _stop(self) -> None:
        try:
            self._backend.interrupt()
        except (Away, Refused) as error:
            self._screen.say(f"It could not be stopped ({error}). Ctrl-C again leaves.", fg="yellow")

    def _show(self, event: sse.Event) -> bool:
        """Show an event. True if it is the end."""
        kind = event["type"]
        self._quiet = kind != "text"
        if kind == "text":
            self._screen.text(event["content"])
        elif kind == "tool_call":
            self._open_calls.add(event["call_id"])
            self._screen.say(self._tools.called(event), dim=True)
        elif kind == "tool_result":
            self._open_calls.discard(event["call_id"])
            self._screen.say(self._tools.answered(event), dim=True)
        elif kind == "error":
            again = " Sending the message again may help." if event["retryable"] else ""
            self._screen.say(f"Error ({event['code']}): {event['message'].rstrip('.')}.{again}", fg="red")
        elif event.get("interrupted"):
            self._screen.say("(stopped)", dim=True)
        return kind in sse.TERMINAL  # later steps of tools come by the updates, always
