"""A request as the rules see it, and their refusal."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Refused(Exception):
    """The provider answers with this status and an error body."""

    def __init__(self, reason: str, status: int = 400) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status


@dataclass(frozen=True)
class Served:
    """A reply with calls that this provider gave in the conversation: (name, arguments) of each call, what it thought,
    the signature of each call, and those of its texts."""

    calls: tuple[tuple[str, Any], ...] = ()
    reasoning: str = ""
    thinking: tuple[dict[str, Any], ...] = ()
    signatures: tuple[str | None, ...] = ()
    text_signatures: tuple[str, ...] = ()


@dataclass(frozen=True)
class Request:
    """The body of a request, and what this provider has served before in the same conversation."""

    body: dict[str, Any]
    served: Sequence[Served] = ()

    def reply(self, calls: Sequence[tuple[str, Any]]) -> Served | None:
        """The reply that made exactly these calls, None if another model made them."""
        return next((one for one in reversed(self.served) if list(one.calls) == list(calls)), None)


def check_name(name: Any) -> None:
    if not (isinstance(name, str) and NAME.fullmatch(name)):
        raise Refused(f"the name of a tool must match {NAME.pattern}, not {str(name)[:80]!r}")


def object_of(text: Any) -> dict[str, Any] | None:
    """The JSON object that a text holds, None if it holds none."""
    try:
        found = json.loads(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
