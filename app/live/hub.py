"""The hub: all open streams of a web process share one pub/sub connection.

A reader subscribes, then replays the log from its last id, then takes what is live and drops what it has seen. Where a
number is missing (a lost connection, a reader that fell behind) it replays again: the log is the truth, pub/sub only
makes it fast. A channel that was heard from its first message on has nothing to replay. Measured in docs/design.md.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import NamedTuple

from app.events import sse
from app.live.inbox import Inbox
from app.state.connection.pubsub import Listener

MAX_UNREAD = 512
"""Messages that a reader may fall behind before it is sent back to the log."""


class FrameBatch(NamedTuple):
    """Frames number `first` to `last`, joined. `kind` is the type of the last event; `at` is when a worker published
    them, ISO-8601, b"" where that is not recorded."""

    first: int
    last: int
    kind: str
    frames: bytes
    at: bytes = b""

    def after(self, number: int) -> FrameBatch:
        """The part of the batch after `number`."""
        if number < self.first:
            return self
        kept = sse.split(self.frames)[number + 1 - self.first :]
        return FrameBatch(number + 1, self.last, self.kind, b"".join(kept))


class Gap(Exception):
    """Messages were missed: read the log again."""


class Closed(Exception):
    """The process stops serving: end the stream, the client resumes on another process."""


_GAP, _CLOSED = b"gap", b"closed"


def _ignore(_: object) -> None:
    """Where nobody wants to know."""


class Subscription(Inbox):
    """The live messages of one channel for one reader. It ends with a `with` block, which calls `end` with it. It
    `is_whole` where the first message of the channel comes, or came, after it was in effect."""

    __slots__ = ("_end", "_lagging", "is_whole")

    def __init__(self, end: Callable[[Subscription], object] = _ignore) -> None:
        super().__init__()
        self.is_whole = False
        self._end = end
        self._lagging = False

    def __enter__(self) -> Subscription:
        return self

    def __exit__(self, *_: object) -> None:
        self._end(self)

    def push(self, message: bytes) -> None:
        """Add a message. When `MAX_UNREAD` are unread it is dropped, and the reader gets one `Gap`."""
        if len(self.unread) < MAX_UNREAD:
            self.add(message)
        elif not self._lagging:
            self._lagging = True
            self.add(_GAP)

    def take(self) -> FrameBatch | None:
        """The next batch; None if all are taken. Raises `Gap`, `Closed`."""
        if not self.unread:
            return None
        message = self.unread.pop(0)
        if message is _GAP:
            self._lagging = False
            raise Gap
        if message is _CLOSED:
            raise Closed
        head, frames = message.split(b"\n", 1)
        first, last, kind, *at = head.split(b" ")
        return FrameBatch(int(first), int(last), kind.decode(), frames, *at)


class Hub:
    """Passes what is published on a channel to all readers of it in this process.

    `listener` connects when the first stream opens. `relayed` is called with the time at which each batch that a reader
    takes was published.
    """

    def __init__(self, listener: Listener, relayed: Callable[[bytes], None] = _ignore) -> None:
        self.relayed = relayed
        self._subscribers: dict[str, set[Subscription]] = {}
        self._expected: dict[str, Subscription] = {}
        self._lock = threading.Lock()
        self._closed = False
        self._listener = listener
        self._started = False

    def close(self) -> None:
        """End every open stream, and every stream that opens later."""
        self._closed = True
        self._signal_all(_CLOSED)

    @property
    def open_streams(self) -> int:
        """How many readers there are."""
        with self._lock:
            return sum(map(len, self._subscribers.values()))

    def expect(self, channel: str) -> Callable[[], None]:
        """Begin to subscribe to a channel that has no messages yet, and do not wait: the next `subscribe` takes the
        subscription over. Call what is returned once none will."""
        subscription = self._expected[channel] = self._open(channel)

        def forget() -> None:
            if self._expected.pop(channel, None):
                self._unsubscribe(channel, subscription)

        with ExitStack() as unless_subscribed:
            unless_subscribed.callback(forget)
            self._listener.subscribe(channel, timeout=0)
            unless_subscribed.pop_all()
        return forget

    def heard(self, channel: str) -> None:
        """The expected subscription was in effect before the first message."""
        if subscription := self._expected.get(channel):
            subscription.is_whole = True

    def subscribe(self, channel: str) -> Subscription:
        """A subscription that gets everything published on `channel` from here on."""
        subscription = self._expected.pop(channel, None) or self._open(channel)
        with ExitStack() as unless_subscribed:
            unless_subscribed.enter_context(subscription)
            if not subscription.is_whole and not self._listener.subscribe(channel):
                subscription.add(_GAP)
            if self._closed:
                subscription.add(_CLOSED)
            unless_subscribed.pop_all()
        return subscription

    def _open(self, channel: str) -> Subscription:
        self._start()
        subscription = Subscription(partial(self._unsubscribe, channel))
        with self._lock:
            self._subscribers.setdefault(channel, set()).add(subscription)
        return subscription

    def _publish(self, channel: str, payload: bytes) -> None:
        with self._lock:
            subscriptions = tuple(self._subscribers.get(channel, ()))
        for subscription in subscriptions:
            subscription.push(payload)

    def _resync(self) -> None:
        """Messages may have been lost: send every reader to its log."""
        self._signal_all(_GAP)

    def _start(self) -> None:
        with self._lock:
            if not self._started:
                self._started = True
                self._listener.start(self._publish, self._resync)

    def _unsubscribe(self, channel: str, subscription: Subscription) -> None:
        with self._lock:
            subscribers = self._subscribers[channel]
            subscribers.discard(subscription)
            if not subscribers:
                del self._subscribers[channel]
                self._listener.unsubscribe(channel)

    def _signal_all(self, signal: bytes) -> None:
        with self._lock:
            subscriptions = [subscription for readers in self._subscribers.values() for subscription in readers]
        for subscription in subscriptions:
            subscription.add(signal)
