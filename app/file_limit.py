"""The limit of open files of this process, and how many connections and streams fit below it.

Each connection is an open file. A process at its limit cannot accept a connection, not even for /healthz, and cannot
connect to Redis. So streams are refused before that, and the files that are left serve short requests.
"""

from __future__ import annotations

import contextlib
import resource
from dataclasses import dataclass

UNLIMITED = 1_000_000
"""The number of files that a process without a limit reckons with."""

OWN_FILES = 64
"""Files of the process itself: libraries, listening sockets, the event loop, the log. A web process opens about 30."""

MAC_OS_MOST = 10_240
"""macOS reports no hard limit, but refuses a soft one above `OPEN_MAX` (sys/syslimits.h)."""


@dataclass(frozen=True)
class FileBudget:
    """How the `files` of a process are divided: at most `redis` connections to Redis, `connections` of clients, and
    `streams` among these."""

    files: int
    redis: int
    connections: int
    streams: int


def budget(files: int, redis_connections: int) -> FileBudget:
    """Divide `files`. An eighth of them, at most 1,024, is left for short requests, half of it above `connections`."""
    redis = min(redis_connections, max(1, files // 4))
    short = min(files // 8, 1024)
    streams = max(1, files - OWN_FILES - redis - short)
    return FileBudget(files, redis, streams + short // 2, streams)


def open_files() -> int:
    """The number of files that this process may have open now (the soft limit)."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return UNLIMITED if soft == resource.RLIM_INFINITY else soft


def raise_to_hard() -> int:
    """Raise the soft limit to the hard one, as far as the system allows. Returns the limit from before."""
    before, hard = open_files(), resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    for wanted in (hard, MAC_OS_MOST):
        if open_files() < (UNLIMITED if wanted == resource.RLIM_INFINITY else wanted):
            with contextlib.suppress(ValueError, OSError):
                resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return before
