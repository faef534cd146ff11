"""Reading the Redis streams of frames: a turn's log and a session's updates."""

from __future__ import annotations

from app.events.entries import StreamEntry
from app.state.scripts import Store


def read_stream(store: Store, key: str, after: int, count: int | None = None) -> list[StreamEntry]:
    """The entries of a stream after number `after`: the first `count` of them, or all."""
    raw = store.redis.xrange(key, min=f"({after}-0" if after else "-", count=count)
    return [_entry(entry_id, fields) for entry_id, fields in raw]


def _entry(entry_id: bytes, fields: dict[bytes, bytes]) -> StreamEntry:
    at = fields.get(b"at", b"").decode()
    return StreamEntry(int(entry_id.split(b"-")[0]), fields[b"kind"].decode(), fields[b"frame"], at)
