"""Long responses, and how they are written. A greenlet is most of what a silent stream would cost. So one that has
nothing to write is parked: its greenlet ends, and a message, or the time at which it is due, starts another one."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import ExitStack, closing, suppress
from typing import Any

import gevent
from gevent.pool import Group
from gunicorn import util

from app.live.inbox import Inbox


class LongStreams:
    """Those of a process. `writers` are the greenlets of the streams that are not parked."""

    def __init__(self) -> None:
        self.writers = Group()
        self._open: set[_LongStream] = set()

    def __len__(self) -> int:
        """How many are open, parked or not."""
        return len(self._open)

    def write(self, connection: Any, is_chunked: bool, frames: Generator[bytes | Inbox]) -> None:
        """Have a response written to its end, and its connection closed then. `connection` is a gevent socket, whose
        timeout is how long the client may take to read. Where `frames` has an inbox, the stream is parked."""
        stream = _LongStream(self, connection, is_chunked, frames)
        self._open.add(stream)
        self.writers.spawn(stream.write)

    def forget(self, stream: _LongStream) -> None:
        """It is at its end."""
        self._open.discard(stream)

    def join(self, seconds: float) -> None:
        """Wait for the streams that are not parked. When the hub has been closed, none is."""
        self.writers.join(seconds)


class _LongStream:
    __slots__ = ("_connection", "_frames", "_is_chunked", "_streams", "_timer")

    def __init__(
        self, streams: LongStreams, connection: Any, is_chunked: bool, frames: Generator[bytes | Inbox]
    ) -> None:
        self._streams = streams
        self._connection = connection
        self._is_chunked = is_chunked
        self._frames = frames
        self._timer: Any = None  # of a parked stream

    def write(self) -> None:
        """Write until there is nothing to write by now, or to the end."""
        with ExitStack() as at_the_end:
            at_the_end.callback(self._streams.forget, self)
            at_the_end.enter_context(closing(self._connection))
            at_the_end.enter_context(closing(self._frames))
            at_the_end.enter_context(suppress(OSError))
            for frame in self._frames:
                if isinstance(frame, Inbox):
                    at_the_end.pop_all()
                    self._park(frame)
                    return
                if frame:
                    util.write(self._connection, frame, self._is_chunked)
            if self._is_chunked:
                util.write_chunk(self._connection, b"")

    def _park(self, inbox: Inbox) -> None:
        self._timer = gevent.get_hub().loop.timer(max(0.0, inbox.due - time.monotonic()))
        self._timer.start(self._resume)
        inbox.call(self._resume)

    def _resume(self) -> None:
        timer, self._timer = self._timer, None
        if timer:  # else it is not parked
            timer.close()
            self._streams.writers.spawn(self.write)
