"""From stored messages to a prompt: turns stay whole, the newest is always there, and the model sees what was said."""

from __future__ import annotations

import orjson
import pytest

from app.events import sse
from app.state import transcript
from workers.models.prompt import Conversation, assemble, rules_for
from workers.models.prompt.messages import PromptWriter

NOW = "2025-01-15T10:30:00.000Z"


def said(text):
    return transcript.message("m", "user", text, NOW)


def answer(*events):
    """The messages of a turn of these events."""
    return transcript.fold("run", events, NOW)


def step(result, call_id="a"):
    return transcript.step_message("m", sse.async_tool_result(call_id, "Watch", result, False), NOW)


def watched(first, call_id="a"):
    """A turn that called `Watch` and got the first step."""
    return answer(sse.tool_call(call_id, "Watch", {}), sse.tool_result(call_id, "Watch", first), sse.text("Watching."))


TURNS = [said("one"), *answer(sse.text("1")), said("two"), *answer(sse.text("2")), said("three")]


def never(messages):
    pytest.fail("tokens were counted")


def ten_each(messages):
    return 10 * len(messages)


OPENAI = rules_for("openai/gpt-4o", "openai", {})


def to_prompt(messages, rules=OPENAI):
    return [message for turn in PromptWriter(rules).write(messages) for message in turn]


def assembled(instructions, user_state, messages, room, count):
    return assemble(Conversation(instructions, user_state, messages), OPENAI, room, count)


def contents(prompt):
    return [message["content"] for message in prompt]


def results(prompt):
    return {one["tool_call_id"]: orjson.loads(one["content"]) for one in prompt if one["role"] == "tool"}


# What the model reads


def test_questions_and_answers_keep_their_order():
    assert to_prompt(TURNS[:3]) == [
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": "1"},
        {"role": "user", "content": "two"},
    ]


def test_a_call_stands_with_its_result():
    turn = answer(sse.text("Wait. "), sse.tool_call("a", "Get", {"x": 1}), sse.tool_result("a", "Get", {"y": 2}))
    function = {"name": "Get", "arguments": '{"x":1}'}
    assert to_prompt(turn) == [
        {
            "role": "assistant",
            "content": "Wait. ",
            "tool_calls": [{"id": "a", "type": "function", "function": function}],
        },
        {"role": "tool", "tool_call_id": "a", "content": '{"y":2}'},
    ]


def test_the_partial_text_of_an_interrupted_turn_is_visible():
    partial = answer(sse.text("The price"))[0] | {"interrupted": True}
    assert contents(to_prompt([said("ETH?"), partial, said("Go on")])) == ["ETH?", "The price", "Go on"]


def test_a_call_that_was_interrupted_has_a_result():
    turn = answer(sse.tool_call("a", "Get", {}), sse.tool_result("a", "Get", transcript.INTERRUPTED))
    assert results(to_prompt(turn)) == {"a": {"error": "interrupted"}}


def test_later_steps_stand_with_the_first_result():
    prompt = to_prompt([said("watch"), *watched(1), step(2), said("and?"), step(3)])
    assert results(prompt) == {"a": {"steps": [1, 2, 3]}}
    assert [message["role"] for message in prompt] == ["user", "assistant", "tool", "assistant", "user"]


def test_each_step_goes_to_its_own_call():
    prompt = to_prompt([*watched(1, "a"), *watched(10, "b"), step(11, "b"), step(2, "a")])
    assert results(prompt) == {"a": {"steps": [1, 2]}, "b": {"steps": [10, 11]}}


def test_a_step_whose_call_is_gone_is_left_out():
    assert to_prompt([said("Hi"), step(2)]) == [{"role": "user", "content": "Hi"}]


def test_a_reply_that_says_nothing_is_left_out():
    assert to_prompt([said("Hi"), *answer(sse.text(""))]) == [{"role": "user", "content": "Hi"}]


# The system line


@pytest.mark.parametrize(
    ("preamble", "user_state", "system"),
    [
        ("Be brief.", {}, ["Be brief."]),
        ("", {"chain_id": 1}, ['The user\'s state: {"chain_id":1}']),
        ("Be brief.", {"chain_id": 1}, ['Be brief.\n\nThe user\'s state: {"chain_id":1}']),
        ("", {}, []),
    ],
)
def test_the_system_line_holds_the_preamble_and_the_users_state(preamble, user_state, system):
    prompt = assembled(preamble, user_state, [said("Hi")], 10_000, never)
    assert contents(prompt) == [*system, "Hi"]


# What fits


def test_where_all_fits_by_its_bytes_no_tokens_are_counted():
    assert contents(assembled("Be brief.", {}, TURNS, 1000, never)) == ["Be brief.", "one", "1", "two", "2", "three"]


def test_where_it_might_not_fit_the_tokens_are_counted():
    """By their bytes, the system line and the turn fit one by one, but not together."""
    counted = []

    def count(messages):
        counted.extend(message["role"] for message in messages)
        return 100

    assembled("p" * 500, {}, [said("q" * 500)], 900, count)
    assert sorted(counted) == ["system", "user"]


@pytest.mark.parametrize(
    ("room", "kept"),
    [
        (60, ["one", "1", "two", "2", "three"]),
        (59, ["two", "2", "three"]),
        (40, ["two", "2", "three"]),
        (39, ["three"]),
        (1, ["three"]),
    ],
)
def test_the_oldest_turns_go_first_whole_and_the_newest_never(room, kept):
    """Every message counts 10 tokens, the system line too."""
    assert contents(assembled("Be brief.", {}, TURNS, room, ten_each)) == ["Be brief.", *kept]


def test_a_dropped_turn_takes_its_calls_and_results_along():
    messages = [said("watch"), *watched(1), step(2), said("and now?")]
    assert contents(assembled("", {}, messages, 30, ten_each)) == ["and now?"]
