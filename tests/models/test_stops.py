"""A stop, or the death of the worker, at each stage of an answer: the turn ends, and the next ones are valid with every
provider."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from tests.models import compare
from tests.models.cases_file import PLAIN, WIRES
from tests.models.play import Conversation
from tests.models.stack import EACH_MODE, MODES, Stack, Stacks
from tests.support.client import Event, Stream
from tests.support.patience import patient

pytestmark = pytest.mark.long

STAGES = {
    "openai": ("stall_first", "stall_text", "stall_args", "stall_finish", "slow_tool"),
    "responses": ("stall_first", "stall_text", "stall_args", "slow_tool"),
    "anthropic": ("stall_first", "stall_text", "stall_args", "stall_finish", "slow_tool"),
    "gemini": ("stall_first", "stall_text", "stall_args", "stall_finish", "slow_tool"),
    "ollama": ("stall_first", "stall_text", "stall_args", "slow_tool"),
}
"""Cases that are silent: before the first token, in the text, in a call, behind the finish; and a tool that runs."""

MAY_END = ("stall_finish", "slow_tool")
"""Where the turn may have ended before it was broken off: a finish can be taken for the end, and on a slow machine the
tool is done."""

STRICT = ("mistral", "openai-alternating", "anthropic-thinking", "gemini-3", "deepseek")
"""Two of these are asked next, others after each stage: what a broken turn leaves behind is what they refuse."""

PROVIDERS = {
    "openai": "openai",
    "responses": "responses",
    "openai-alternating": "openai",
    "mistral": "openai",
    "deepseek": "openai",
    "groq": "openai",
    "azure": "openai",
    "anthropic": "anthropic",
    "anthropic-thinking": "anthropic",
    "gemini": "gemini",
    "gemini-3": "gemini",
    "ollama": "ollama",
}
PLACES = [("inner", provider, f"{wire}/{stage}") for provider, wire in PROVIDERS.items() for stage in STAGES[wire]]
IN_THE_OTHER = [("wrapper", wire, f"{wire}/{stage}") for wire, stages in STAGES.items() for stage in stages]
DYING = [(wire, f"{wire}/{stage}") for wire, stages in STAGES.items() for stage in stages]
Place = tuple[str, str, str]
"""Mode, provider, case."""

PROMPT = 3.0
"""Seconds for what takes 0.3 on an idle machine."""


@dataclass(frozen=True)
class Stopped:
    """What became of a turn that was broken off, and of those after it."""

    events: list[Event]
    hung_up: bool
    problems: list[str]


def await_stage(conversation: Conversation, provider: str, case: str, stream: Stream) -> list[Event]:
    """Read until the answer is where the case stands still; the events so far."""
    if case.endswith("slow_tool"):
        return [stream.next("tool_call")]
    conversation.falls_silent(provider, 1)
    return [stream.next("text")] if case.endswith("stall_text") else []


def later_turns(conversation: Conversation, provider: str, case: str) -> list[str]:
    """What is wrong with the turns after a broken one, and with its history."""
    found = []
    first = [*PROVIDERS].index(provider) + sorted(STAGES[case.split("/")[0]]).index(case.split("/")[1])
    for model in (provider, *(STRICT[(first + step) % len(STRICT)] for step in (0, 2))):
        events = compare.normal(conversation.ask(model, f"{WIRES[model]}/plain").events)
        if not compare.match(events, PLAIN):
            found.append(f"then {model}: {events}")
    found += conversation.legal()
    messages = conversation.client.state()["messages"]
    if case.endswith("stall_text") and not any("Begin" in (message["content"] or "") for message in messages):
        found.append("the text so far is not in the history")
    return found


def stop(stack: Stack, provider: str, case: str) -> Stopped:
    conversation = Conversation(stack)
    with conversation.begin(provider, case) as stream:
        events = await_stage(conversation, provider, case, stream)
        conversation.client.interrupt()
        events += stream.events()
    hung_up = all(entry.hung_up.wait(patient(PROMPT)) for entry in conversation.requests(1) if entry.silent.is_set())
    return Stopped(events, hung_up, later_turns(conversation, provider, case))


@pytest.fixture(scope="module")
def stopped(request: pytest.FixtureRequest, stacks: Stacks) -> Iterator[dict[Place, Future[Stopped]]]:
    """All interrupts that were selected, side by side."""
    chosen = [item.callspec.params for item in request.session.items if item.path == request.path]
    places = [one["place"] for one in chosen if "place" in one]
    with ThreadPoolExecutor(24) as pool:
        yield {(mode, *of): pool.submit(stop, stacks[mode], *of) for mode, *of in places}


@pytest.mark.parametrize(
    "place",
    [*PLACES, *(pytest.param(place, marks=pytest.mark.exhaustive) for place in IN_THE_OTHER)],
    ids="-".join,
)
def test_after_an_interrupt_the_thread_goes_on(place: Place, stopped: dict[Place, Future[Stopped]]) -> None:
    found = stopped[place].result(patient(120))
    ends = [{"type": "complete", "interrupted": True}]
    if place[-1].endswith(MAY_END):
        ends.append({"type": "complete"})
    assert found.events[-1] in ends
    assert found.hung_up, "the provider's connection was not closed"
    assert not found.problems, "\n".join(["", *found.problems])


def die(stack: Stack) -> list[str]:
    """Kill the worker with a turn in each stage of each wire; returns what is wrong with these turns and later ones."""
    conversations = {place: Conversation(stack) for place in DYING}
    with ExitStack() as opened:
        streams = {place: opened.enter_context(one.begin(*place)) for place, one in conversations.items()}
        for place, stream in streams.items():
            await_stage(conversations[place], *place, stream)
            if not place[-1].endswith("slow_tool"):
                stack.backend.await_record(conversations[place].client.session_id)
        stack.worker.send(signal.SIGKILL)
        ends = {place: list(stream.events())[-1] for place, stream in streams.items()}
    stack.replace_worker()
    ended = {place for place, end in ends.items() if end == {"type": "complete"} and place[-1].endswith(MAY_END)}
    lost = {place for place, end in ends.items() if end.get("code") == "worker_lost"}
    found = [f"{place} ended with {end}" for place, end in ends.items() if place not in ended | lost]
    with ThreadPoolExecutor() as pool:
        later = {place: pool.submit(later_turns, one, *place) for place, one in conversations.items()}
        return found + [f"{place}: {problem}" for place, problems in later.items() for problem in problems.result()]


@pytest.fixture(scope="module")
def died(stacks: Stacks) -> Iterator[dict[str, Future[list[str]]]]:
    """The death of the worker of each mode, side by side."""
    with ThreadPoolExecutor() as pool:
        yield {mode: pool.submit(die, stacks[mode]) for mode in MODES}


@pytest.mark.exhaustive
@EACH_MODE
def test_after_the_death_of_its_worker_the_thread_goes_on(mode: str, died: dict[str, Future[list[str]]]) -> None:
    found = died[mode].result(patient(120))
    assert not found, "\n".join(["", *found])
