"""Sharded pub/sub of a cluster (Redis 7): a message goes to the master of its channel's hash slot and to no other one.

Each master has a listener, with a connection and a thread of its own, for the channels of its hash slots. When one has
lost its connection, or a hash slot has moved, all channels are given to the masters that have them now, and the readers
read the log for what they missed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from redis.cluster import ClusterNode

from app.state.connection.cluster_pubsub import ClusterPubSub, MasterPubSub
from app.state.connection.pubsub import PubSubListener

CONFIRM_SECONDS = 2.0
"""How long a new subscription waits until it is confirmed."""


@dataclass(frozen=True)
class _Place:
    """The master that a channel is subscribed at, by its name, and that master's listener."""

    master: str
    listener: PubSubListener


class ShardedListener:
    """Subscriptions of one process to the shard channels of a cluster: see `PubSubListener`."""

    def __init__(self, pubsub: ClusterPubSub, prefix: str) -> None:
        self._pubsub = pubsub
        self._prefix = prefix
        self._on_message: Callable[[str, bytes], None] = lambda _channel, _payload: None
        self._on_gap: Callable[[], None] = lambda: None
        self._listeners: dict[str, PubSubListener] = {}
        self._places: dict[str, _Place] = {}
        self._lock = threading.Lock()

    def start(self, on_message: Callable[[str, bytes], None], on_gap: Callable[[], None]) -> None:
        """Begin to listen: each master's listener starts with the first channel there."""
        self._on_message, self._on_gap = on_message, on_gap

    def stop(self) -> None:
        """Close all connections and end their threads."""
        with self._lock:
            listeners, self._listeners, self._places = list(self._listeners.values()), {}, {}
        for listener in listeners:
            listener.stop()

    def subscribe(self, channel: str, timeout: float = CONFIRM_SECONDS) -> bool:
        """As `PubSubListener.subscribe`."""
        master = self._pubsub.master_of(self._prefix + channel)
        with self._lock:
            place = self._places.get(channel) or self._put(channel, master)
            if place.listener.subscribe(channel, timeout=0):
                return True
        return place.listener.await_confirmed(channel, timeout)

    def unsubscribe(self, channel: str) -> None:
        """No longer listen to `channel`."""
        with self._lock:
            if place := self._places.pop(channel, None):
                place.listener.unsubscribe(channel)

    def _put(self, channel: str, master: ClusterNode) -> _Place:
        """Give a channel to a master's listener, which is made if there is none. The lock is held."""
        listener = self._listeners.get(master.name)
        if listener is None:
            opening: Any = MasterPubSub(self._pubsub, master, self._reroute)
            listener = self._listeners[master.name] = PubSubListener(opening, self._prefix, sharded=True)
            listener.start(self._on_message, self._on_gap)
        place = self._places[channel] = _Place(master.name, listener)
        return place

    def _reroute(self) -> None:
        """Give each channel to the master that has its hash slot now. Runs in the thread of the listener that has lost
        its connection."""
        self._pubsub.learn_masters()
        with self._lock:
            channels = list(self._places)
        masters = {channel: self._pubsub.master_of(self._prefix + channel) for channel in channels}
        with self._lock:
            for channel, master in masters.items():
                old = self._places.get(channel)  # None: it was left just now
                if old and old.master != master.name:
                    old.listener.unsubscribe(channel)
                    self._put(channel, master).listener.subscribe(channel, timeout=0)
            retired = self._without_channels()
        for listener in retired:
            listener.retire()
        self._on_gap()

    def _without_channels(self) -> list[PubSubListener]:
        """The listeners that have no channel any more, such as that of a dead master; another one is made when it is
        needed. The lock is held."""
        used = {place.master for place in self._places.values()}
        return [self._listeners.pop(master) for master in set(self._listeners) - used]


class BothListeners:
    """Listens for what is published on a cluster in either way: processes change over one after the other."""

    def __init__(self, classic: PubSubListener, sharded: ShardedListener) -> None:
        self._all = (classic, sharded)

    def start(self, on_message: Callable[[str, bytes], None], on_gap: Callable[[], None]) -> None:
        """Begin to listen."""
        for one in self._all:
            one.start(on_message, on_gap)

    def stop(self) -> None:
        """Close all connections."""
        for one in self._all:
            one.stop()

    def subscribe(self, channel: str, timeout: float = CONFIRM_SECONDS) -> bool:
        """True once Redis has confirmed both."""
        confirmed = [one.subscribe(channel, timeout) for one in self._all]
        return all(confirmed)

    def unsubscribe(self, channel: str) -> None:
        """No longer listen to `channel`."""
        for one in self._all:
            one.unsubscribe(channel)
