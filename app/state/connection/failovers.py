"""Follows what the Sentinels publish of a failover.

In a planned failover (`SENTINEL FAILOVER`) the old master lives on. It takes writes for ten seconds, until it is told
that it is a replica, and loses them then. So connections to it are cut before the replica is promoted. From then on
each new connection goes to that replica, and is used as soon as it says that it is a master: the Sentinels look only
once a second. A user of Redis that may not ask (`ROLE`) waits for the Sentinels' word.

Only the Sentinel that leads the failover tells of a promotion, so each is also asked when a connection to it is made: a
process may start during a failover. The events are those of
https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel/.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
from collections.abc import Sequence
from functools import partial
from typing import Any
from weakref import WeakSet

from redis import Redis
from redis.exceptions import ConnectionError, RedisError, ResponseError

from app.redis_urls import Address
from app.state.connection.pubsub import PubSubListener

log = logging.getLogger(__name__)

SWITCHED = "+switch-master"
PROMOTING = "+failover-state-send-slaveof-noone"
ABORTED = ("-failover-abort-slave-timeout", "-failover-abort-no-good-slave", "-failover-abort-not-elected")

_MOVING = "The Sentinels are moving the master"

HOLD_SECONDS = 5.0
"""How long a promotion is waited for, if no Sentinel tells its outcome."""

DISTRUST_SECONDS = 15.0
"""For so long after a switch a Sentinel may still name the old master."""


START_SECONDS = 1.0
"""How long the first connection waits until every Sentinel has replied."""


class MasterWatch:
    """Follows the failovers of one `master`. `listening` and `asking` are clients of the same Sentinels: the first
    without a timeout, the second with a short one.

    It begins to listen with the first connection to the master, in one thread per Sentinel.
    """

    def __init__(self, master: str, listening: Sequence[Redis], asking: Sequence[Redis]) -> None:
        self._master = master
        self._sentinels = [(PubSubListener(client), other) for client, other in zip(listening, asking, strict=True)]
        self._asked = [threading.Event() for _ in self._sentinels]
        self._start_until = 0.0
        self._connections: WeakSet[Any] = WeakSet()
        self._lock = threading.Lock()
        self._is_started = False
        self._held_until = 0.0
        self._promoted: tuple[Address, Address] | None = None
        self._switched: tuple[Address, Address] | None = None
        self._switched_at = 0.0

    def promoted(self) -> Address | None:
        """The replica that is being promoted, None at other times. Raises `ConnectionError` if it is not known: writes
        would be lost."""
        self._start()
        if not self._is_moving:
            return None
        if self._promoted is None:
            raise ConnectionError(_MOVING)
        return self._promoted[1]

    def corrected(self, address: Address) -> Address:
        """The master's address, given what a Sentinel says that may not know of the last switch yet."""
        if self._switched and time.monotonic() - self._switched_at < DISTRUST_SECONDS:
            old, new = self._switched
            return new if address == old else address
        return address

    def opened(self, connection: Any) -> None:
        """A connection to the master was made. Raises `ConnectionError` if a failover has begun."""
        with self._lock:
            self._connections.add(connection)
        if not self._is_moving:
            return
        promoted = self._promoted
        if promoted and (connection.host, connection.port) == promoted[1] and _is_master(connection):
            self._switch(*promoted)
        else:
            connection.disconnect()
            raise ConnectionError(_MOVING)

    @property
    def _is_moving(self) -> bool:
        return time.monotonic() < self._held_until

    def _start(self) -> None:
        with self._lock:
            if not self._is_started:
                self._is_started = True
                self._start_until = time.monotonic() + START_SECONDS
                for (listener, sentinel), asked in zip(self._sentinels, self._asked, strict=True):
                    for channel in (SWITCHED, PROMOTING, *ABORTED):
                        listener.subscribe(channel, timeout=0)
                    listener.start(self._heard, partial(self._ask, sentinel, asked))
        for asked in self._asked:
            asked.wait(max(0.0, self._start_until - time.monotonic()))

    def _ask(self, sentinel: Redis, asked: threading.Event) -> None:
        """Hold if a failover runs of which this Sentinel has told before it was listened to."""
        with contextlib.suppress(RedisError):  # it is asked again with the next connection
            masters: Any = sentinel.sentinel_masters()
            if "failover_in_progress" in masters.get(self._master, {}).get("flags", ""):
                self._hold(None)
        asked.set()

    def _heard(self, channel: str, payload: bytes) -> None:
        words = payload.decode().split()
        if channel == SWITCHED and words[0] == self._master:
            self._switch((words[1], int(words[2])), (words[3], int(words[4])))
        elif channel == PROMOTING and self._master in words:  # slave NAME HOST PORT @ MASTER HOST PORT
            self._hold(((words[6], int(words[7])), (words[2], int(words[3]))))
        elif self._master in words:
            self._held_until = 0.0

    def _hold(self, promoted: tuple[Address, Address] | None) -> None:
        log.warning("the Sentinels promote a replica of %s; waiting for it", self._master)
        self._promoted = promoted
        self._held_until = time.monotonic() + HOLD_SECONDS
        self._cut(None)

    def _switch(self, old: Address, new: Address) -> None:
        if self._switched != (old, new) or time.monotonic() - self._switched_at > DISTRUST_SECONDS:
            log.warning("the master of %s is %s:%d now", self._master, *new)
            self._switched, self._switched_at = (old, new), time.monotonic()
        self._held_until = 0.0
        self._cut(new)

    def _cut(self, master: Address | None) -> None:
        """End the connections to all servers but the master. (A shutdown wakes the thread that reads, in any state.)"""
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            if (connection.host, connection.port) != master:
                with contextlib.suppress(OSError, AttributeError):  # it is closed, or being closed
                    connection._sock.shutdown(socket.SHUT_RDWR)


def _is_master(connection: Any) -> bool:
    """Whether the server says so; False if this user may not ask it."""
    try:
        connection.send_command("ROLE")
        return bool(connection.read_response()[0] in (b"master", "master"))
    except ResponseError:
        return False
