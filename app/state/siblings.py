"""Where the messages of the active branch hang: behind which message, and beside which others."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from app import exact_json
from app.state import transcript
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
        parent: transcript.Message | None = None
        for message in messages:
            parent_id = transcript.client_id(parent) if parent else None
            place = {"parent_id": parent_id}
            if transcript.is_shown(message):
                is_here = message["id"] not in joining
                siblings = self._siblings(parent["id"] if parent else "", message) if is_here else {}
                placed.append(message | place | siblings)
                parent = message
            else:
                placed.append(message | place)
        return placed

    def _siblings(self, parent: str, message: transcript.Message) -> dict[str, list[str]]:
        own = transcript.client_id(message)
        ids = [own if one == HERE else one for one in self.followers.get(parent, ())]
        return {"siblings": ids} if len(ids) > 1 else {}


def branches_of(fields: Fields, aside: Fields) -> list[dict[str, Any]]:
    """The messages that are not on the active branch: each part that was cut off it, with the `parent_id` of its first
    message (ours, None before the first one of the thread)."""
    return [
        {
            "parent_id": _id_of(record["parent"]) or None,
            "messages": [exact_json.loads(aside[f"{number}/{index}"]) for index in range(record["count"])],
        }
        for number, record in _records(fields)
    ]


def _records(fields: Fields) -> list[tuple[str, dict[str, Any]]]:
    """The records of what was cut off, oldest first."""
    found = [(number, exact_json.loads(record)) for number, record in _part(fields, "segment:")]
    return sorted(found, key=lambda one: int(one[0]))


def _part(fields: Fields, prefix: str) -> list[tuple[str, str]]:
    return [(name.removeprefix(prefix), value) for name, value in fields.items() if name.startswith(prefix)]


def _id_of(text: str) -> str:
    """The id that a JSON text is, '' for none."""
    return exact_json.loads(text) if text else ""
