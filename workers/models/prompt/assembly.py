"""The prompt of one model call: instructions, the user's state, and as much of the history as the model can read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from app import exact_json
from app.state.conversation.summary import Summary
from app.state.conversation.transcript import Message
from workers.models.prompt.attachments import AttachmentWriter
from workers.models.prompt.history import covered, without_covered
from workers.models.prompt.media import without_media
from workers.models.prompt.messages import Prompt, PromptWriter
from workers.models.prompt.rules import Rules

Count = Callable[[Prompt], int]
"""Tokens of some messages, about."""

MAX_BYTES_PER_TOKEN = 16
"""More than any text takes on the average: what of a history lies further back than this cannot fit."""

MESSAGE_OVERHEAD = 8
"""Tokens that a message may cost beside its bytes; more than any tokenizer in use adds."""


SUMMED_UP = "The conversation began earlier. A summary of its messages before those that follow:"


@dataclass(frozen=True)
class Conversation:
    """The prompt: the app's instructions, the user's state, the thread's stored messages with those of the
    running turn. A `summary` that holds for them stands for the first of them. `read_file` gives the bytes of a file
    that they name, None if it is not available."""

    instructions: str
    user_state: dict[str, Any] = field(default_factory=dict)
    messages: Sequence[Message] = ()
    read_file: Callable[[str], bytes | None] = lambda _: None
    summary: Summary | None = None


def assemble(
    conversation: Conversation, rules: Rules, room: int, count: Count, inputs: frozenset[str] = frozenset()
) -> Prompt:
    """The prompt: instructions, the summary, the user's state, then as many of the newest turns as fit `room` tokens.

    A turn (a user's message and all up to the next one) stays whole, and the newest one is always there.
    The model takes `inputs` beside text (`workers.models.inputs`).
    """
    system = _system(conversation)
    messages = without_covered(conversation.messages, conversation.summary)
    turns = PromptWriter(rules, AttachmentWriter(inputs, conversation.read_file)).write(messages)
    spare = room - _most_tokens(system)
    if sum(map(_most_tokens, turns)) > spare:
        turns = _newest(turns, room - count(system), count)
    return system + [message for turn in turns for message in turn]


def _system(conversation: Conversation) -> Prompt:
    parts = [conversation.instructions] if conversation.instructions.strip() else []
    if conversation.summary and covered(conversation.messages, conversation.summary):
        parts.append(f"{SUMMED_UP}\n\n{conversation.summary.text}")  # before the state, which changes more often
    if conversation.user_state:
        parts.append(f"The user's state: {exact_json.dumps(conversation.user_state)}")
    return [{"role": "system", "content": "\n\n".join(parts)}] if parts else []


def _newest(turns: list[Prompt], room: int, count: Count) -> list[Prompt]:
    kept: list[Prompt] = []
    for turn in reversed(turns):
        room -= count(turn)
        if room < 0 and kept:
            break
        kept.insert(0, turn)
    return kept


def _most_tokens(messages: Prompt) -> int:
    """An upper bound without a tokenizer: no token is shorter than a byte."""
    texts, media_tokens = without_media(messages)
    return media_tokens + sum(len(exact_json.dump_bytes(message)) + MESSAGE_OVERHEAD for message in texts)
