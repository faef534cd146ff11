"""Models of all the providers that aimock simulates, which is checked daily against the real ones."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import pytest

from tests.clients import aimock
from tests.clients.aimock import Aimock
from tests.clients.providers import PATHS, models
from tests.models import compare
from tests.models.journal import Journal
from tests.models.stack import MODES, TOOLS, Stack, Stacks, in_both_modes
from tests.support.client import Client, Event, text_of
from tests.support.patience import patient

PROVIDERS = list(models(""))
FAILURES = ("fail with 503", "drop it", "garble it", "hang up at once")
BROKEN_OFF = ("break off", "hang up in the middle")
PACES = {
    "as it was recorded": "One word after the other, in its own time.",
    "at a steady pace": "One word after the other.",
}
ASKED_AGAIN = {"fail with 429": (2, True), "fail with 401": (1, False)}
GOES_ON = ("say hello", "two prices", *FAILURES, *BROKEN_OFF)
"""Another message follows these."""
IN_BOTH_MODES = ("say hello", "two prices", *BROKEN_OFF, "think first", "go on for long")
IN_ONE_MODE = (*FAILURES, *ASKED_AGAIN, *PACES)
DEFAULT, OTHER = MODES
BOTH = pytest.mark.parametrize("mode", [DEFAULT, pytest.param(OTHER, marks=pytest.mark.exhaustive)])
ONE = pytest.mark.parametrize("mode", [DEFAULT])
NEVER_CUT = ("ollama",)
"""aimock has only `stop` as the end of a reply on these wires."""
HELLO = [{"type": "text", "content": "Hello there, friend."}, {"type": "complete"}]
CALLS = [
    {"type": "text", "content": "Let me look."},
    {"type": "tool_call", "name": "Price", "args": {"symbol": "ETH"}},
    {"type": "tool_call", "name": "Price", "args": {"symbol": "BTC"}},
    {"type": "tool_result", "name": "Price", "result": {"price": 1.0}},
    {"type": "tool_result", "name": "Price", "result": {"price": 1.0}},
    {"type": "text", "content": "Both cost one."},
    {"type": "complete"},
]


@dataclass(frozen=True)
class Outcome:
    """The events of a message, the requests that the simulator got for it, all that a client may know afterwards, and
    the events of another message in the same thread, if one follows."""

    events: list[Event]
    requests: list[dict[str, Any]]
    state: str
    then: list[Event]


Asked = Callable[[str], Outcome]


def ask(stack: Stack, simulator: Aimock, provider: str, text: str) -> Outcome:
    """Send the message, and another one behind it where a test looks at that."""
    client, word = Client(stack.url, stack.key), uuid.uuid4().hex
    events = client.ask(f"{text} {word}", app="cases", model=provider)
    requests = simulator.requests(word)
    then = client.ask("say hello", app="cases", model=provider) if text in GOES_ON else []
    return Outcome(events, requests, str(client.state()), then)


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aimock]:
    with aimock.running(tmp_path_factory.mktemp("aimock") / "log") as running:
        yield running


@pytest.fixture(scope="module")
def stacks(simulator: Aimock, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stacks]:
    known = models(simulator.url)
    app = {"id": "cases", "model": "openai", "models": list(known), "preamble": "Be brief.", "tools": TOOLS}
    listed = [{"model_name": name, "litellm_params": params} for name, params in known.items()]
    with in_both_modes(tmp_path_factory, {"model_list": listed, "apps": [app]}, Journal()) as started:
        yield started


@pytest.fixture(scope="module")
def outcomes(
    request: pytest.FixtureRequest, stacks: Stacks, simulator: Aimock
) -> Iterator[dict[tuple[str, str, str], Future[Outcome]]]:
    """All messages to the providers that were selected, side by side."""
    chosen = [item.callspec.params for item in request.session.items if item.path == request.path]
    pairs = dict.fromkeys((one["mode"], one["provider"]) for one in chosen)
    with ThreadPoolExecutor(16) as pool:
        yield {
            (mode, provider, text): pool.submit(ask, stacks[mode], simulator, provider, text)
            for mode, provider in pairs
            for text in (*IN_BOTH_MODES, *(IN_ONE_MODE if mode == DEFAULT else ()))
        }


@pytest.fixture
def asked(outcomes: dict[tuple[str, str, str], Future[Outcome]], mode: str, provider: str) -> Asked:
    """The outcome of a message to the test's provider."""
    return lambda text: outcomes[mode, provider, text].result(patient(120))


pytestmark = [
    pytest.mark.exhaustive,
    pytest.mark.parametrize("provider", PROVIDERS),
]


@BOTH
def test_a_text_and_another_one(provider: str, asked: Asked) -> None:
    outcome = asked("say hello")
    assert compare.normal(outcome.events) == compare.normal(outcome.then) == HELLO
    (request,) = outcome.requests
    assert PATHS[provider] in unquote(request["path"])
    assert request["response"]["status"] == 200


@BOTH
def test_two_calls_their_results_and_another_message(asked: Asked) -> None:
    outcome = asked("two prices")
    assert compare.match(compare.normal(outcome.events), CALLS), outcome.events
    assert not compare.faults_of_calls(outcome.events)
    assert [request["response"]["status"] for request in outcome.requests] == [200, 200]
    assert compare.normal(outcome.then) == HELLO


@BOTH
def test_what_it_thinks_is_not_its_answer(asked: Asked) -> None:
    assert compare.normal(asked("think first").events) == [{"type": "text", "content": "Four."}, {"type": "complete"}]


@BOTH
def test_an_answer_that_is_cut_at_its_length_says_so(provider: str, asked: Asked) -> None:
    events = asked("go on for long").events
    assert text_of(events) == "A long answer that is cut"
    assert events[-1] == ({"type": "complete"} | ({} if provider in NEVER_CUT else {"finish_reason": "length"}))


@BOTH
@pytest.mark.parametrize("text", BROKEN_OFF)
def test_a_stream_that_breaks_off_is_an_error_and_the_thread_goes_on(asked: Asked, text: str) -> None:
    _is_an_error_and_goes_on(asked(text))


@ONE
@pytest.mark.parametrize("text", FAILURES)
def test_a_failure_is_an_error_and_the_thread_goes_on(asked: Asked, text: str) -> None:
    _is_an_error_and_goes_on(asked(text))


def _is_an_error_and_goes_on(outcome: Outcome) -> None:
    assert (outcome.events[-1]["type"], outcome.events[-1]["code"]) == ("error", "provider_error")
    assert "secret-detail" not in str(outcome.events) + outcome.state
    assert compare.normal(outcome.then) == HELLO


@ONE
@pytest.mark.parametrize("text", ASKED_AGAIN)
def test_it_is_asked_again_where_that_may_help(asked: Asked, text: str) -> None:
    outcome, (requests, retryable) = asked(text), ASKED_AGAIN[text]
    assert [(event["code"], event["retryable"]) for event in outcome.events] == [("provider_error", retryable)]
    assert len(outcome.requests) == requests


@ONE
@pytest.mark.parametrize("text", PACES)
def test_an_answer_comes_whole_at_any_pace(asked: Asked, text: str) -> None:
    assert compare.normal(asked(text).events) == [{"type": "text", "content": PACES[text]}, {"type": "complete"}]
