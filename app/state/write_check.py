"""Whether Redis takes writes: each server is asked with a command that may need memory and changes nothing."""

from __future__ import annotations

from collections.abc import Iterable

from redis.exceptions import ClusterDownError, MasterDownError, NoPermissionError, OutOfMemoryError, ReadOnlyError

from app.state import redis_keys
from app.state.connection.clients import Client, Refusing
from app.state.connection.cluster import Cluster

REASONS = {
    "OOM": "its memory is full (maxmemory)",
    "MISCONF": "it cannot save to its disk",
    "NOREPLICAS": "too few of its replicas are connected",
    "READONLY": "it is a replica",
    "MASTERDOWN": "it is a replica without a master",
    "BUSY": "a script keeps it busy",
    "UNBLOCKED": "it becomes a replica",
    "CLUSTERDOWN": "its cluster is down",
    "NOPERM": "its ACL does not permit the command",
}
"""By Redis's error code."""

_REFUSALS = (OutOfMemoryError, Refusing, ReadOnlyError, MasterDownError, ClusterDownError, NoPermissionError)

_PROBES = 64
"""Keys that are tried to find one on each master of a cluster."""


class WriteCheck:
    """Asks the Redis of the state, and that of the queue where it is another one."""

    def __init__(self, state: Client, queue: Client, queue_key: str) -> None:
        """`queue_key` is a sorted set of the queue."""
        self._state = state
        self._queue = queue
        self._queue_key = queue_key

    def refusal(self) -> str | None:
        """Why Redis refuses writes, with its error code; None if it takes them. Raises `Unavailable` if it does not
        reply."""
        try:
            for key in _keys_of_all_masters(self._state):
                _probe(self._state, key)
            if self._queue is not self._state:
                _probe(self._queue, self._queue_key)
        except _REFUSALS as error:
            code = str(error.status_code)
            return f"{code}, {REASONS[code]}" if code in REASONS else code
        return None


def _probe(redis: Client, key: str) -> None:
    """With XX no member is added, and no key is created."""
    redis.zadd(key, {"": 0}, xx=True)


def _keys_of_all_masters(redis: Client) -> Iterable[str]:
    """The name of a sorted set on each master."""
    if not isinstance(redis, Cluster):
        return [redis_keys.LEASES]
    names = [redis_keys.threads(f"probe{number}") for number in range(_PROBES)]
    return redis.retrying(lambda cluster: {cluster.get_node_from_key(name).name: name for name in names}).values()
