"""Events of the session outside of answers: later steps of tools, requests to the client, notices."""

from __future__ import annotations

import threading
from collections.abc import Callable

from app.commands.chat.backend import Backend, Backoff, Refused, Unreachable
from app.events import sse

OnEvent = Callable[[sse.Event], None]


class Updates:
    """Follows /api/updates in its own thread, which calls `on_event`, until the process ends."""

    def __init__(self, backend: Backend, on_event: OnEvent) -> None:
        self._backend = backend
        self._on_event = on_event
        self._last = ""
        self._connected = threading.Event()
        self._thread = threading.Thread(target=self._run, name="aomi updates", daemon=True)

    def start(self, within: float = 2.0) -> None:
        """Returns when the stream is connected, or after `within` seconds."""
        self._thread.start()
        self._connected.wait(within)

    def _run(self) -> None:
        backoff, pause = Backoff(float("inf")), threading.Event()
        while True:
            try:
                self._follow(backoff)
            except Unreachable:
                pass  # if an answer is streaming, its own stream reports this
            except Refused as refusal:
                self._on_event(sse.system_notice(self._backend.session_id, f"No more updates: {refusal}"))
                return
            pause.wait(backoff.next())

    def _follow(self, backoff: Backoff) -> None:
        headers = {"Last-Event-ID": self._last} if self._last else {}
        with self._backend.stream("GET", "/api/updates", headers=headers) as (_, received):
            for event_id, event in received:
                backoff.reset()
                self._last = event_id or self._last
                self._connected.set()
                self._on_event(event)
