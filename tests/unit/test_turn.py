"""The turn's loop: what it emits, what it shows the model next, and when it ends."""

from __future__ import annotations

import pytest

from app.events import sse
from app.state.open_calls.records import Asked
from workers import turn
from workers.cancellation import INTERRUPTED, CancelToken, Stopped
from workers.reply import Reasoning, Reply, ToolRequest
from workers.turn import ToolRoundsExceeded

QUESTION = [{"id": "m", "role": "user", "content": "What is the price of ETH?", "created_at": ""}]

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


class Tools:
    """Tools that `run` like this. The calls in `waiting` wait, by what they wait for."""

    def __init__(self, run, waiting):
        self.run, self.waiting = run, waiting

    def __call__(self, calls, token):
        return self.run(calls, token)

    def asks(self, call):
        return self.waiting.get(call.call_id)

    def goes_on(self, call, result):
        return call.name == "Watch"


@pytest.fixture
def events():
    """What was emitted."""
    return []


@pytest.fixture
def run(events):
    def run(model, tools=echo, token=None, most_calls=16, **waiting):
        end = turn.run(QUESTION, model, Tools(tools, waiting), events.append, token or CancelToken(), most_calls)
        return end.asks or end.stop

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


def test_the_second_call_sees_the_reply_with_its_calls_and_results(run):
    model = Scripted(Reply("Looking.", (ETH, BTC)), Reply("Done."))
    run(model)
    assert model.prompts[0] == QUESTION
    reply = model.prompts[1][-1]
    assert (reply["role"], reply["content"]) == ("assistant", "Looking.")
    assert reply["tool_calls"] == [
        {"call_id": "call_1", "name": "GetTokenPrice", "args": {"symbol": "ETH"}},
        {"call_id": "call_2", "name": "GetTokenPrice", "args": {"symbol": "BTC"}},
    ]
    assert {result["call_id"]: result["result"] for result in reply["tool_results"]} == {
        "call_1": {"symbol": "ETH"},
        "call_2": {"symbol": "BTC"},
    }


def test_several_rounds_are_all_in_the_last_call(run):
    model = Scripted(Reply("", (ETH,)), Reply("", (BTC,)), Reply("Done."))
    run(model)
    assert [message["role"] for message in model.prompts[2]] == ["user", "assistant", "assistant"]


# How the model stopped


@pytest.mark.parametrize("stop", ["stop", "length", "content_filter"])
def test_a_turn_that_showed_something_ends_as_its_model_stopped(run, stop):
    assert run(Scripted(Reply("A text", stop=stop))) == stop


def test_a_turn_that_showed_its_tools_has_shown_something(run):
    assert run(Scripted(Reply("", (ETH,)), Reply("", stop="length"))) == "length"


@pytest.mark.parametrize(
    ("reply", "failure"),
    [
        (Reply(""), turn.EmptyAnswer),
        (Reply(" \n"), turn.EmptyAnswer),
        (Reply("", stop="length"), turn.EmptyAnswer),
        (Reply("", reasoning=(Reasoning("thinking", "hm"),)), turn.EmptyAnswer),
        (Reply("", stop="content_filter"), turn.Refused),
    ],
)
def test_a_turn_with_nothing_to_show_fails(run, reply, failure):
    with pytest.raises(failure):
        run(Scripted(reply))


@pytest.mark.parametrize("arguments", ["", "{}", '{"symbol":"ET'])
@pytest.mark.parametrize("stop", ["length", "content_filter"])
def test_a_call_that_was_cut_never_runs(run, events, stop, arguments):
    cut = ToolRequest("call_1", "GetTokenPrice", arguments)
    assert run(Scripted(Reply("Looking.", (cut,), stop=stop))) == stop
    assert events == [sse.text("Looking. ")]


def test_a_call_that_is_whole_runs_though_the_reply_was_cut_behind_it(run, events):
    assert run(Scripted(Reply("", (ETH,), stop="length"), Reply("Done."))) == "stop"
    assert events[0]["type"] == "tool_call"


# What the model thought


def test_reasoning_goes_before_the_calls_into_the_log_and_to_the_next_call(run, events):
    thought = Reasoning("thinking", "hm", "SIG")
    model = Scripted(Reply("", (ETH,), reasoning=(thought,), model="anthropic/claude"), Reply("Done."))
    run(model)
    kept = {"model": "anthropic/claude", "blocks": [{"kind": "thinking", "text": "hm", "signature": "SIG"}]}
    assert events[0] == {"type": "reasoning", **kept}
    assert events[1]["type"] == "tool_call"
    assert model.prompts[1][-1]["reasoning"] == kept


def test_the_signature_of_a_call_is_kept_with_its_id(run, events):
    signed = ToolRequest("call_1", "Get", "{}", signature="SIG")
    run(Scripted(Reply("", (signed,), model="gemini/g"), Reply("Done.")))
    assert events[0] == {"type": "reasoning", "model": "gemini/g", "blocks": [], "signatures": {"call_1": "SIG"}}


def test_thoughts_of_a_reply_that_says_nothing_are_not_kept(run, events):
    with pytest.raises(turn.EmptyAnswer):
        run(Scripted(Reply("", reasoning=(Reasoning("thinking", "hm"),))))
    assert events == []


@pytest.mark.parametrize("arguments", ["{", "[1]", '"ETH"'])
def test_arguments_that_are_no_json_object_are_shown_as_none(run, events, arguments):
    model = Scripted(Reply("", (ToolRequest("call_1", "Get", arguments),)), Reply("Done."))
    run(model, tools=lambda calls, token: iter([(calls[0], {"error": "no"})]))
    assert events[0] == sse.tool_call("call_1", "Get", {})
    assert model.prompts[1][1]["tool_calls"][0]["args"] == {}


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
        (turn.Refused("x"), "refused", False),
        (turn.EmptyAnswer("x"), "empty_answer", True),
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


def test_calls_that_wait_end_the_turn_when_the_others_have_their_results(run, events):
    asks = run(Scripted(Reply("", (ETH, BTC))), call_1="approval")
    assert asks == (Asked("call_1", "GetTokenPrice", "approval"),)
    assert [event["type"] for event in events] == ["tool_call", "tool_call", "tool_result"]
    assert events[-1]["call_id"] == "call_2"


def test_the_first_step_of_a_tool_that_goes_on_says_so(run, events):
    run(Scripted(Reply("", (ToolRequest("call_1", "Watch", "{}"),)), Reply("Done.")))
    assert events[1] == {"type": "tool_result", "call_id": "call_1", "name": "Watch", "result": {}, "done": False}
