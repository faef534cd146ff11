"""The part of a long history that is summed up, and its text for the model that does so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import Any

from app import exact_json
from app.state.conversation.summary import Summary
from app.state.conversation.transcript import Message
from app.usage import EST_BYTES_PER_TOKEN
from workers.models.prompt.history import covered

LONGEST_RESULT = 4000
"""Characters of a tool's arguments or result that are summed up."""

BYTES_PER_TOKEN = 3
"""Fewer than most texts have on the average: a part that is measured with it fits."""

MOST_PARTS = 16
"""Parts of a history, and so model calls of one job. The oldest parts of a longer one are left out."""

LEAST_GAIN = 8
"""The part to sum up must take at least this fraction of the room. Otherwise nearly every turn of a conversation
whose last turns fill the room would be followed by a model call, and no prompt by one that begins with the same."""


@dataclass(frozen=True)
class Plan:
    """The `turns`, each with its messages, are to be summed up after `earlier`, the summary so far ('' for none). The
    new summary stands for all messages up to `message_id`."""

    earlier: str
    turns: Sequence[Sequence[Message]]
    message_id: str


def plan(messages: Sequence[Message], summary: Summary | None, keep_turns: int, room: int) -> Plan | None:
    """The part to sum up of a history, whose last `keep_turns` turns stay. None if that is not worth a model call
    for a model that reads `room` tokens."""
    start = covered(messages, summary)
    turns = turns_of(messages[start:])[:-keep_turns]
    if not turns or sum(map(tokens, turns)) * LEAST_GAIN < room:
        return None
    earlier = summary.text if summary and start else ""
    return Plan(earlier, turns, turns[-1][-1]["id"])


def turns_of(messages: Sequence[Message]) -> list[Sequence[Message]]:
    """The messages by turns: each begins with a message of the user, or of the client, that follows a reply."""
    starts = [place for place in range(len(messages)) if place == 0 or _begins(messages[place - 1], messages[place])]
    return [messages[start:end] for start, end in pairwise([*starts, len(messages)])]


def _begins(before: Message, message: Message) -> bool:
    asking = ("user", "system")
    return message["role"] in asking and before["role"] not in asking


def tokens(messages: Sequence[Message]) -> int:
    """Tokens of messages in a prompt, about."""
    texts = chain.from_iterable(_texts(message) for message in messages)
    return sum(len(text.encode()) for text in texts) // EST_BYTES_PER_TOKEN


def _texts(message: Message) -> Iterator[str]:
    yield message["content"]
    yield from (exact_json.dumps(call["args"]) for call in message.get("tool_calls", ()))
    yield from (exact_json.dumps(result["result"]) for result in message.get("tool_results", ()))


def parts(turns: Sequence[Sequence[Message]], room: int) -> list[str]:
    """The turns as texts that a model reads one after the other, each of at most `room` tokens."""
    most = max(room * BYTES_PER_TOKEN, 1)
    found: list[bytes] = []
    for turn in turns:
        text = "\n\n".join(chain.from_iterable(map(_lines, turn))).encode()
        if found and len(found[-1]) + len(text) + 2 <= most:
            found[-1] += b"\n\n" + text
        else:
            found += [text[start : start + most] for start in range(0, len(text), most)]
    return [part.decode(errors="ignore") for part in found[-MOST_PARTS:]]


_SPEAKERS = {"user": "User", "system": "The user's program", "assistant": "Assistant"}


def _lines(message: Message) -> Iterator[str]:
    if message["content"]:
        yield f"{_SPEAKERS.get(message['role'], 'Tool')}: {message['content']}"
    for file in message.get("attachments", ()):
        yield f"(The user attached {file.get('filename') or file.get('url')})"
    for call in message.get("tool_calls", ()):
        yield f"Assistant calls the tool {call['name']}: {_cut(call['args'])}"
    for result in message.get("tool_results", ()):
        yield f"Result of the tool {result['name']}: {_cut(result['result'])}"


def _cut(value: Any) -> str:
    text = exact_json.dumps(value)
    return text if len(text) <= LONGEST_RESULT else f"{text[:LONGEST_RESULT]} ..."
