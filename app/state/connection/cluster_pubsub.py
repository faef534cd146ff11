"""Pub/sub on a Redis Cluster: every node delivers all messages, so a connection may go to any of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from redis import ConnectionPool, Redis
from redis.client import PubSub
from redis.cluster import ClusterNode
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
        return self._to(self._cluster.node())

    def master_of(self, name: str) -> ClusterNode:
        """As `Cluster.master_of`."""
        return self._cluster.master_of(name)

    def learn_masters(self) -> None:
        """As `Cluster.learn_masters`."""
        self._cluster.learn_masters()

    def _to(self, node: ClusterNode) -> PubSub:
        pool = ConnectionPool(**self._options, host=node.host, port=node.port)
        return _NodePubSub(pool, lambda: _is_up(self._cluster.get_redis_connection(node)))


class MasterPubSub(ClusterPubSub):
    """Opens pub/sub connections to one master, for the channels of its hash slots. Before each, `reroute` finds the
    masters of all channels again: the last connection may have ended because one has changed."""

    def __init__(self, whole: ClusterPubSub, node: ClusterNode, reroute: Callable[[], None]) -> None:
        super().__init__(whole._cluster, **whole._options)
        self._node = node
        self._reroute = reroute
        self._is_first = True

    def pubsub(self) -> PubSub:
        """A connection to the master. Raises `Unavailable`."""
        if not self._is_first:
            self._reroute()
        self._is_first = False
        return self._to(self._node)


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
