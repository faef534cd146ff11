"""Hashes and events as the flat lists that Redis commands and scripts take and return."""

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


def to_pairs(fields: Mapping[str, Any]) -> list[str]:
    """A dict as name, value, name, value ...; None counts as ''."""
    return [item for name, value in fields.items() for item in (name, "" if value is None else str(value))]


def frame_pairs(events: Sequence[sse.Event]) -> list[str]:
    """Events as kind, frame, kind, frame ... for the scripts."""
    return [item for event in events for item in (event["type"], sse.frame(event).decode())]
