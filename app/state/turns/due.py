"""Sorted sets by when their members are due. Redis's own clock decides, so that processes whose clocks differ agree."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from app.state.scripts import Call, Store


class Due(NamedTuple):
    """A `member` of the sorted set `name` is due in `seconds`. With a `ttl` the set is kept for that many more."""

    name: str
    member: str
    seconds: float
    ttl: float = 0.0

    def args(self) -> tuple[str, int, int]:
        """As the script `set_due` takes them."""
        return self.member, int(self.seconds * 1000), int(self.ttl * 1000)


def setting(due: Due, *, if_new: bool = False) -> Call:
    """The call that adds a member, or makes it due later, but not `if_new`. It can be sent before another script."""
    return Call("set_due", (1, due.name, "NX" if if_new else "", *due.args()))


def set_due(store: Store, due: Due) -> None:
    """Add a member, or make it due later."""
    store.run(setting(due))


def postpone(store: Store, dues: Iterable[Due]) -> None:
    """Make members due later. One that was removed stays removed."""
    store.call_each("set_due", ("XX",), [(due.name, due.args()) for due in dues])


def overdue(store: Store, name: str, count: int) -> list[str]:
    """At most `count` members that are due, the longest overdue first. The process learns Redis's time with it."""
    time_us, *members = store.call("overdue", [name], {"count": count})
    store.clock.learn(int(time_us))
    return [raw.decode() for raw in members]
