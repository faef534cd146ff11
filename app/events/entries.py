"""Frames as Redis streams hold them."""

from __future__ import annotations

from typing import NamedTuple


class StreamEntry(NamedTuple):
    """One event of a turn's log or of an update stream: its number, counted from 1, its type and its frame. `at` is
    when it was written, ISO-8601; '' for pieces of text and in update streams."""

    number: int
    kind: str
    frame: bytes
    at: str = ""
