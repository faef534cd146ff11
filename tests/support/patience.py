"""The one place where the tests know how fast this machine is: how long they wait, and what counts as at once.

Two rules keep every other test free of the machine's speed:

- A deadline only says when to give up, so it is long, and `patient` makes it longer on a machine that is slow or busy.
- A promise of time, such as "an interrupt ends the stream within 0.3 s", is measured by `kept`, beside a clock that
  tells how much the machine itself slowed everything down meanwhile.

AOMI_TEST_PATIENCE is the factor for a machine that is slow by nature; how busy it is, is measured.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

MOST = 20.0
ATTEMPTS = 6
BURST, PAUSE = 0.001, 0.004
"""Seconds of work, and of sleep behind it, by which a clock finds out how much the machine slows both down."""

BUSY = 1.3
"""From this factor on a machine counts as busy. An idle one measures 1.0 to 1.2."""


def given() -> float:
    """AOMI_TEST_PATIENCE, at least 1."""
    return max(1.0, float(os.environ.get("AOMI_TEST_PATIENCE") or 1))


def patience() -> float:
    """The factor for deadlines: that of AOMI_TEST_PATIENCE, or the processes that share a core if they are more."""
    return min(max(given(), os.getloadavg()[0] / (os.cpu_count() or 1)), MOST)


def patient(seconds: float) -> float:
    """A deadline in seconds, as long as this machine needs it now."""
    return seconds * patience()


def setting(seconds: float) -> str:
    """The value of a setting in seconds that a busy machine needs more of, such as a lease."""
    return f"{patient(seconds):.3g}"


def until(condition: Callable[[], Any], seconds: float = 20.0, what: str = "") -> Any:
    """The value of `condition` once it is true; fails after `seconds`, more on a busy machine."""
    began, pause = time.monotonic(), 0.005
    while not (found := condition()):
        assert time.monotonic() - began < patient(seconds), f"not within {patient(seconds):g} s: {what or condition}"
        time.sleep(pause)
        pause = min(pause * 1.2, 0.05)
    return found


@dataclass
class Slowdown:
    """How many times longer than on an idle machine things took here while it was measured."""

    factor: float = 1.0


@contextmanager
def slowdown() -> Iterator[Slowdown]:
    """Measures the machine while the block runs: small bursts of work and sleep, beside the time they should take."""
    found, over = Slowdown(), threading.Event()
    meter = threading.Thread(target=_measure, args=(found, over), daemon=True)
    meter.start()
    try:
        yield found
    finally:
        over.set()
        meter.join()


def _measure(found: Slowdown, over: threading.Event) -> None:
    began, due = time.perf_counter(), 0.0
    while not over.is_set():
        started = time.thread_time()
        while (used := time.thread_time() - started) < BURST:
            pass
        time.sleep(PAUSE)
        due += used + PAUSE
        found.factor = max(1.0, (time.perf_counter() - began) / due)


def kept(promise: float, act: Callable[[], float], note: Callable[[float], None] = lambda seconds: None) -> None:
    """Runs `act`, which returns the seconds it measured: within `promise`, or beyond it as far as the machine is slow.

    It is tried again only when the machine was too busy to tell; else a late one fails. `note` gets the seconds.
    """
    told = []
    for _ in range(ATTEMPTS):
        with slowdown() as machine:
            seconds = act()
        note(seconds)
        if seconds <= promise * max(machine.factor, given()):
            return
        told.append(f"{seconds:.3f} s on a machine slowed down {machine.factor:.1f} times")
        if machine.factor < BUSY:
            break
    raise AssertionError(f"promised within {promise:g} s: {', '.join(told)}")


@contextmanager
def meanwhile(act: Callable[[], Any]) -> Iterator[None]:
    """Runs `act` in a thread beside the block, and waits for it; an exception of it fails the test."""
    failed: list[Exception] = []

    def run() -> None:
        try:
            act()
        except Exception as error:
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    yield
    thread.join(patient(60))
    assert not thread.is_alive(), f"{act} has not ended"
    if failed:
        raise failed[0]
