"""An answer on the screen while it streams: spinner, text, tool lines. Ctrl-C stops its turn."""

from __future__ import annotations

import queue
import signal
import threading
import time
from typing import Any

from app.commands.chat.backend import Backend, Refused, Unreachable
from app.commands.chat.screen import Screen
from app.commands.chat.thoughts import Thoughts
from app.commands.chat.tools import ToolLines
from app.commands.chat.turn_stream import TurnStream
from app.events import sse

STOP_SECONDS = 0.5
"""Between two tries to stop a turn whose message has not arrived yet."""

TICK_SECONDS = 0.08
"""Between two frames of the spinner; also the longest delay until a Ctrl-C is noticed."""


class CtrlC:
    """Counts Ctrl-C while an answer streams; the second one raises `KeyboardInterrupt`."""

    def __init__(self) -> None:
        self.count = 0

    def __enter__(self) -> CtrlC:
        self._before = signal.signal(signal.SIGINT, self._pressed)
        return self

    def __exit__(self, *_: Any) -> None:
        signal.signal(signal.SIGINT, self._before)

    def _pressed(self, *_: Any) -> None:
        self.count += 1
        if self.count > 1:
            raise KeyboardInterrupt


class AnswerView:
    """Shows one answer, with its thoughts if `with_thoughts`. A second thread reads the stream; only the caller's
    thread writes to the screen."""

    def __init__(self, backend: Backend, screen: Screen, tools: ToolLines, *, with_thoughts: bool) -> None:
        self._backend = backend
        self._screen = screen
        self._tools = tools
        self._thoughts = Thoughts(screen, shown=with_thoughts)
        self._with_thoughts = with_thoughts
        self._received: queue.Queue[sse.Event | str | Exception] = queue.Queue()
        self._open_calls: set[str] = set()
        self._quiet = True
        self.is_awaiting = False
        """Whether the turn has ended with calls that wait for an answer."""

    def show(self, message: dict[str, Any] | None, app: str | None) -> bool:
        """Show the answer to `message` (None: the current or last turn) to its end. True if Ctrl-C stopped it.

        Raises `Refused`, `Unreachable`, and `KeyboardInterrupt` at the second Ctrl-C.
        """
        stream = TurnStream(self._backend, message, app, self._received.put, with_thoughts=True)
        try:
            with CtrlC() as ctrl_c:
                threading.Thread(target=self._read, args=(stream,), name="aomi answer", daemon=True).start()
                self._show_all(ctrl_c, time.monotonic())
        finally:
            stream.close()
            self._screen.end()
        return ctrl_c.count > 0

    def _read(self, stream: TurnStream) -> None:
        try:
            for event in stream.events():
                self._received.put(event)
        except (Refused, Unreachable) as error:
            self._received.put(error)

    def _show_all(self, ctrl_c: CtrlC, started: float) -> None:
        stopped, asked_at = False, 0.0
        while True:
            if ctrl_c.count and not stopped and time.monotonic() - asked_at > STOP_SECONDS:
                stopped, asked_at = self._stop(), time.monotonic()
            try:
                received = self._received.get(timeout=TICK_SECONDS)
            except queue.Empty:
                if self._quiet or self._open_calls:
                    self._screen.spin(f"{time.monotonic() - started:.0f} s, Ctrl-C stops it")
                continue
            if isinstance(received, Exception):
                raise received
            if isinstance(received, str):
                self._screen.say(received, fg="yellow")
            elif self._show(received):
                return

    def _stop(self) -> bool:
        """False if the message has not arrived yet, so that there is no turn to stop."""
        try:
            return self._backend.interrupt()
        except (Unreachable, Refused) as error:
            self._screen.say(f"It could not be stopped ({error}). Ctrl-C again leaves.", fg="yellow")
            return True

    def _show(self, event: sse.Event) -> bool:
        """Show an event. True for the terminal event."""
        kind = event["type"]
        self._quiet = kind != "text" and not (kind == "reasoning" and self._with_thoughts)
        if kind == "reasoning":
            self._thoughts.add(event["content"])
            return False
        self._thoughts.end()
        if kind == "text":
            self._screen.text(event["content"])
        elif kind == "tool_call":
            self._open_calls.add(event["call_id"])
            self._screen.say(self._tools.call_line(event), dim=True)
        elif kind == "tool_result":
            self._open_calls.discard(event["call_id"])
            self._screen.say(self._tools.result_line(event), dim=True)
        elif kind == "error":
            again = " Sending the message again may help." if event["retryable"] else ""
            self._screen.say(f"Error ({event['code']}): {event['message'].rstrip('.')}.{again}", fg="red")
        elif event.get("interrupted"):
            self._screen.say("(stopped)", dim=True)
        self.is_awaiting = bool(event.get("awaiting"))
        return kind in sse.TERMINAL  # later steps of tools always come with the updates
