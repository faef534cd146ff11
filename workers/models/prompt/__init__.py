"""Prompts: stored messages as the provider that is asked takes them, cut to what its model can read."""

from __future__ import annotations

from workers.models.prompt.assembly import MAX_BYTES_PER_TOKEN, Conversation, Count, assemble
from workers.models.prompt.messages import Prompt, tools_called_in
from workers.models.prompt.rules import Rules, rules_for

__all__ = [
    "MAX_BYTES_PER_TOKEN",
    "Conversation",
    "Count",
    "Prompt",
    "Rules",
    "assemble",
    "rules_for",
    "tools_called_in",
]
