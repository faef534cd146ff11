"""From stored messages to a prompt: turns stay whole, the newest is always there, and the model sees what was said."""

from __future__ import annotations

import re

import orjson
import pytest

from app.events import sse
from app.state.conversation import transcript
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


# Legal for the provider that is asked


def called(*calls, reasoning=None, model="m"):
    """A reply with these calls, answered: (id, name, args)."""
    events = [sse.kept_reasoning({"model": model, **reasoning})] if reasoning else []
    events += [sse.tool_call(call_id, name, args) for call_id, name, args in calls]
    events += [sse.tool_result(call_id, name, 1) for call_id, name, _ in calls]
    return answer(*events)


def rules(model, provider, **params):
    return rules_for(model, provider, params)


MISTRAL = rules("mistral/large", "mistral")
CLAUDE = rules("anthropic/claude", "anthropic", thinking={"type": "enabled"})
GEMINI = rules("gemini/gemini-3", "gemini")
DEEPSEEK = rules("deepseek/chat", "deepseek")
GROQ = rules("groq/llama", "groq")


def roles(prompt):
    return [message["role"] for message in prompt]


def ids(prompt):
    return [call["id"] for message in prompt for call in message.get("tool_calls", ())]


def test_messages_of_a_user_without_a_reply_between_are_one():
    assert to_prompt([said("one"), said("two"), *answer(sse.text("2")), said("three")]) == [
        {"role": "user", "content": "one\n\ntwo"},
        {"role": "assistant", "content": "2"},
        {"role": "user", "content": "three"},
    ]


def test_a_blank_text_is_left_out():
    assert roles(to_prompt([said("Hi"), *answer(sse.text(" \n")), said("again")])) == ["user"]
    (reply, _) = to_prompt(answer(sse.text("\n"), sse.tool_call("a", "Get", {}), sse.tool_result("a", "Get", 1)))
    assert reply["content"] is None


def test_a_call_that_has_no_result_gets_one_and_results_follow_the_order_of_the_calls():
    turn = answer(sse.tool_call("a", "Get", {}), sse.tool_call("b", "Get", {"x": 1}), sse.tool_result("b", "Get", 2))
    prompt = to_prompt(turn)
    assert [message["tool_call_id"] for message in prompt[1:]] == ["a", "b"]
    assert results(prompt) == {"a": {"error": "interrupted"}, "b": 2}


def test_names_of_old_histories_are_made_legal():
    (reply, _) = to_prompt(called(("a", "functions.get price<|x|>", {})))
    assert reply["tool_calls"][0]["function"]["name"] == "get_price"


@pytest.mark.parametrize(
    ("asked", "form"),
    [(OPENAI, r"[A-Za-z0-9_-]{1,40}"), (MISTRAL, r"[A-Za-z0-9]{9}"), (CLAUDE, r"[A-Za-z0-9_-]{1,40}")],
)
def test_ids_are_within_the_providers_rules_unique_and_the_same_each_time(asked, form):
    given = ["call_1", "call_1", "x" * 405, "a.b|c", "D681PevKs", ""]
    history = [
        one for place, call_id in enumerate(given) for one in (said("q"), *called((call_id, "Get", {"n": place})))
    ]
    prompt = to_prompt(history, asked)
    assert all(re.fullmatch(form, one) for one in ids(prompt))
    assert len(set(ids(prompt))) == len(given)
    assert ids(to_prompt(history, asked)) == ids(prompt)
    assert "D681PevKs" in ids(prompt)
    assert [message["tool_call_id"] for message in prompt if message["role"] == "tool"] == ids(prompt)


def test_mistral_wants_a_reply_between_a_result_and_a_user():
    history = [said("one"), *called(("a", "Get", {})), said("two")]
    assert roles(to_prompt(history, MISTRAL)) == ["user", "assistant", "tool", "assistant", "user"]
    assert roles(to_prompt(history)) == ["user", "assistant", "tool", "user"]


THOUGHT = {"blocks": [{"kind": "thinking", "text": "hm", "signature": "S"}, {"kind": "thinking", "data": "ENC"}]}


