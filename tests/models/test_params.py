"""`params` of an app as they reach each provider: over the model's own, in the provider's names."""

from __future__ import annotations

from typing import Any

import pytest

from tests.models.cases_file import WIRES
from tests.models.play import Conversation
from tests.models.stack import SCHEMA, Stacks

Body = dict[str, Any]

BY_PROVIDER: dict[str, tuple[str, Body]] = {
    "openai": ("openai/two_calls", {"temperature": 1, "max_tokens": 2048, "tool_choice": "required"}),
    "responses": (
        "responses/think_two_calls",
        {"temperature": 1, "max_output_tokens": 2048, "reasoning": {"effort": "low"}, "tool_choice": "required"},
    ),
    "mistral": ("openai/mistral_two_calls", {"temperature": 1, "max_tokens": 2048, "tool_choice": "any"}),
    "anthropic-thinking": (
        "anthropic/think_tool",
        {"temperature": 1, "max_tokens": 2048, "tool_choice": {"type": "auto"}},
    ),
    "gemini-3": (
        "gemini/sig_two",
        {
            "generationConfig": {
                "temperature": 1,
                "maxOutputTokens": 2048,
                "thinkingConfig": {"thinkingLevel": "low", "includeThoughts": True},
            },
            "toolConfig": {"functionCallingConfig": {"mode": "ANY"}},
        },
    ),
    "ollama": ("ollama/two_in_one_chunk", {"options": {"temperature": 1, "num_predict": 2048}, "think": True}),
}
"""A case with calls, and the parameters of `stack.PARAMS` in the request of each. What it cannot do is left out."""

FORMATS: dict[str, tuple[str, ...]] = {
    "openai": ("response_format", "json_schema", "schema"),
    "azure": ("response_format", "json_schema", "schema"),
    "responses": ("text", "format", "schema"),
    "anthropic": ("output_format", "schema"),
    "gemini": ("generationConfig", "responseJsonSchema"),
    "ollama": ("format",),
}
"""Where the schema of `stack.FORMAT` stands in the request of each."""


@pytest.mark.parametrize("provider", BY_PROVIDER)
def test_they_go_over_the_models_own(provider: str, stacks: Stacks) -> None:
    conversation, (case, wanted) = Conversation(stacks["inner"], app="tuned"), BY_PROVIDER[provider]
    assert conversation.ask(provider, case).events[-1] == {"type": "complete"}
    first = conversation.requests()[0].body
    assert {name: first.get(name) for name in wanted} == wanted
    assert not list(conversation.legal())


def test_a_forced_tool_is_called_once_a_turn(stacks: Stacks) -> None:
    conversation = Conversation(stacks["inner"], app="tuned")
    conversation.ask("openai", "openai/two_calls")
    assert [entry.body["tool_choice"] for entry in conversation.requests()] == ["required", "auto"]


@pytest.mark.parametrize("provider", FORMATS)
def test_a_format_is_asked_of_each_in_its_own_way(provider: str, stacks: Stacks) -> None:
    conversation = Conversation(stacks["inner"], app="formatted")
    assert conversation.ask(provider, f"{WIRES[provider]}/plain").events[-1] == {"type": "complete"}
    found: Any = conversation.requests()[0].body
    for name in FORMATS[provider]:
        found = found[name]
    assert SCHEMA.items() <= found.items()
