"""How a process divides `AOMI_REDIS_CONNECTIONS` between its pools."""

from __future__ import annotations

from dataclasses import dataclass

from app import file_limit
from app.config import Settings

LISTENING = 1
"""Each web process and worker has one connection for pub/sub."""


@dataclass(frozen=True)
class Shares:
    """The maximum connections of each pool. `web`: commands of a web process or of `aomi`. `worker`: commands of a
    worker. `queues`: its queues, where two connections wait for jobs and the others serve jobs at work."""

    web: int
    worker: int
    queues: int


def shares(settings: Settings) -> Shares:
    """The shares of the settings, smaller where the process may open few files."""
    most = file_limit.budget(file_limit.open_files(), settings.redis_connections).redis - LISTENING
    queues = max(3, most // 2)
    return Shares(web=max(1, most), worker=max(1, most - queues), queues=queues)
