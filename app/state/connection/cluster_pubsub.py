"""Pub/sub on a Redis Cluster: every node delivers all messages, so a connection may go to any of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from redis import ConnectionPool, Redis
from redis.client import PubSub
from redis.exceptions import ConnectionError

from app.state.connection.cluster import Cluster

MAX_BLIND_PINGS = 5
"""Pings, one every two seconds of silence, during which a node may report that the cluster is down: a failover takes as
long. After that, this node alone is cut off."""


class ClusterPubSub:
    """Opens pub/sub connections of a cluster, each to any of its nodes."""

    def __init__(self, cluster: Cluster, **options: Any) -> None:
        self._cluster = cluster
        self._options = options

    def pubsub(self) -> PubSub:
        """A connection to a node that is alive. Raises `Unavailable`."""
        node = self._cluster.node()
        pool = ConnectionPool(**self._options, host=node.host, port=node.port)
        return _NodePubSub(pool, lambda: _is_up(self._cluster.get_redis_connection(node)))


class _NodePubSub(PubSub):
    """A connection whose node must be part of the cluster, not only alive: a node that is cut off from the others
    replies to every ping and delivers no message."""

    def __init__(self, pool: ConnectionPool, sees_cluster: Callable[[], bool]) -> None:
        super().__init__(pool)
        self._sees_cluster = sees_cluster
        self._blind = 0

    def ping(self, message: Any = None) -> Any:
        """Send a ping. Raises `ConnectionError` when the node has been cut off for long."""
        self._blind = 0 if self._sees_cluster() else self._blind + 1
        if self._blind > MAX_BLIND_PINGS:
            raise ConnectionError("this node of the cluster is cut off from the others")
        return super().ping(message)


def _is_up(node: Redis) -> bool:
    return bool(node.execute_command("CLUSTER INFO")["cluster_state"] == "ok")
