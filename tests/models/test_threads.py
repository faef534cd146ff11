"""One thread with many models: each next request is legal for the provider that gets it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from tests.models import compare
from tests.models.cases_file import PLAIN, WIRES, cases
from tests.models.play import Conversation
from tests.models.stack import EACH_MODE, Stack, Stacks
from tests.support.patience import patient

CALLING = {
    "openai": "openai/two_calls",
    "responses": "responses/think_two_calls",
    "openrouter": "openai/two_calls_openrouter",
    "openai-alternating": "openai/idx_all_zero",
    "vllm-alternating": "openai/zero_in_pieces",
    "deepseek": "openai/reasoning_two_calls",
    "deepseek-reasoner": "openai/reasoning_two_rounds",
    "mistral": "openai/mistral_two_calls",
    "groq": "openai/reasoning_groq",
    "azure": "azure/two_calls",
    "anthropic": "anthropic/two_tools",
    "anthropic-thinking": "anthropic/think_redacted_two_tools",
    "gemini": "gemini/two_in_one_chunk",
    "gemini-3": "gemini/sig_two",
    "ollama": "ollama/two_in_one_chunk",
}
"""A case with calls, by provider."""

STEPS = (1, 3, 5)
"""A walk takes each so manieth provider, round and round: other neighbours in each walk."""

Problems = list[str]


def walk(stack: Stack, step: int) -> Problems:
    """All providers with calls at each, then all the way back."""
    conversation = Conversation(stack)
    providers = [list(CALLING)[place * step % len(CALLING)] for place in range(len(CALLING))]
    found: Problems = []
    for provider in providers + providers[::-1]:
        events = compare.normal(conversation.ask(provider, CALLING[provider]).events)
        if not any(compare.match(events, possible) for possible in cases()[CALLING[provider]].possible):
            found.append(f"{provider}: {events}")
    found += [str(problem) for problem in conversation.legal()]
    if compare.normal(conversation.ask("anthropic", "anthropic/plain", app="bare").events) != list(PLAIN):
        found.append("an app without tools could not go on with the thread")
    return found + list(conversation.legal())


@pytest.fixture(scope="module")
def walks(request: pytest.FixtureRequest, stacks: Stacks) -> Iterator[dict[tuple[int, str], Future[Problems]]]:
    """All walks that were selected, side by side."""
    here = [item.callspec.params for item in request.session.items if "walks" in getattr(item, "fixturenames", ())]
    with ThreadPoolExecutor() as pool:
        yield {(one["step"], one["mode"]): pool.submit(walk, stacks[one["mode"]], one["step"]) for one in here}


@pytest.mark.long
@EACH_MODE
@pytest.mark.parametrize("step", STEPS)
def test_a_thread_goes_through_all_providers_and_back(
    step: int, mode: str, walks: dict[tuple[int, str], Future[Problems]]
) -> None:
    found = walks[step, mode].result(patient(120))
    assert not found, "\n".join(["", *found])


def test_a_walk_meets_every_provider() -> None:
    assert CALLING.keys() == WIRES.keys()
    for provider, name in CALLING.items():
        assert {"tool_call", "tool_result"} <= {event["type"] for event in cases()[name].possible[0]}, provider


@EACH_MODE
def test_a_model_that_fails_behind_a_call_hands_over_within_the_turn(mode: str, stacks: Stacks) -> None:
    """The next one gets calls of the turn that it did not make."""
    conversation = Conversation(stacks[mode], app="fallback")
    events = compare.normal(conversation.ask("openai", "openai/call_then_failing").events)
    assert compare.match(events, cases()["openai/id_repeat"].possible[0]), events
    assert [entry.provider for entry in conversation.requests()] == ["openai", "openai", "openai", "gemini-3"]
    assert not list(conversation.legal())


@EACH_MODE
def test_a_message_that_a_filter_refused_is_left_out_of_a_longer_thread(mode: str, stacks: Stacks) -> None:
    conversation = Conversation(stacks[mode])

    def ask(*of: str) -> list[dict[str, Any]]:
        return compare.normal(conversation.ask(*of).events)

    assert ask("azure", "azure/two_calls")[-1] == {"type": "complete"}
    refused = ask("azure", "azure/badword", "BADWORD")
    assert [event.get("code") for event in refused] == ["refused"]
    assert ask("azure", "azure/plain") == list(PLAIN)
    assert ask("anthropic", "anthropic/two_tools")[-1] == {"type": "complete"}
    assert ask("azure", "azure/plain") == list(PLAIN)
    assert not [entry for entry in conversation.requests()[3:] if "BADWORD" in str(entry.body)]
    assert any("BADWORD" in message["content"] for message in conversation.client.state()["messages"])
    assert not list(conversation.legal())
