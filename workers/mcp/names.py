"""The names of MCP tools for the model: `SERVER__TOOL`, within the rules of every provider."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable

MAX_CHARACTERS = 64
"""Of a function's name: https://platform.openai.com/docs/api-reference/chat/create"""

HASH_CHARACTERS = 8

_ILLEGAL = re.compile(r"[^A-Za-z0-9_-]")


def names(tools: Iterable[tuple[str, str]], taken: Collection[str] = ()) -> dict[tuple[str, str], str]:
    """A name for each `(server, tool)`, all different, and none that is `taken`. One that had to be changed and would
    be another tool's ends with a hash of the original name."""
    found: dict[tuple[str, str], str] = {}
    used = set(taken)
    for server, tool in sorted(set(tools), key=lambda pair: (_legal(*pair) != f"{pair[0]}__{pair[1]}", pair)):
        name = _legal(server, tool)
        if name in used:
            name = _with_hash(name, f"{server}/{tool}")
        found[server, tool] = name
        used.add(name)
    return found


def _legal(server: str, tool: str) -> str:
    name = _ILLEGAL.sub("_", f"{server}__{tool}")
    return name if len(name) <= MAX_CHARACTERS else _with_hash(name, f"{server}/{tool}")


def _with_hash(name: str, original: str) -> str:
    digest = hashlib.sha256(original.encode("utf-8", "replace")).hexdigest()[:HASH_CHARACTERS]
    return f"{name[: MAX_CHARACTERS - HASH_CHARACTERS - 1]}_{digest}"
