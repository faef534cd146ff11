"""The maximum of open streams of this process. Streams above it are refused, so that short requests, interrupts and
health checks always find a free connection: `app.file_limit` says how many fit."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, cast

from flask import Flask, current_app, g
from flask.typing import ResponseReturnValue

from app.errors import Overloaded

P = ParamSpec("P")

FULL = "This server has as many open streams as it can carry; try again in a few seconds"


class StreamSlots:
    """Counts the open streams, `most` at once."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken = 0
        self._lock = threading.Lock()

    def take(self) -> StreamSlot:
        """A place for one stream. Raises `Overloaded`."""
        with self._lock:
            if self._taken >= self._most:
                raise Overloaded(FULL)
            self._taken += 1
        return StreamSlot(self)

    def give_back(self) -> None:
        """A stream has ended."""
        with self._lock:
            self._taken -= 1


class StreamSlot:
    """A place for one stream, which `release` gives back, once."""

    __slots__ = ("_ends", "_slots", "in_use")

    def __init__(self, slots: StreamSlots) -> None:
        self._slots: StreamSlots | None = slots
        self._ends: tuple[Callable[[], None], ...] = ()
        self.in_use = False

    def at_release(self, end: Callable[[], None]) -> None:
        """Call `end` when the place is given back."""
        self._ends += (end,)

    def release(self) -> None:
        """Give the place back."""
        slots, self._slots = self._slots, None
        if slots:
            slots.give_back()
            for end in self._ends:
                end()


def register(app: Flask, most: int) -> None:
    """Let `app` have at most so many open streams."""
    app.extensions["aomi_stream_slots"] = StreamSlots(most)


def opens_stream(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
    """A view that may respond with a stream: it is refused, before it has done anything, if there is no place for it.

    Raises `Overloaded`.
    """

    @wraps(view)
    def bounded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        g.stream_slot = slot = cast(StreamSlots, current_app.extensions["aomi_stream_slots"]).take()
        try:
            return view(*args, **kwargs)
        finally:
            if not slot.in_use:
                slot.release()

    bounded.__dict__["opens_stream"] = True  # a ticket opens it: app/web/access/users.py
    return bounded


def held_slot() -> StreamSlot | None:
    """The place that the view of this request holds, None if it is not one that `opens_stream`."""
    return cast("StreamSlot | None", g.get("stream_slot"))


def use_slot() -> StreamSlot:
    """The place that the view of this request holds. The caller releases it when the stream ends."""
    slot: Any = g.stream_slot
    slot.in_use = True
    return cast(StreamSlot, slot)
