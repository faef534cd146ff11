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
from typing import Any, NamedTuple

from app.events import sse
from app.state.connection.feed import PubSubListener

MAILBOX = 512
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

    def put(self, message: bytes) -> None:
        """Leave a message; a full mailbox keeps only the news that it is full."""
        if self._queue.qsize() < MAILBOX:
            self._queue.put(message)
        elif not self._lagging:
            self._lagging = True
            self.tell(_GAP)

    def tell(self, news: bytes) -> None:
        """Leave `_GAP` or `_CLOSED`, however full the mailbox is."""
        self._queue.put(news)

    def take(self, timeout: float) -> FrameBatch | None:
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

    `redis` is a client made for listening; it connects when the first stream opens. `relayed` is told when each batch
    that a reader takes was sent.
    """

    def __init__(self, redis: Any, relayed: Callable[[bytes], None] = _nothing) -> None:
        self.relayed = relayed
        self._followers: dict[str, set[Subscription]] = {}
        self._lock = threading.Lock()
        self._closed = False
        self._feed = PubSubListener(redis, self._publish, self._resync)
        self._started = False

    def close(self) -> None:
        """End every open stream, and every one that is opened later."""
        self._closed = True
        self._tell_all(_CLOSED)

    @property
    def open_streams(self) -> int:
        """How many readers there are."""
        with self._lock:
            return sum(map(len, self._followers.values()))

    def _publish(self, channel: str, payload: bytes) -> None:
        """Bring a message to the followers of `channel`."""
        with self._lock:
            mailboxes = tuple(self._followers.get(channel, ()))
        for mailbox in mailboxes:
            mailbox.put(payload)

    def _resync(self) -> None:
        """Messages may have been lost: send every reader to its log."""
        self._tell_all(_GAP)

    @contextmanager
    def follow(self, channel: str) -> Iterator[Subscription]:
        """A mailbox that gets everything published on `channel` from here on."""
        self._start()
        mailbox = Subscription()
        with self._lock:
            self._followers.setdefault(channel, set()).add(mailbox)
        try:
            if not self._feed.subscribe(channel):
                mailbox.tell(_GAP)
            if self._closed:
                mailbox.tell(_CLOSED)
            yield mailbox
        finally:
            self._leave(channel, mailbox)

    def _start(self) -> None:
        with self._lock:
            if not self._started:
                self._started = True
                self._feed.start()

    def _leave(self, channel: str, mailbox: Subscription) -> None:
        with self._lock:
            followers = self._followers[channel]
            followers.discard(mailbox)
            if not followers:
                del self._followers[channel]
                self._feed.unsubscribe(channel)

    def _tell_all(self, message: bytes) -> None:
        with self._lock:
            mailboxes = [mailbox for followers in self._followers.values() for mailbox in followers]
        for mailbox in mailboxes:
            mailbox.tell(message)
