"""RQ's clock. RQ compares times that different workers wrote: by when a job's worker must send a heartbeat, with when
another worker looks for lost jobs. So they come from Redis's clock, not from that of each machine."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from rq import intermediate_queue, utils


def install(now: Callable[[], datetime]) -> None:
    """Have RQ use this clock in this process: for its registries, and for jobs that a dead worker has dequeued."""
    for module in (utils, intermediate_queue):
        vars(module)["now"] = now
