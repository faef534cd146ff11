"""The body of a response that may be open for hours without a word. The greenlet that has read its request has a large
stack, so gunicorn's worker hands the body over to `LongStreams`, and the request is forgotten."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any

from app.live.inbox import Inbox, waited


class LongBody:
    """`begun` is gunicorn's response with its headers, once there is one."""

    __slots__ = ("begun", "frames")

    def __init__(self, frames: Generator[bytes | Inbox]) -> None:
        self.frames = frames
        self.begun: Any = None

    def __iter__(self) -> Iterator[bytes]:
        return waited(self.frames)

    def close(self) -> None:
        """End the frames."""
        self.frames.close()
