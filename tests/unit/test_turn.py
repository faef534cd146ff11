"""The turn's loop: what it emits, what it shows the model next, and when it ends."""

from __future__ import annotations

import pytest

from app.events import sse
from workers import turn
from workers.cancellation import INTERRUPTED, CancelToken, Stopped
from workers.turn import Reply, ToolRequest, ToolRoundsExceeded

QUESTION = [{"role": "user", "content": "What is the price of ETH?"}]

ETH = ToolRequest("call_1", "GetTokenPrice", '{"symbol":"ETH"}')
BTC = ToolRequest("call_2", "GetTokenPrice", '{"symbol":"BTC"}')


class Scripted:
    """A model that gives its replies in turn, word by word; `prompts` are what it was shown."""

    def __init__(self, *replies):
        self._replies = iter(replies)
        self.prompts = []

    def __call__(self, prompt, on_text, token):
        self.prompts.append(prompt)
        reply = next(self._replies)
        for word in reply.text.split():
            on_text(f"{word} ")
        return reply


def echo(calls, token):
    """Tools that give back their arguments, the last call's first."""
    for call in reversed(calls):
        yield call, call.args()


@pytest.fixture
def events():
    """What was emitted."""
    return []


@pytest.fixture
def run(events):
    def run(model, tools=echo, token=None, most_calls=16):
        turn.run(QUESTION, model, tools, events.append, token or CancelToken(), most_calls)

    return run


def test_text_is_emitted_piece_by_piece(run, events):
    run(Scripted(Reply("Hello there")))
    assert events == [sse.text("Hello "), sse.text("there ")]


def test_every_call_is_emitted_before_the_first_result_and_results_as_they_finish(run, events):
    run(Scripted(Reply("Looking.", (ETH, BTC)), Reply("Done.")))
    assert events == [
        sse.text("Looking. "),
        sse.tool_call("call_1", "GetTokenPrice", {"symbol": "ETH"}),
        sse.tool_call("call_2", "GetTokenPrice", {"symbol": "BTC"}),
        sse.tool_result("call_2", "GetTokenPrice", {"symbol": "BTC"}),
        sse.tool_result("call_1", "GetTokenPrice", {"symbol": "ETH"}),
        sse.text("Done. "),
    ]


def test_the_second_prompt_adds_the_calls_and_their_results_in_the_order_of_the_calls(run):
    model = Scripted(Reply("Looking.", (ETH, BTC)), Reply("Done."))
    run(model)
    assert model.prompts[0] == QUESTION
    assert model.prompts[1] == [
        *QUESTION,
        {
            "role": "assistant",
            "content": "Looking.",
            "tool_calls": [
                {
                    "id": "call_1",
                    "type": "function",
                    "function": {"name": "GetTokenPrice", "arguments": '{"symbol":"ETH"}'},
                },
                {
                    "id": "call_2",
                    "type": "function",
                    "function": {"name": "GetTokenPrice", "arguments": '{"symbol":"BTC"}'},
                },
            ],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": '{"symbol":"ETH"}'},
        {"role": "tool", "tool_call_id": "call_2", "content": '{"symbol":"BTC"}'},
    ]


def test_a_reply_of_calls_alone_has_no_empty_content(run):
    model = Scripted(Reply("", (ETH,)), Reply("Done."))
    run(model)
    assert model.prompts[1][1]["content"] is None


def test_several_rounds_are_all_in_the_last_prompt(run):
    model = Scripted(Reply("", (ETH,)), Reply("", (BTC,)), Reply("Done."))
    run(model)
    assert [message["role"] for message in model.prompts[2]] == ["user", "assistant", "tool", "assistant", "tool"]


@pytest.mark.parametrize("arguments", ["{", "[1]", '"ETH"'])
def test_arguments_that_are_no_json_object_are_shown_as_none(run, events, arguments):
    model = Scripted(Reply("", (ToolRequest("call_1", "Get", arguments),)), Reply("Done."))
    run(model, tools=lambda calls, token: iter([(calls[0], {"error": "no"})]))
    assert events[0] == sse.tool_call("call_1", "Get", {})
    assert model.prompts[1][1]["tool_calls"][0]["function"]["arguments"] == "{}"


def test_no_arguments_are_an_empty_object():
    assert ToolRequest("call_1", "Get", "").args() == {}


def test_a_model_that_goes_on_calling_tools_is_given_up(run):
    model = Scripted(*[Reply("", (ETH,))] * 3)
    with pytest.raises(ToolRoundsExceeded, match="3 times"):
        run(model, most_calls=3)
    assert len(model.prompts) == 3


def test_the_last_allowed_call_may_answer(run, events):
    run(Scripted(Reply("", (ETH,)), Reply("Done.")), most_calls=2)
    assert events[-1] == sse.text("Done. ")


def test_a_stopped_turn_asks_no_model(run):
    model, token = Scripted(Reply("Hello")), CancelToken()
    token.cancel(INTERRUPTED)
    with pytest.raises(Stopped):
        run(model, token=token)
    assert model.prompts == []


def test_a_stop_while_the_model_answers_runs_no_tool(run, events):
    token = CancelToken()

    def model(prompt, on_text, token):
        token.cancel(INTERRUPTED)
        return Reply("", (ETH,))

    with pytest.raises(Stopped):
        run(model, token=token)
    assert events == []


def test_a_stop_between_two_results_emits_no_more(run, events):
    def tools(calls, token):
        yield calls[0], 1
        token.cancel(INTERRUPTED)
        yield calls[1], 2

    with pytest.raises(Stopped):
        run(Scripted(Reply("", (ETH, BTC))), tools=tools)
    assert events[-1] == sse.tool_result("call_1", "GetTokenPrice", 1)


@pytest.mark.parametrize(
    ("failure", "code", "retryable"),
    [
        (turn.TurnFailed("x"), "internal", False),
        (turn.ProviderFailed("x", retryable=True), "provider_error", True),
        (turn.ProviderFailed("x", retryable=False), "provider_error", False),
        (turn.ProviderStalled("x"), "provider_stalled", True),
        (turn.ToolRoundsExceeded("x"), "tool_rounds_exceeded", False),
    ],
)
def test_a_failure_has_the_code_of_the_wire_contract(failure, code, retryable):
    assert (failure.message, failure.code, failure.retryable) == ("x", code, retryable)


def test_a_models_failure_ends_the_turn_and_what_was_said_stands(run, events):
    def model(prompt, on_text, token):
        on_text("The price ")
        raise turn.ProviderStalled("silent")

    with pytest.raises(turn.ProviderStalled):
        run(model)
    assert events == [sse.text("The price ")]
