"""What a model thinks, as clients get it that ask for it: on every wire, in both stream modes, with the same ids."""

from __future__ import annotations

from typing import Any

import pytest

from tests.models.play import Conversation
from tests.models.stack import EACH_MODE, Stacks
from tests.support.client import text_of

CASES = {
    "anthropic-thinking": ("anthropic/think_tool", ["I should look."]),
    "deepseek": ("openai/reasoning_call", ["I should look."]),
    "groq": ("openai/reasoning_groq", ["I should look."]),
    "openrouter": ("openai/reasoning_openrouter", ["I should look."]),
    "gemini": ("gemini/thoughts", ["hm"]),
    "gemini-3": ("gemini/sig_thoughts", ["hm"]),
    "responses": ("responses/think_two_rounds", ["I should look.", "And the other."]),
}
"""By provider: a case of its wire, and what the model thinks before each reply."""

Numbered = list[tuple[str, dict[str, Any]]]


def numbered(stream: Any) -> Numbered:
    """The events of a stream with their ids."""
    events = list(stream.events())
    return list(zip(stream.ids, events, strict=True))


def thoughts(events: Numbered) -> list[str]:
    """What was thought, in one text for each reply."""
    found, is_new = [], True
    for _, event in events:
        if event["type"] == "reasoning":
            found[len(found) - (not is_new) :] = [("" if is_new else found[-1]) + event["content"]]
        is_new = event["type"] != "reasoning"
    return found


@EACH_MODE
@pytest.mark.parametrize("provider", CASES)
def test_clients_that_ask_get_it_and_others_see_none(provider: str, mode: str, stacks: Stacks) -> None:
    (case, wanted), conversation = CASES[provider], Conversation(stacks[mode])
    client, body = conversation.client, {"text": conversation.text(case), "model": provider}
    query = {"app": "cases", "ids": "1", "reasoning": "1"}
    with client.streaming("POST", "/api/chat", params=query, json=body) as stream:
        seen = numbered(stream)
    with client.resume(ids="1") as stream:
        others = numbered(stream)
    assert thoughts(seen) == wanted
    assert others == [(number, event) for number, event in seen if event["type"] != "reasoning"]
    for place, (number, _) in enumerate(seen[:-1], start=1):
        with client.resume(last_id=number, reasoning="1") as stream:
            assert numbered(stream) == seen[place:]
    told = client.state(reasoning="1")["messages"]
    assert [message["reasoning"] for message in told if "reasoning" in message] == wanted
    assert client.state()["messages"] == [
        {name: value for name, value in message.items() if name != "reasoning"} for message in told
    ]
    assert conversation.ask(provider, f"{case.split('/')[0]}/plain").events[-1] == {"type": "complete"}
    assert not list(conversation.legal())
    assert text_of([event for _, event in seen])
