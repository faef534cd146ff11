"""Messages for one stream, and how it waits for them: it blocks, or it is parked and called."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TypeVar, cast

T = TypeVar("T")


class Inbox:
    """Messages for one reader. One that has taken all of them waits until there are more, or the time is `due`
    (`time.monotonic`). A stream that yields its inbox has nothing else by now: go on with it after the wait."""

    __slots__ = ("_arrived", "_wake", "due", "unread")

    def __init__(self) -> None:
        self.due = 0.0
        self.unread: list[bytes] = []  # a queue would take 2 KB of each idle stream
        self._arrived: threading.Lock | None = None  # only of a reader that blocks
        self._wake: Callable[[], object] | None = None

    def add(self, message: bytes) -> None:
        """Add a message, and wake the reader."""
        self.unread.append(message)
        if self._wake:
            self._wake()

    def call(self, wake: Callable[[], object]) -> None:
        """Call `wake`, which must not block, at each arrival from now on; at once if there is something to take."""
        self._wake = wake
        if self.unread:
            wake()

    def wait(self) -> None:
        """Block until there is something to take, or the time is `due`."""
        if self._arrived is None:
            self._arrived = threading.Lock()
            self._arrived.acquire()
            self._wake = self._release
        while not self.unread:
            left = self.due - time.monotonic()
            if left <= 0 or not self._arrived.acquire(timeout=left):
                return

    def _release(self) -> None:
        with suppress(RuntimeError):  # the reader does not wait
            cast(threading.Lock, self._arrived).release()


def waited(stream: Iterator[T | Inbox]) -> Iterator[T]:
    """All that the stream yields but its inbox: where it would wait, this blocks."""
    for item in stream:
        if isinstance(item, Inbox):
            item.wait()
        else:
            yield item
