"""The cancel token: how a turn that runs, waits or sleeps is stopped, for whatever reason.

Work calls `check()` where it pauses; what waits registers a waker, so that a stop reaches it within milliseconds.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from app.state.leases import RunningTurn

INTERRUPTED: Final = "interrupted"
SHUTDOWN: Final = "shutdown"
DROPPED: Final = "dropped"


class Stopped(BaseException):
    """The turn is to stop. Not an `Exception`, so that no tool swallows it. `reason` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class CancelToken:
    """One turn's or job's right to go on. `slots` are those of the turn, to be renewed with its lease."""

    def __init__(self) -> None:
        self.slots: tuple[str, ...] = ()
        self._reason: str | None = None
        self._wakers: list[Callable[[], object]] = []
        self._lock = threading.Lock()

    @property
    def cancelled(self) -> bool:
        """Whether the work is to stop."""
        return self._reason is not None

    def cancel(self, reason: str) -> None:
        """Stop the work; the first reason counts."""
        with self._lock:
            if self._reason is not None:
                return
            self._reason = reason
            wakers = tuple(self._wakers)
        for wake in wakers:
            wake()

    def check(self) -> None:
        """Raises `Stopped` once the token is cancelled."""
        if self._reason is not None:
            raise Stopped(self._reason)

    @contextmanager
    def waking(self, wake: Callable[[], object]) -> Iterator[None]:
        """Call `wake` on a cancel while inside. Raises `Stopped` on the way in if it is cancelled already."""
        with self._lock:
            self.check()
            self._wakers.append(wake)
        try:
            yield
        finally:
            with self._lock:
                self._wakers.remove(wake)

    def sleep(self, seconds: float) -> None:
        """Wait. Raises `Stopped` as soon as the token is cancelled."""
        woken = threading.Event()
        with self.waking(woken.set):
            woken.wait(seconds)
        self.check()


class CancelRegistry:
    """The tokens of everything that runs in this process, by the id of the turn or job."""

    def __init__(self) -> None:
        self._tokens: dict[CancelToken, tuple[str, str | None]] = {}
        self._lock = threading.Lock()

    @contextmanager
    def issue(self, name: str, session_id: str | None = None) -> Iterator[CancelToken]:
        """A token that `cancel` finds by `name` while inside; with a session, that of its turn."""
        token = CancelToken()
        with self._lock:
            self._tokens[token] = (name, session_id)
        try:
            yield token
        finally:
            with self._lock:
                del self._tokens[token]

    def turns(self) -> list[RunningTurn]:
        """The turns."""
        return [RunningTurn(session_id, name, token.slots) for token, name, session_id in self._all() if session_id]

    def cancel(self, name: str, reason: str) -> None:
        """Cancel the tokens of that name, if they are here."""
        for token, issued, _ in self._all():
            if issued == name:
                token.cancel(reason)

    def cancel_background(self, reason: str) -> None:
        """Cancel everything but the turns."""
        for token, _, session_id in self._all():
            if not session_id:
                token.cancel(reason)

    def cancel_all(self, reason: str) -> None:
        """Cancel everything."""
        for token, _, _ in self._all():
            token.cancel(reason)

    def _all(self) -> list[tuple[CancelToken, str, str | None]]:
        with self._lock:
            return [(token, *issued) for token, issued in self._tokens.items()]
