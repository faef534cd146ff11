"""What must hold of messages in other dialects, when all is over."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tests.chaos.front_ends import FrontEnd, Told
from tests.support import heard
from tests.support.engines import Watched

Check = Callable[[str, bool, object], None]


def check_front_end(check: Check, front_end: FrontEnd, state: Mapping[str, Any], asked: Callable[[str], int]) -> None:
    """Every promise for one person, whose session's `state` was read last. `asked` counts the provider's first requests
    with a text."""
    name, messages = front_end.name, state["messages"]
    is_same = _begins_as if isinstance(front_end.site.redis, Watched) else str.__eq__
    for told in front_end.told:
        mine = front_end.heard(told)
        about = f"{name} {front_end.session_id}: {told}"
        check(f"exactly one end, and it is last, in {name}", mine.ends == told.events[-1:], about)
        reply = heard.of_state(_reply_to(told, messages))
        check(f"a reply is that of the state in {name}", is_same(mine.text, reply.text), f"{reply}, but {about}")
        grows = all(is_same(before, reply.text[: len(before)]) for before in told.before)
        check(f"what was read once stays in {name}", grows, about)
        check(f"the model was asked once in {name}", asked(told.text) <= 1, about)
    whole, kept = front_end.history(), heard.of_state(messages)
    check(f"the history is that of the state in {name}", whole.text == kept.text, f"{whole}, but {kept}")


def _begins_as(heard_text: str, kept: str) -> bool:
    """A failover may lose the end of a log that a client has read."""
    return heard_text.startswith(kept) or kept.startswith(heard_text)


def _reply_to(told: Told, messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The messages between that of the user and the next one."""
    (place,) = [at for at, one in enumerate(messages) if one["role"] == "user" and one["content"] == told.text]
    rest = messages[place + 1 :]
    end = next((at for at, one in enumerate(rest) if one["role"] == "user"), len(rest))
    return rest[:end]
