"""Reads of Redis that begin before what they read is needed, so that several take one round trip."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

_READERS = ThreadPoolExecutor(8, thread_name_prefix="reads")


def ahead(read: Callable[[], T]) -> Callable[[], T]:
    """Begin to read, in another thread. The returned function waits for the result, or reads itself if the threads were
    all busy; when it is called again it reads again. It raises what `read` raises."""
    begun: list[Future[T]] = [_READERS.submit(read)]

    def result() -> T:
        future = begun.pop() if begun else None
        return read() if future is None or future.cancel() else future.result()

    return result
