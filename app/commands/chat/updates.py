"""What happens in the session beside the answers: steps of tools that go on, requests to the client, notices."""

from __future__ import annotations

import threading
from collections.abc import Callable

from app.commands.chat.backend import Away, Backend, Patience, Refused
from app.events import sse

Hear = Callable[[sse.Event], None]


class Updates:
    """Follows /api/updates in a thread of its own for as long as the terminal is there. `hear` is called there."""

    def __init__(self, backend: Backend, hear: Hear) -> None:
        self._backend = backend
        self._hear = hear
        self._last = ""
        self._connected = threading.Event()
        self._thread = threading.Thread(target=self._run, name="aomi updates", daemon=True)

    def start(self, within: float = 2.0) -> None:
        """Returns when they are followed, or `within` seconds."""
        self._thread.start()
        self._connected.wait(within)

    def _run(self) -> None:
        patience, pause = Patience(float("inf")), threading.Event()
        while True:
            try:
                self._follow(patience)
            except Away:
                pass  # whoever waits for an answer is told by its own stream
            except Refused as refusal:
                self._hear(sse.system_notice(self._backend.session_id, f"No more updates: {refusal}"))
                return
            pause.wait(patience.next())

    def _follow(self, patience: Patience) -> None:
        headers = {"Last-Event-ID": self._last} if self._last else {}
        with self._backend.stream("GET", "/api/updates", headers=headers) as (_, received):
            for event_id, event in received:
                patience.succeeded()
                self._last = event_id or self._last
                self._connected.set()
                self._hear(event)
