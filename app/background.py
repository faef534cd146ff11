"""Background threads of a process: each repeats its work and backs off when it fails. Failures are counted.

The counts are the metric `aomi_loop_failures_total`: a thread whose work keeps failing is seen there. A loop that stays
broken makes `/readyz` fail, and ends a worker if Redis is not the reason.
"""

from __future__ import annotations

import logging
import threading
import time
import weakref
from collections import Counter
from collections.abc import Callable, Mapping
from typing import TypeVar

log = logging.getLogger(__name__)

LOG_SECONDS = 30.0
"""A failure that lasts is logged once in this time."""

BROKEN_SECONDS = 60.0
"""A loop that has failed for this time without a success is broken."""

Result = TypeVar("Result")

_failures: Counter[str] = Counter()
_failures_lock = threading.Lock()


def failure_counts() -> Mapping[str, int]:
    """Failures so far, by the name of the loop."""
    with _failures_lock:
        return dict(_failures)


def count_failure(name: str) -> None:
    """Count a failure that its loop does not retry, because another process does the work later."""
    with _failures_lock:
        _failures[name] += 1


def broken_loops(*, except_outages: bool = False) -> list[str]:
    """The names of the loops of this process that an error has ended, or that have failed for `BROKEN_SECONDS`. With
    `except_outages` without those whose last error was an outage, which may last and is not the fault of the process.
    """
    return sorted({loop.name for loop in tuple(_loops) if loop.is_broken(except_outages)})


class Backoff:
    """The reaction of a loop when its work raises one of `errors`: count, log, pause. Pauses double from `shortest` to
    `longest` seconds until a success. Several threads may share one."""

    def __init__(
        self,
        name: str,
        errors: tuple[type[Exception], ...],
        shortest: float = 0.05,
        longest: float = 1.0,
        outages: tuple[type[Exception], ...] | None = None,
    ) -> None:
        """`outages` are those of `errors` that may last without a fault of this process; by default all of them."""
        self.name = name
        self.errors = errors
        self._outages = errors if outages is None else outages
        self._last_error: Exception | None = None
        self._shortest = shortest
        self._longest = longest
        self._pause = shortest
        self._failing_since: float | None = None
        self._log_at = 0.0
        self._lock = threading.Lock()

    def failed(self, error: Exception) -> float:
        """Returns the seconds to pause before the next attempt."""
        count_failure(self.name)
        with self._lock:
            self._last_error = error
            now = time.monotonic()
            if self._failing_since is None:
                self._failing_since = self._log_at = now
            if now >= self._log_at:
                log.warning("%s failed (%s); retrying until it succeeds", self.name, type(error).__name__)
                self._log_at = now + LOG_SECONDS
            pause = self._pause
            self._pause = min(pause * 2, self._longest)
            return pause

    def succeeded(self) -> None:
        """The next failure is a first one again."""
        with self._lock:
            if self._failing_since is None:
                return
            log.info("%s succeeds again after %.1f s", self.name, time.monotonic() - self._failing_since)
            self._failing_since = None
            self._pause = self._shortest

    def is_broken(self, except_outages: bool) -> bool:
        """Whether the work has failed for `BROKEN_SECONDS`. See `broken_loops`."""
        with self._lock:
            since, error = self._failing_since, self._last_error
        if since is None or (except_outages and isinstance(error, self._outages)):
            return False
        return time.monotonic() - since >= BROKEN_SECONDS

    def retry(self, action: Callable[[], Result], stopped: threading.Event | None = None) -> Result:
        """Repeat the action until it succeeds. Raises its error once `stopped` is set; without it retries for ever."""
        stopped = stopped or threading.Event()
        while True:
            try:
                result = action()
            except self.errors as error:
                if stopped.wait(self.failed(error)):
                    raise
                continue
            self.succeeded()
            return result


class BackgroundLoop:
    """A daemon thread named `aomi <name>` that calls `work` again and again, `pause` seconds apart, which
    `work` may change.

    Errors of `backoff` are retried; any other one ends the thread (and a worker process with it). `final` is called in
    the thread after `stop`.
    """

    def __init__(
        self,
        work: Callable[[], object],
        backoff: Backoff,
        pause: float = 0.0,
        final: Callable[[], object] | None = None,
    ) -> None:
        self._work = work
        self._backoff = backoff
        self.pause = self._first_pause = pause
        self._final = final
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"aomi {backoff.name}", daemon=True)

    @property
    def name(self) -> str:
        """The name of the loop."""
        return self._backoff.name

    def is_broken(self, except_outages: bool) -> bool:
        """Whether an error has ended the thread, or its work has failed for `BROKEN_SECONDS`."""
        died = self._thread.ident is not None and not self._thread.is_alive()
        return not self.stopping and (died or self._backoff.is_broken(except_outages))

    @property
    def stopping(self) -> bool:
        """Whether the loop was told to stop."""
        return self._stopped.is_set()

    def start(self, first_pause: float | None = None) -> None:
        """Start the thread. It pauses before its first work, too, unless `first_pause` says otherwise."""
        if first_pause is not None:
            self._first_pause = first_pause
        _loops.add(self)
        self._thread.start()

    def request_stop(self) -> None:
        """End the thread after the work it does now."""
        self._stopped.set()

    def join(self, timeout: float | None = None) -> None:
        """Wait for the thread's end, if it was started."""
        if self._thread.is_alive():
            self._thread.join(timeout)

    def stop(self, timeout: float | None = None) -> None:
        """Stop and wait for the thread's end."""
        self.request_stop()
        self.join(timeout)

    def _run(self) -> None:
        pause = self._first_pause
        while not self._stopped.wait(pause):
            pause = self._attempt(self._work)
        if self._final:
            self._attempt(self._final)

    def _attempt(self, work: Callable[[], object]) -> float:
        """Returns the seconds to pause before the next attempt."""
        try:
            work()
        except self._backoff.errors as error:
            return self._backoff.failed(error)
        self._backoff.succeeded()
        return self.pause


_loops: weakref.WeakSet[BackgroundLoop] = weakref.WeakSet()
"""The loops that were started in this process."""
