"""Reading the Redis streams of frames: a turn's log and a session's updates."""

from __future__ import annotations

from app.events.entries import StreamEntry
from app.state.scripts import Store

READ_AT_ONCE = 1000
"""Entries that one command reads, so that a long log does not hold up Redis."""


def read_stream(store: Store, key: str, after: int, count: int | None = None) -> list[StreamEntry]:
    """The entries of a stream after number `after`: the first `count` of them (at most `READ_AT_ONCE`), or all."""
    entries: list[StreamEntry] = []
    while True:
        raw = store.redis.xrange(key, min=f"({after}-0" if after else "-", count=count or READ_AT_ONCE)
        entries += (_entry(entry_id, fields) for entry_id, fields in raw)
        if count or len(raw) < READ_AT_ONCE:
            return entries
        after = entries[-1].number


def _entry(entry_id: bytes, fields: dict[bytes, bytes]) -> StreamEntry:
    at = fields.get(b"at", b"").decode()
    return StreamEntry(int(entry_id.split(b"-")[0]), fields[b"kind"].decode(), fields[b"frame"], at)
