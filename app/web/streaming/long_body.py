"""The body of a response that may be open for hours without a word. The greenlet that has read its request has a large
stack, so gunicorn's worker writes the body in one of its own (`app.serving`), and the request is forgotten."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any


class LongBody:
    """`begun` is gunicorn's response with its headers, once there is one."""

    __slots__ = ("begun", "frames")

    def __init__(self, frames: Generator[bytes]) -> None:
        self.frames = frames
        self.begun: Any = None

    def __iter__(self) -> Iterator[bytes]:
        return self.frames

    def close(self) -> None:
        """End the frames."""
        self.frames.close()
