"""The statuses of a turn, in the order in which it goes through them.

waiting ──> queued ──> running ──> ending ──> complete | interrupted | error
"""

from __future__ import annotations

from typing import Literal

RunStatus = Literal["waiting", "queued", "running", "ending", "complete", "interrupted", "error"]

UNFINISHED: frozenset[RunStatus] = frozenset({"waiting", "queued", "running"})
"""The statuses of turns whose end nobody has claimed yet."""

ENDED: frozenset[str] = frozenset({"complete", "interrupted", "error"})
"""The statuses of turns that are over. (`has_ended` in lua/prelude.lua is the same.)"""
