"""The hub: all open streams of a web process hang on one pub/sub connection.

A reader subscribes, then replays the log from its last id, then takes what is live and drops what it has seen.
Where a number is missing (a lost connection, a reader that fell behind) it replays again: the log is the truth,
pub/sub only brings it at once. Measured in docs/design.md.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from app.events import sse
from app.state.connection.pubsub import PubSubListener

MAX_UNREAD = 512
"""Messages a reader may lag behind before it is sent back to the log."""


class FrameBatch(NamedTuple):
    """Frames number `first` to `last`, joined; `kind` is the type of the last event, `at` when a worker
    sent them, b"" where nobody notes that."""

    first: int
    last: int
    kind: str
    frames: bytes
    at: bytes = b""

    def after(self, number: int) -> FrameBatch:
        """The part of the batch behind `number`."""
        if number < self.first:
            return self
        kept = sse.split(self.frames)[number + 1 - self.first :]
        return FrameBatch(number + 1, self.last, self.kind, b"".join(kept))


class Gap(Exception):
    """Something was missed: read the log again."""


class Closed(Exception):
    """The process stops serving: end the stream, the client resumes elsewhere."""


_GAP, _CLOSED = b"gap", b"closed"


def _nothing(_: bytes) -> None:
    """What to do where nobody measures."""


class Subscription:
    """What is live on one channel for one reader."""

    __slots__ = ("_lagging", "_queue")

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._lagging = False

    def push(self, message: bytes) -> None:
        """Leave a message; a full mailbox keeps only the news that it is full."""
        if self._queue.qsize() < MAX_UNREAD:
            self._queue.put(message)
        elif not self._lagging:
            self._lagging = True
            self.signal(_GAP)

    def signal(self, news: bytes) -> None:
        """Leave `_GAP` or `_CLOSED`, however full the mailbox is."""
        self._queue.put(news)

    def next(self, timeout: float) -> FrameBatch | None:
        """The next batch, or None after `timeout` seconds of silence. Raises `Gap`, `Closed`."""
        try:
            message = self._queue.get(timeout=timeout)
        except queue.Empty:
            return None
        if message is _GAP:
            self._lagging = False
            raise Gap
        if message is _CLOSED:
            raise Closed
        head, frames = message.split(b"\n", 1)
        first, last, kind, *at = head.split(b" ")
        return FrameBatch(int(first), int(last), kind.decode(), frames, *at)


class Hub:
    """Brings what is published on a channel to everyone who follows it in this process.

    `listener` connects when the first stream opens. `relayed` is called with the time at which each batch that a
    reader takes was published.
    """

    def __init__(self, listener: PubSubListener, relayed: Callable[[bytes], None] = _nothing) -> None:
        self.relayed = relayed
        self._subscribers: dict[str, set[Subscription]] = {}
        self._lock = threading.Lock()
        self._closed = False
        self._listener = listener
        self._started = False

    def close(self) -> None:
        """End every open stream, and every one that is opened later."""
        self._closed = True
        self._signal_all(_CLOSED)

    @property
    def open_streams(self) -> int:
        """How many readers there are."""
        with self._lock:
            return sum(map(len, self._subscribers.values()))

    def _publish(self, channel: str, payload: bytes) -> None:
        """Bring a message to the followers of `channel`."""
        with self._lock:
            subscriptions = tuple(self._subscribers.get(channel, ()))
        for subscription in subscriptions:
            subscription.push(payload)

    def _resync(self) -> None:
        """Messages may have been lost: send every reader to its log."""
        self._signal_all(_GAP)

    @contextmanager
    def subscribe(self, channel: str) -> Iterator[Subscription]:
        """A mailbox that gets everything published on `channel` from here on."""
        self._start()
        subscription = Subscription()
        with self._lock:
            self._subscribers.setdefault(channel, set()).add(subscription)
        try:
            if not self._listener.subscribe(channel):
                subscription.signal(_GAP)
            if self._closed:
                subscription.signal(_CLOSED)
            yield subscription
        finally:
            self._leave(channel, subscription)

    def _start(self) -> None:
        with self._lock:
            if not self._started:
                self._started = True
                self._listener.start(self._publish, self._resync)

    def _leave(self, channel: str, subscription: Subscription) -> None:
        with self._lock:
            subscribers = self._subscribers[channel]
            subscribers.discard(subscription)
            if not subscribers:
                del self._subscribers[channel]
                self._listener.unsubscribe(channel)

    def _signal_all(self, message: bytes) -> None:
        with self._lock:
            subscriptions = [subscription for subscribers in self._subscribers.values() for subscription in subscribers]
        for subscription in subscriptions:
            subscription.signal(message)
