"""The answer to a message: its events, each once and in order, over as many connections as it takes."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import httpx

from app.commands.chat.backend import Away, Backend, Busy, Patience, Refused
from app.events import sse

Opened = AbstractContextManager[tuple[httpx.Headers, Iterator[tuple[str, sse.Event]]]]

PATIENCE = 120.0
"""Seconds for which a lost connection is tried again."""

GONE = "The answer is over, and its events are no longer kept; `/threads` shows what is in the history"


class Answer:
    """A turn's events, from a message that is sent, or without one from the session's current or last turn.

    `tell` gets words about the connection. `close` ends the wait for another try.
    """

    def __init__(
        self, backend: Backend, message: dict[str, Any] | None, app: str | None, tell: Callable[[str], None]
    ) -> None:
        self._backend = backend
        self._message = message
        self._app = app
        self._tell = tell
        self._key = str(uuid.uuid4())
        self._run, self._number = "", 0
        self._closed = threading.Event()

    def close(self) -> None:
        """Try no more."""
        self._closed.set()

    def events(self) -> Iterator[sse.Event]:
        """Each event of the turn, its end being the last. Raises `Refused`, and `Away` when patience is over."""
        patience = Patience(PATIENCE)
        while not self._closed.is_set():
            lost = "The connection is lost (it broke off)"
            try:
                with self._open() as (headers, received):
                    self._run = self._run or _run_of(headers)
                    for event in self._unseen(received):
                        if patience.tried:
                            self._tell("Connected again.")
                        patience.succeeded()
                        yield event
                        if event["type"] in sse.TERMINAL:
                            return
                    if not headers.get("Location"):
                        raise Refused(GONE)  # 204
            except Busy as busy:
                lost = str(busy)
            except Away as error:
                lost = f"The connection is lost ({error})"
            self._wait(patience, lost)

    def _open(self) -> Opened:
        """The first time the message; then, and where there is none, what came after the last event."""
        if self._message and not self._run:
            params = {"ids": "1"} | ({"app": self._app} if self._app else {})
            headers = {"Idempotency-Key": self._key}  # a connection that breaks now may have brought the message
            return self._backend.stream("POST", "/api/chat", self._message, params, headers)
        headers = {"Last-Event-ID": f"{self._run}:{self._number}" if self._number else "0"}
        params = {"session_id": self._backend.session_id} | ({"run_id": self._run} if self._run else {})
        return self._backend.stream("GET", "/api/chat", None, params, headers)

    def _unseen(self, received: Iterator[tuple[str, sse.Event]]) -> Iterator[sse.Event]:
        for event_id, event in received:
            run, _, number = event_id.rpartition(":")
            self._run = self._run or run
            if run != self._run:
                raise Refused(GONE)  # a later turn, as this one is no longer kept
            if int(number) > self._number:
                self._number = int(number)
                yield event

    def _wait(self, patience: Patience, lost: str) -> None:
        pause = patience.next()
        if pause is None:
            raise Away(lost)
        self._tell(f"{lost}; trying again in {pause:g} s.")
        self._closed.wait(pause)


def _run_of(headers: httpx.Headers) -> str:
    """The turn that an answer's `Location` names."""
    return httpx.URL(headers.get("Location", "")).params.get("run_id", "")
