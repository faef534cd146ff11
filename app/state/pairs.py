"""Hashes and events as the flat lists of bytes that Redis commands and scripts take and return."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from app.events import sse


def text_fields(raw: Mapping[bytes, bytes]) -> dict[str, str]:
    """A hash's bytes as text."""
    return {name.decode(): value.decode() for name, value in raw.items()}


def from_pairs(raw: Iterable[bytes]) -> dict[str, str]:
    """A script's list of name, value, name, value ... as a dict."""
    items = iter(raw)
    return {name.decode(): value.decode() for name, value in zip(items, items, strict=True)}


def to_pairs(fields: Mapping[str, Any]) -> list[Any]:
    """A dict as name, value, name, value ..."""
    return [item for pair in fields.items() for item in pair]


def frame_pairs(events: Sequence[sse.Event]) -> list[Any]:
    """Events as kind, frame, kind, frame ... for the scripts."""
    return [item for event in events for item in (event["type"], sse.frame(event))]