def test_thinking_goes_back_to_the_model_that_thought_it():
    own = called(("a", "Get", {}), reasoning=THOUGHT, model="anthropic/claude")
    (_, reply, _) = to_prompt([said("q"), *own], CLAUDE)
    assert reply["thinking_blocks"] == [
        {"type": "thinking", "thinking": "hm", "signature": "S"},
        {"type": "redacted_thinking", "data": "ENC"},
    ]
    off = rules("anthropic/claude", "anthropic")
    for other in (OPENAI, MISTRAL, GROQ, off, rules("anthropic/other", "anthropic", reasoning_effort="low")):
        reply = to_prompt([said("q"), *own], other)[1]
        assert not {"thinking_blocks", "reasoning_content", "provider_specific_fields"} & reply.keys()


def test_claude_thinking_takes_foreign_calls_of_the_turn_in_front_of_a_text_of_the_user():
    foreign = [said("q"), *called(("a", "Get", {}))]
    assert roles(to_prompt(foreign, CLAUDE)) == ["user", "assistant", "tool", "user"]
    assert roles(to_prompt([*foreign, said("next")], CLAUDE)) == ["user", "assistant", "tool", "user"]
    assert contents(to_prompt([*foreign, said("next")], CLAUDE))[-1] == "next"


def test_signatures_go_back_with_their_calls_and_texts():
    kept = {"blocks": [{"kind": "thought_signature", "signature": "T"}], "signatures": {"a": "S"}}
    own = called(("a", "Get", {}), ("b", "Get", {"x": 1}), reasoning=kept, model="gemini/gemini-3")
    reply = to_prompt([said("q"), *own], GEMINI)[1]
    assert reply["tool_calls"][0]["provider_specific_fields"] == {"thought_signature": "S"}
    assert "provider_specific_fields" not in reply["tool_calls"][1]
    assert reply["provider_specific_fields"] == {"thought_signatures": ["T"]}


def test_equal_calls_are_one_for_gemini():
    calls = [("a", "Get", {}), ("b", "Get", {}), ("c", "Get", {"x": 1}), ("d", "functions.Get", {})]
    prompt = to_prompt([said("q"), *called(*calls)], GEMINI)
    assert len(ids(prompt)) == 2
    assert roles(prompt) == ["user", "assistant", "tool", "tool"]


def test_equal_calls_that_are_one_for_gemini_have_the_result_of_each():
    """Of two equal calls one may be declined, and both may have later steps."""
    history = called(("a", "Get", {}), ("b", "Get", {}))
    history[0]["tool_results"] = [
        {"call_id": "a", "name": "Get", "result": 1},
        {"call_id": "b", "name": "Get", "result": {"error": "declined"}},
    ]
    prompt = to_prompt([said("q"), *history], GEMINI)
    assert orjson.loads(prompt[-1]["content"]) == {"results": [1, {"error": "declined"}]}
    step = {"role": "tool", "content": "", "tool_results": [{"call_id": "b", "name": "Get", "result": 2}]}
    prompt = to_prompt([said("q"), *history, step | {"id": "s", "created_at": ""}], GEMINI)
    assert orjson.loads(prompt[-1]["content"]) == {"steps": [{"results": [1, {"error": "declined"}]}, 2]}


def test_deepseek_gets_its_own_reasoning_and_the_field_for_calls_of_others():
    text = {"blocks": [{"kind": "reasoning_content", "text": "hm"}]}
    own = called(("a", "Get", {}), reasoning=text, model="deepseek/chat")
    history = [said("q"), *own, said("r"), *called(("b", "Get", {}))]
    assert [m.get("reasoning_content") for m in to_prompt(history, DEEPSEEK) if m["role"] == "assistant"] == ["hm", ""]
    assert not any("reasoning_content" in message for message in to_prompt(history, GROQ))


def test_openrouters_blocks_are_put_together_again():
    pieces = ['[{"type":"reasoning.text","index":0,"text":"a"}]', '[{"type":"reasoning.text","index":0,"text":"b"}]']
    pieces += ['[{"type":"reasoning.encrypted","index":1,"data":"E"}]']
    kept = {"blocks": [{"kind": "reasoning_details", "data": piece} for piece in pieces]}
    asked = rules("openrouter/x/y", "openrouter")
    reply = to_prompt([said("q"), *called(("a", "Get", {}), reasoning=kept, model="openrouter/x/y")], asked)[1]
    assert reply["reasoning_details"] == [
        {"type": "reasoning.text", "index": 0, "text": "ab"},
        {"type": "reasoning.encrypted", "index": 1, "data": "E"},
    ]
