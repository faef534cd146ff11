"""Pages of what a sorted set lists: a client can make lists of any length."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.state.scripts import Store
from app.state.session_fields import Fields

READ_AT_ONCE = 100
"""Hashes that are read in one round trip, so that other requests of the process run in between."""


@dataclass(frozen=True)
class WantedPage:
    """At most `limit` items; `cursor` is the `next` of the page before, '' for the first page."""

    limit: int
    cursor: str = ""


@dataclass(frozen=True)
class Page:
    """Hashes, the newest first. `next` is the cursor of the next page, '' if there is none. `gone` are the listed
    members that have no hash any more."""

    items: list[Fields]
    next: str
    gone: list[str]


def read_page(
    store: Store, index: str, name_of: Callable[[str], str], fields: Sequence[str], wanted: WantedPage
) -> Page:
    """A page of the hashes `name_of(member)` of an index, by falling scores. The first of `fields` is one that every
    such hash has. A cursor is a score: it stays valid when its member goes."""
    top = f"({wanted.cursor}" if wanted.cursor else "+inf"
    listed = store.redis.zrevrangebyscore(index, top, "-inf", start=0, num=wanted.limit + 1, withscores=True)
    shown = listed[: wanted.limit]
    members = [member.decode() for member, _ in shown]
    hashes: list[Fields] = []
    for start in range(0, len(members), READ_AT_ONCE):
        pipeline = store.redis.pipeline(transaction=False)
        for member in members[start : start + READ_AT_ONCE]:
            pipeline.hmget(name_of(member), fields)
        values = ([(value or b"").decode() for value in found] for found in pipeline.execute())
        hashes += (dict(zip(fields, found, strict=True)) for found in values)
    return Page(
        items=[found for found in hashes if found[fields[0]]],
        next=f"{shown[-1][1]:.0f}" if len(listed) > len(shown) else "",
        gone=[member for member, found in zip(members, hashes, strict=True) if not found[fields[0]]],
    )
