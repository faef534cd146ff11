"""How commands print: tables for people, JSON for programs. Session ids are bearer secrets, so only their first 8
characters are shown, except with `--full`."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields, is_dataclass
from typing import Any

import click

from app.terminal_text import as_line, escaped_json, one_line

SESSION_CHARACTERS = 8
"""Enough of a session's id to name the session. (Logs show fewer: more people read them.)"""

RUN_CHARACTERS = 12
"""Enough of a turn's id to name the turn."""

CELL_CHARACTERS = 60

json_option = click.option("--json", "as_json", is_flag=True, help="JSON, for programs.")
full_option = click.option("--full", is_flag=True, help="Session ids in full. Anyone with an id can use the session.")


def text_table(rows: Sequence[Sequence[str]], left_columns: int) -> str:
    """Rows as aligned columns; the first row has the headings. The first `left_columns` columns are left-aligned, the
    others right-aligned. Columns without any value are left out. A line end in a cell begins no row."""
    rows = [[as_line(cell) for cell in row] for row in rows]
    align = [str.ljust if index < left_columns else str.rjust for index in range(len(rows[0]))]
    columns = [(pad, column) for pad, column in zip(align, zip(*rows, strict=True), strict=True) if any(column[1:])]
    padded = [[pad(cell, max(map(len, column))) for cell in column] for pad, column in columns]
    return "\n".join("  ".join(line).rstrip() for line in zip(*padded, strict=True))


@dataclass(frozen=True)
class Output:
    """How facts are printed: as JSON or for people; with `full`, ids are not cut."""

    as_json: bool
    full: bool

    def json(self, facts: Any) -> str:
        """A dataclass, a list of them, or a dict as JSON."""
        return escaped_json(json.dumps(self._plain(facts), indent=2))

    def table(self, kind: type, rows: Sequence[Any]) -> str:
        """Dataclasses of one kind as a table."""
        names = [field.name for field in fields(kind)]
        cells = [[self._cell(name, getattr(row, name)) for name in names] for row in rows]
        return text_table([[_heading(name) for name in names], *cells], left_columns=len(names))

    def pairs(self, facts: dict[str, Any]) -> str:
        """Names and values, one pair a line; unknown values are left out."""
        width = max(map(len, facts))
        known = {name: value for name, value in facts.items() if value not in (None, "")}
        return "\n".join(
            f"{_heading(name):<{width}}  {as_line(self._cell(name, value))}".rstrip() for name, value in known.items()
        )

    def session_id(self, session_id: str) -> str:
        """The id, cut unless `full`."""
        return session_id if self.full else session_id[:SESSION_CHARACTERS]

    def _cell(self, name: str, value: Any) -> str:
        if value is None or value == "":
            return ""
        if isinstance(value, tuple):
            return one_line(", ".join(value), CELL_CHARACTERS)
        if name.endswith("_s"):
            return f"{value:.3f} s"
        if name.endswith("_at"):
            return str(value).replace("T", " ")[:19]
        if name == "session":
            return one_line(self.session_id(value), 128)
        if name == "run" and not self.full:
            return one_line(value, 128)[:RUN_CHARACTERS]
        return one_line(str(value), CELL_CHARACTERS)

    def _plain(self, value: Any) -> Any:
        """Lists and dicts, with session ids cut unless `full`."""
        if isinstance(value, list):
            return [self._plain(item) for item in value]
        if is_dataclass(value) and not isinstance(value, type):
            value = asdict(value)
        if isinstance(value, dict):
            return {
                name: self.session_id(item) if name == "session" and isinstance(item, str) else self._plain(item)
                for name, item in value.items()
            }
        return value


def with_output(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--json` and `--full` to a command, whose function gets `as_json` and `full`."""
    return json_option(full_option(command))


def _heading(name: str) -> str:
    return name.removesuffix("_at").removesuffix("_s").replace("_", " ")
