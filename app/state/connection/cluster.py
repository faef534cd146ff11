"""A Redis Cluster as the rest of the state sees it: one client that knows the masters.

redis-py's own cluster client connects when it is created, gives up after some tries and raises errors of its own kind.
This one connects at its first use and retries as our other clients do; all errors that go away by themselves are
`Unavailable`. docs/design.md lists what code on a cluster must observe.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from redis import RedisCluster
from redis._parsers.encoders import Encoder
from redis.backoff import NoBackoff
from redis.cluster import ClusterNode
from redis.commands import CoreCommands, RedisClusterCommands
from redis.crc import key_slot
from redis.exceptions import ConnectionError, RedisClusterException, SlotNotCoveredError
from redis.retry import Retry

from app.redis_urls import Address
from app.state.connection.prefix import Prefix

Result = TypeVar("Result")

ALL_MASTERS_COMMANDS = ("KEYS", "DBSIZE")
"""Commands that redis-py would send to one master only."""

FREE_CONNECTION_SECONDS = 2.0
"""How long a caller waits for a free connection."""


class Cluster(RedisClusterCommands):
    """Sends commands to the master of their key, `max_connections` at the same time; `retry` applies to failures. Redis
    has `prefix` before all names. It is no part of a hash tag: a tag has the same slot with every prefix."""

    _event_dispatcher: Any = None  # the commands' types want it

    def __init__(
        self, addresses: tuple[Address, ...], retry: Retry, prefix: Prefix, max_connections: int, **options: Any
    ) -> None:
        self._addresses = addresses
        self._retry = retry
        self.prefix = prefix
        self._options = options | {"max_connections": max_connections}
        self._free = threading.BoundedSemaphore(max_connections)
        self._opening = threading.Lock()
        self._opened: RedisCluster | None = None
        self.encoder = Encoder("utf-8", "strict", False)

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """Execute one command. A command that names its nodes is not retried: they may be gone for good."""
        if args[0] in ALL_MASTERS_COMMANDS:
            options = {"target_nodes": RedisCluster.PRIMARIES} | options
        if "target_nodes" in options:
            return self._once(lambda cluster: self.prefix.execute(cluster.execute_command, *args, **options))
        return self.retrying(lambda cluster: self.prefix.execute(cluster.execute_command, *args, **options))

    def pipeline(self, transaction: bool = True) -> Pipeline:
        """Commands that are sent together; those of a transaction must be of one hash slot."""
        return Pipeline(self, transaction)

    def delete(self, *names: Any) -> Any:
        """Delete keys of any hash slots; returns how many there were."""
        return self.retrying(lambda cluster: cluster.delete(*map(self.prefix.name, names)))

    def unlink(self, *names: Any) -> Any:
        """As `delete`; the memory is freed later."""
        return self.retrying(lambda cluster: cluster.unlink(*map(self.prefix.name, names)))

    def exists(self, *names: Any) -> Any:
        """How many of these keys exist."""
        return self.retrying(lambda cluster: cluster.exists(*map(self.prefix.name, names)))

    def get_encoder(self) -> Encoder:
        """How values become bytes; redis-py's `Script` needs it."""
        return self.encoder

    def retrying(self, step: Callable[[RedisCluster], Result]) -> Result:
        """The result of `step`, retried by the client's `retry`. Raises `Unavailable`."""
        return self._retry.call_with_retry(lambda: self._once(step), lambda _: None)

    def node(self) -> ClusterNode:
        """A node that is alive, as far as the cluster knows now."""

        def look(cluster: RedisCluster) -> ClusterNode:
            cluster.nodes_manager.initialize()
            return random.choice(cluster.get_nodes())

        return self._once(look)

    def master_of(self, name: str) -> ClusterNode:
        """The master of a name's hash slot, as far as is known. Raises `Unavailable` if there is none."""
        return self._once(lambda cluster: cluster.nodes_manager.get_node_from_slot(key_slot(name.encode())))

    def learn_masters(self) -> None:
        """Ask the cluster which master has which hash slot. Raises `Unavailable`."""
        self._once(lambda cluster: cluster.nodes_manager.initialize())

    def close(self) -> None:
        """Close all connections."""
        if self._opened:
            self._opened.close()

    def _once(self, step: Callable[[RedisCluster], Result]) -> Result:
        if not self._free.acquire(timeout=FREE_CONNECTION_SECONDS):
            raise ConnectionError("No connection is free")
        try:
            return step(self._open())
        except RedisClusterException as error:
            if error.__cause__ is None and not isinstance(error, SlotNotCoveredError):
                raise  # keys of several hash slots, or none: a retry would fail, too
            if error.__cause__:
                self._opened = None  # no known node replies: start again from the URL
            raise ConnectionError("The cluster cannot be reached") from error
        finally:
            self._free.release()

    def _open(self) -> RedisCluster:
        if self._opened is None:
            with self._opening:
                if self._opened is None:
                    self._opened = self._connect()
        return self._opened

    def _connect(self) -> RedisCluster:
        return RedisCluster(
            startup_nodes=[ClusterNode(*address) for address in self._addresses],
            retry=Retry(NoBackoff(), 0),
            require_full_coverage=False,
            reinitialize_steps=1,
            **self._options,
        )

    def __getattr__(self, name: str) -> Any:
        """The methods that redis-py's commands need of their client, such as `get_node`."""
        return getattr(self._open(), name)


class Pipeline(CoreCommands):
    """Collects commands; `execute` sends each node its own, and retries as the client does."""

    _event_dispatcher: Any = None

    def __init__(self, cluster: Cluster, transaction: bool) -> None:
        self._cluster = cluster
        self._transaction = transaction
        self._commands: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

    def execute_command(self, *args: Any, **options: Any) -> Pipeline:
        """Collect a command."""
        self._commands.append((self._cluster.prefix.applied(args), options))
        return self

    def execute(self) -> list[Any]:
        """The replies, in the order of the commands."""
        commands, self._commands = self._commands, []
        return self._cluster.retrying(lambda cluster: self._send(cluster, commands)) if commands else []

    def _send(self, cluster: RedisCluster, commands: list[tuple[tuple[Any, ...], dict[str, Any]]]) -> list[Any]:
        pipeline = cluster.pipeline(transaction=self._transaction)
        for args, options in commands:
            if args[0] == "EVALSHA" and not self._transaction:  # redis-py would ask the server for its keys
                options = options | {"target_nodes": cluster.get_node_from_key(args[3])}
            pipeline.execute_command(*args, **options)
        return pipeline.execute()
