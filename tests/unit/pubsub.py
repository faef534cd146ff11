"""A Redis that can do nothing but pub/sub, in memory: what a `Feed` needs of the client it is given."""

from __future__ import annotations

import queue
from typing import Any

from redis.exceptions import TimeoutError


class FakeRedis:
    """Give it to `Hub` or `Control`; `publish` reaches them, `cut` breaks every connection."""

    def __init__(self) -> None:
        self.connections: list[PubSub] = []

    def pubsub(self) -> PubSub:
        self.connections.append(PubSub())
        return self.connections[-1]

    def publish(self, channel: str, payload: bytes) -> None:
        for connection in self.connections:
            if channel in connection.channels:
                connection.leave("message", channel, payload)

    def subscribed(self, channel: str) -> bool:
        return any(channel in connection.channels for connection in self.connections)

    def cut(self) -> None:
        for connection in self.connections:
            connection.close()


class PubSub:
    """One connection, as redis-py's `PubSub`."""

    def __init__(self) -> None:
        self.channels: set[str] = set()
        self.is_connected = True
        self._received: queue.SimpleQueue[list[Any] | None] = queue.SimpleQueue()

    @property
    def connection(self) -> PubSub:
        return self

    def send_command(self, command: str, *channels: str, check_health: bool = True) -> None:
        assert self.is_connected, "redis-py would connect here, beside the thread that reads"
        getattr(self, command.lower())(*channels)

    def subscribe(self, *channels: str) -> None:
        for channel in channels:
            self.channels.add(channel)
            self.leave("subscribe", channel, 1)

    def unsubscribe(self, *channels: str) -> None:
        for channel in channels:
            self.channels.discard(channel)
            self.leave("unsubscribe", channel, 0)

    def read_response(self, *, timeout: float, **_: bool) -> list[Any]:
        try:
            response = self._received.get(timeout=timeout)
        except queue.Empty:
            raise TimeoutError from None
        if response is None:
            raise ConnectionError("cut")
        return response

    def handle_message(self, response: list[Any]) -> dict[str, Any]:
        return dict(zip(("type", "channel", "data"), response, strict=True))

    def ping(self) -> None:
        self.leave("pong", "", b"")

    def close(self) -> None:
        self.channels.clear()
        self._received.put(None)

    def leave(self, kind: str, channel: str, data: Any) -> None:
        self._received.put([kind, channel.encode(), data])
