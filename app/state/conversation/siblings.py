"""Where the messages of the active branch hang: behind which message, and beside which others."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from app import exact_json
from app.state.conversation import transcript
from app.state.session_fields import Fields

MAX_SIBLINGS = 200
"""Messages that may follow one message."""

HERE = "*"
"""The entry of a fork for what follows its message on the active branch."""


@dataclass(frozen=True)
class Forks:
    """The forks of a thread: by the id of a message ('' before the first one) the ids of those that follow it, in
    order, as clients know them; `HERE` for the one of the active branch."""

    followers: dict[str, list[str]] = field(default_factory=dict)
    cuts: int = 0
    """How often the active branch was cut."""

    @classmethod
    def read(cls, fields: Fields) -> Forks:
        """Out of the thread's hash of branches."""
        shown = {number: _id_of(record["shown"]) for number, record in _records(fields)}
        forks = ((name, entries.split()) for name, entries in _part(fields, "fork:"))
        followers = {_id_of(name): [shown.get(entry, HERE) for entry in entries] for name, entries in forks}
        return cls(followers, int(fields.get("cuts", "0")))

    def placed(self, messages: Iterable[transcript.Message], joining: Collection[str] = ()) -> list[transcript.Message]:
        """The messages of the active branch, from its first one on, with `parent_id`, and `siblings` where there are
        others. Notes of failures and thoughts alone are nobody's parent and have no siblings. Those with an id in
        `joining` wait: they have no siblings yet."""
        placed: list[transcript.Message] = []
        parent_id, fork = None, ""
        for message in messages:
            place: dict[str, Any] = {"parent_id": parent_id}
            if self.is_fork(message) and not transcript.is_step(message) and message["id"] not in joining:
                place |= self._siblings(fork, message)
            placed.append(message | place)
            parent_id = transcript.client_id(message) if transcript.is_shown(message) else parent_id
            fork = message["id"] if self.is_fork(message) else fork
        return placed

    def is_fork(self, message: transcript.Message) -> bool:
        """Whether branches may part behind a message: a step of a tool is none, unless an earlier version made it one.
        (`nearest_fork` in lua/branches.lua is the same.)"""
        if transcript.is_step(message):
            return message["id"] in self.followers
        return transcript.is_shown(message)

    def _siblings(self, fork: str, message: transcript.Message) -> dict[str, list[str]]:
        own = transcript.client_id(message)
        ids = [own if one == HERE else one for one in self.followers.get(fork, ())]
        return {"siblings": ids} if len(ids) > 1 else {}


def branches_of(fields: Fields, aside: Fields) -> list[dict[str, Any]]:
    """The messages that are not on the active branch: each part that was cut off it, with the `parent_id` of its first
    message (ours, None before the first one of the thread). `lost` counts messages that Redis has lost."""
    return [_branch(number, record, aside) for number, record in _records(fields)]


def _branch(number: str, record: dict[str, Any], aside: Fields) -> dict[str, Any]:
    stored = [aside.get(f"{number}/{index}") for index in range(record["count"])]
    kept = [exact_json.loads(text) for text in stored if text is not None]
    lost = {"lost": len(stored) - len(kept)} if len(kept) < len(stored) else {}
    return {"parent_id": _id_of(record["parent"]) or None, "messages": kept} | lost


def _records(fields: Fields) -> list[tuple[str, dict[str, Any]]]:
    """The records of what was cut off, oldest first."""
    found = [(number, exact_json.loads(record)) for number, record in _part(fields, "segment:")]
    return sorted(found, key=lambda one: int(one[0]))


def _part(fields: Fields, prefix: str) -> list[tuple[str, str]]:
    return [(name.removeprefix(prefix), value) for name, value in fields.items() if name.startswith(prefix)]


def _id_of(text: str) -> str:
    """The id that a JSON text is, '' for none."""
    return exact_json.loads(text) if text else ""
