"""Cooperative cancellation of turns and background jobs.

Work calls `check()` where it pauses. Work that blocks registers a waker, so that a cancel ends it within milliseconds.
"""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

# Reasons of a cancel. A stop by Redis carries the outcome of the turn as its reason.
INTERRUPTED: Final = "interrupted"
"""The user stopped the turn."""

SHUTDOWN: Final = "shutdown"
"""This worker process stops."""

DROPPED: Final = "dropped"
"""The session was deleted, or the turn no longer waits for the tool's first step."""

ENDED_ELSEWHERE: Final = "ended"
"""Another process has ended the turn, or has taken over the tool's call."""

FINISHED: Final = "finished"
"""All steps of the tool were delivered, or nobody waits for them."""


EARLY_STOPS = 256
"""Stops that are remembered for work that has not begun. Most are for work of other processes."""


class Stopped(BaseException):
    """The work was cancelled. Not an `Exception`, so that no tool swallows it. `reason` is one of those above."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class CancelToken:
    """Cancels one turn or background job. Safe for use by several threads."""

    def __init__(self) -> None:
        self._reason: str | None = None
        self._wakers: list[Callable[[], object]] = []
        self._lock = threading.Lock()

    @property
    def cancelled(self) -> bool:
        """Whether the work must stop."""
        return self._reason is not None

    def cancel(self, reason: str) -> None:
        """Stop the work. The first reason counts."""
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
        """Call `wake` on a cancel while inside. Raises `Stopped` if the token is cancelled already."""
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

    async def async_sleep(self, seconds: float) -> None:
        """Wait in a task, which a cancel of the token must cancel, too. Raises `Stopped`."""
        self.check()
        await asyncio.sleep(seconds)
        self.check()


class CancelRegistry:
    """The tokens of all turns and background jobs that run in this process, by name."""

    def __init__(self) -> None:
        self._entries: dict[CancelToken, _Entry] = {}
        self._early_stops: OrderedDict[str, str] = OrderedDict()
        self._lock = threading.Lock()

    @contextmanager
    def issue(self, *names: str, background: bool = False) -> Iterator[CancelToken]:
        """A token that `cancel` reaches by each of its names while inside. The names are those of
        `app.state.turns.control_messages`."""
        token = CancelToken()
        with self._lock:
            self._entries[token] = _Entry(frozenset(names), background)
            stops = [self._early_stops.pop(name) for name in names if name in self._early_stops]
        for reason in stops:
            token.cancel(reason)
        try:
            yield token
        finally:
            with self._lock:
                del self._entries[token]

    def detach(self, token: CancelToken, name: str) -> None:
        """From now on the token is no longer cancelled by this one of its names."""
        with self._lock:
            entry = self._entries[token]
            self._entries[token] = entry._replace(names=entry.names - {name})

    def cancel(self, name: str, reason: str) -> None:
        """Cancel the work of that name; does nothing if this process does not run it."""
        self._cancel(lambda entry: name in entry.names, reason)

    def stop(self, name: str, reason: str) -> None:
        """As `cancel`, of work that ends for good. This process may have been given it, and not have begun it: it is
        cancelled as it begins then."""
        with self._lock:
            if not any(name in entry.names for entry in self._entries.values()):
                self._early_stops[name] = reason
                if len(self._early_stops) > EARLY_STOPS:
                    self._early_stops.popitem(last=False)
                return
        self.cancel(name, reason)

    def cancel_background(self, reason: str) -> None:
        """Cancel every background job."""
        self._cancel(lambda entry: entry.background, reason)

    def cancel_all(self, reason: str) -> None:
        """Cancel all turns and background jobs."""
        self._cancel(lambda _: True, reason)

    def _cancel(self, matches: Callable[[_Entry], bool], reason: str) -> None:
        with self._lock:
            tokens = [token for token, entry in self._entries.items() if matches(entry)]
        for token in tokens:
            token.cancel(reason)


class _Entry(NamedTuple):
    names: frozenset[str]
    background: bool
