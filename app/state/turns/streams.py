"""Reading the Redis streams of frames: a turn's log and a session's updates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

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


def first_entries(raw: Iterable[tuple[bytes, Sequence[bytes]]]) -> tuple[StreamEntry, ...]:
    """The beginning of a stream, at most `READ_AT_ONCE` entries, as a script returns it."""
    return tuple(_entry(entry_id, dict(zip(fields[::2], fields[1::2], strict=True))) for entry_id, fields in raw)


def read_behind(store: Store, key: str, first: Sequence[StreamEntry]) -> list[StreamEntry]:
    """All entries of a stream that has ended, of which the `first_entries` are known."""
    rest = read_stream(store, key, first[-1].number) if len(first) >= READ_AT_ONCE else []
    return [*first, *rest]


def _entry(entry_id: bytes, fields: dict[bytes, bytes]) -> StreamEntry:
    at = fields.get(b"at", b"").decode()
    return StreamEntry(int(entry_id.split(b"-")[0]), fields[b"kind"].decode(), fields[b"frame"], at)
