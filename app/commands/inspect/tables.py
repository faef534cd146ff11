"""Facts as tables for people, and as JSON for programs. Session ids are bearer secrets: 8 characters of each."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any

from app.commands.chat.clean import one_line
from app.telemetry.logs import short_session_id

RUN_CHARACTERS = 12
"""Enough of a turn's id to name it by."""

CELL = 60


class Shown:
    """How facts are shown: `as_json` in full but for session ids; with `full` ids are not cut."""

    def __init__(self, as_json: bool, full: bool) -> None:
        self.as_json = as_json
        self._full = full

    def json(self, facts: Any) -> str:
        """One dataclass, or a list of them, as JSON."""
        plain = [asdict(one) for one in facts] if isinstance(facts, list) else asdict(facts)
        return json.dumps(self._hidden(plain), indent=2)

    def table(self, kind: type, rows: Sequence[Any]) -> str:
        """Dataclasses of one kind as a table; columns in which nothing stands are left out."""
        names = [field.name for field in fields(kind)]
        cells = [[self._cell(name, getattr(row, name)) for name in names] for row in rows]
        used = [place for place, name in enumerate(names) if any(line[place] for line in cells)]
        lines = [[_heading(names[place]) for place in used], *([line[place] for place in used] for line in cells)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)

    def pairs(self, facts: dict[str, Any]) -> str:
        """Names and values, one a line; those that are unknown are left out."""
        width = max(map(len, facts))
        facts = {name: value for name, value in facts.items() if value not in (None, "")}
        return "\n".join(
            f"{_heading(name):<{width}}  {self._cell(name, value)}".rstrip() for name, value in facts.items()
        )

    def _cell(self, name: str, value: Any) -> str:
        if value is None or value == "":
            return ""
        if isinstance(value, tuple):
            return one_line(", ".join(value), CELL)
        if name.endswith("_s"):
            return f"{value:.3f} s"
        if name.endswith("_at"):
            return str(value).replace("T", " ")[:19]
        if name == "session":
            return one_line(self._session(value), 128)
        if name == "run" and not self._full:
            return one_line(value, 128)[:RUN_CHARACTERS]
        return one_line(str(value), CELL)

    def _hidden(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._hidden(one) for one in value]
        if isinstance(value, dict):
            return {
                name: self._session(one) if name == "session" and isinstance(one, str) else self._hidden(one)
                for name, one in value.items()
            }
        return value

    def _session(self, session_id: str) -> str:
        return session_id if self._full else short_session_id(session_id)


def _heading(name: str) -> str:
    return name.removesuffix("_at").removesuffix("_s").replace("_", " ")
