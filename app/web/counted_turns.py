"""Turns whose usage is counted, which is a little behind their last word."""

from __future__ import annotations

import time
from collections.abc import Callable

from app.state.turns.run_records import Run

USAGE_WAIT = 1.0
"""Seconds to wait for the usage of a turn that has ended."""

USAGE_PAUSE = 0.05
"""Seconds between two looks at it."""


def counted(read: Callable[[], Run | None], wait: float = USAGE_WAIT) -> Run | None:
    """A turn that is over, with its usage if that is counted within `wait` seconds."""
    until = time.monotonic() + wait
    while (run := read()) and run.has_unsettled_calls and time.monotonic() < until:
        time.sleep(USAGE_PAUSE)
    return run
