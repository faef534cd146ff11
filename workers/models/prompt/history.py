"""A history of which a part was summed up, as models read it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from app import exact_json
from app.state.conversation.summary import Summary
from app.state.conversation.transcript import Message


def covered(messages: Sequence[Message], summary: Summary | None) -> int:
    """How many of the messages, from the first on, the summary stands for; 0 if it belongs to another branch."""
    if summary is None:
        return 0
    places = (place for place in range(len(messages) - 1, -1, -1) if messages[place]["id"] == summary.message_id)
    return next(places, -1) + 1


def without_covered(messages: Sequence[Message], summary: Summary | None) -> Sequence[Message]:
    """The messages that a prompt has beside the summary. A later step of a tool whose call was summed up is told in
    words, because no provider takes a result without its call."""
    count = covered(messages, summary)
    if not count:
        return messages
    summed_up = {call["call_id"] for message in messages[:count] for call in message.get("tool_calls", ())}
    return list(_told(messages[count:], summed_up))


def _told(messages: Sequence[Message], summed_up: set[str]) -> Iterator[Message]:
    for message in messages:
        summed_up -= {call["call_id"] for call in message.get("tool_calls", ())}
        if message["role"] == "tool" and (steps := _steps(message, summed_up)):
            yield message | {"role": "system", "content": "\n".join(steps), "tool_results": []}
        else:
            yield message


def _steps(message: Message, summed_up: set[str]) -> list[str]:
    return [
        f"(A later result of the tool {step['name']}: {exact_json.dumps(step['result'])})"
        for step in message["tool_results"]
        if step["call_id"] in summed_up
    ]
