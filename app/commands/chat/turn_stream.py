"""The events of a turn, each once and in order, over as many connections as needed."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import httpx

from app.commands.chat.backend import Backend, Backoff, Busy, Refused, Unreachable
from app.events import sse

Opened = AbstractContextManager[tuple[httpx.Headers, Iterator[tuple[str, sse.Event]]]]

RETRY_SECONDS = 120.0
"""How long to retry after a lost connection."""

GONE = "The answer has ended and its events are no longer kept; `/threads` shows the history"


class TurnStream:
    """The events of the turn that a message starts, or without a message of the session's current or last turn.

    `notify` gets messages about the connection. `close` ends the wait for a retry. `with_thoughts` asks for what the
    model thinks, too.
    """

    def __init__(
        self,
        backend: Backend,
        message: dict[str, Any] | None,
        app: str | None,
        notify: Callable[[str], None],
        *,
        with_thoughts: bool = False,
    ) -> None:
        self._backend = backend
        self._message = message
        self._app = app
        self._notify = notify
        self._asked = {"reasoning": "1"} if with_thoughts else {}
        self._key = str(uuid.uuid4())
        self._run, self._number = "", 0
        self._closed = threading.Event()

    def close(self) -> None:
        """Stop retrying."""
        self._closed.set()

    def events(self) -> Iterator[sse.Event]:
        """Each event of the turn, up to its terminal event. Raises `Refused`, and `Unreachable` when retries fail."""
        backoff = Backoff(RETRY_SECONDS)
        while not self._closed.is_set():
            lost = "The connection is lost (it broke off)"
            try:
                with self._open() as (headers, received):
                    self._run = self._run or _run_of(headers)
                    for event in self._unseen(received):
                        if backoff.is_retrying:
                            self._notify("Connected again.")
                        backoff.reset()
                        yield event
                        if event["type"] in sse.TERMINAL:
                            return
                    if not headers.get("Location"):
                        raise Refused(GONE)  # 204
            except Busy as busy:
                lost = str(busy)
            except Unreachable as error:
                lost = f"The connection is lost ({error})"
            self._wait(backoff, lost)

    def _open(self) -> Opened:
        """First send the message. Later, and without a message, resume after the last event."""
        if self._message and not self._run:
            params = {"ids": "1"} | self._asked | ({"app": self._app} if self._app else {})
            headers = {"Idempotency-Key": self._key}  # if the connection breaks now, the message may have arrived
            return self._backend.stream("POST", "/api/chat", self._message, params, headers)
        headers = {"Last-Event-ID": f"{self._run}:{self._number}" if self._number else "0"}
        params = {"session_id": self._backend.session_id} | self._asked
        params |= {"run_id": self._run} if self._run else {}
        return self._backend.stream("GET", "/api/chat", None, params, headers)

    def _unseen(self, received: Iterator[tuple[str, sse.Event]]) -> Iterator[sse.Event]:
        for event_id, event in received:
            if not event_id:  # the end of a turn whose other calls still wait for an answer
                yield event
                continue
            run, _, number = event_id.rpartition(":")
            self._run = self._run or run
            if run != self._run:
                raise Refused(GONE)  # a later turn: this one is no longer kept
            if int(number) > self._number:
                self._number = int(number)
                yield event

    def _wait(self, backoff: Backoff, lost: str) -> None:
        pause = backoff.next()
        if pause is None:
            raise Unreachable(lost)
        self._notify(f"{lost}; trying again in {pause:g} s.")
        self._closed.wait(pause)


def _run_of(headers: httpx.Headers) -> str:
    """The run id in the `Location` of a response."""
    return httpx.URL(headers.get("Location", "")).params.get("run_id", "")
