"""What is summed up of a history, and what prompts have of it then."""

from __future__ import annotations

from itertools import pairwise

import pytest

from app.state.conversation.summary import Summary
from app.state.conversation.transcript import Message, message, step_message
from workers.models.prompt import Conversation, assemble, compaction, rules_for
from workers.models.prompt.history import covered, without_covered

ROOM = 1000
LONG = "word " * 100
RULES = rules_for("openai/gpt-4o", "openai", {})


def said(number: int, role: str = "user", text: str = LONG) -> Message:
    return message(f"{role}_{number}", role, f"{text}{number}", "")


def turns(count: int) -> list[Message]:
    """Each a question and an answer of about 125 tokens."""
    return [one for number in range(count) for one in (said(number), said(number, "assistant"))]


def called(number: int, call_id: str = "c1", result: object = "first") -> Message:
    call = {"name": "Watch", "call_id": call_id, "args": {"symbol": "ETH"}}
    answered = [{"name": "Watch", "call_id": call_id, "result": result}]
    return said(number, "assistant", "") | {"tool_calls": [call], "tool_results": answered}


def step(call_id: str, result: object) -> Message:
    return step_message(f"step_{call_id}", {"type": "x", "call_id": call_id, "name": "Watch", "result": result}, "")


def summary_to(message_id: str, text: str = "They spoke of ETH.") -> Summary:
    return Summary(text, message_id, "m", "")


def prompt_of(messages, summary=None, *, state=None, room=100_000) -> list[dict]:
    conversation = Conversation("Be brief.", state or {}, messages, summary=summary)
    return assemble(conversation, RULES, room, lambda prompt: sum(len(str(one)) for one in prompt))


def test_the_last_turns_stay_and_all_before_them_is_summed_up():
    plan = compaction.plan(turns(8), None, 3, ROOM)
    assert [len(turn) for turn in plan.turns] == [2] * 5
    assert (plan.message_id, plan.earlier) == ("assistant_4", "")


def test_the_next_time_the_summary_and_what_came_since_are_summed_up():
    plan = compaction.plan(turns(8), summary_to("assistant_2"), 3, ROOM)
    assert [turn[0]["id"] for turn in plan.turns] == ["user_3", "user_4"]
    assert (plan.message_id, plan.earlier) == ("assistant_4", "They spoke of ETH.")


def test_a_summary_of_another_branch_has_no_part_in_the_next_one():
    plan = compaction.plan(turns(8), summary_to("assistant_of_another_branch"), 3, ROOM)
    assert (len(plan.turns), plan.earlier) == (5, "")


@pytest.mark.parametrize("history", [[], turns(3), turns(4)[:-1]])
def test_the_last_turns_alone_are_never_summed_up(history):
    assert compaction.plan(history, None, 3 if len(history) < 7 else 4, 1) is None


def test_what_is_not_worth_a_model_call_is_not_summed_up():
    """Otherwise a conversation of a few long turns would be summed up after each of them."""
    assert compaction.plan(turns(4), None, 3, room=2500) is None
    assert compaction.plan(turns(4), None, 3, room=1500) is not None


def test_a_turn_is_whole_with_its_calls_steps_and_the_messages_that_got_no_reply():
    history = [said(0), said(1), called(1), step("c1", 2), said(1, "assistant"), said(2), said(3, "assistant")]
    assert [[one["id"] for one in turn] for turn in compaction.turns_of(history)] == [
        ["user_0", "user_1", "assistant_1", "step_c1", "assistant_1"],
        ["user_2", "assistant_3"],
    ]


def test_calls_results_and_files_are_a_part_of_what_is_summed_up():
    question = said(0, text="How much? ") | {"attachments": [{"filename": "bill.pdf"}, {"url": "https://a.example/b"}]}
    (text,) = compaction.parts([[question, called(0), step("c1", {"price": 3500})]], ROOM)
    assert text.split("\n\n") == [
        "User: How much? 0",
        "(The user attached bill.pdf)",
        "(The user attached https://a.example/b)",
        "Assistant: 0",
        'Assistant calls the tool Watch: {"symbol":"ETH"}',
        'Result of the tool Watch: "first"',
        'Result of the tool Watch: {"price":3500}',
    ]


def test_a_large_result_is_cut_before_it_is_summed_up():
    (text,) = compaction.parts([[called(0, result="x" * 100_000)]], 10**6)
    assert len(text) < compaction.LONGEST_RESULT + 200


def test_what_a_model_cannot_read_at_once_comes_in_parts_and_the_newest_are_kept():
    history = [[said(number, text="é" * 40)] for number in range(100)]
    parts = compaction.parts(history, 60)
    assert len(parts) == compaction.MOST_PARTS
    assert all(len(part.encode()) <= 60 * compaction.BYTES_PER_TOKEN for part in parts)
    assert parts[-1].endswith("99")
    assert len(compaction.parts([[said(0, text="é" * 200)]], 20)) > 1


def test_a_prompt_is_preamble_summary_and_the_rest():
    history = turns(5)
    prompt = prompt_of(history, summary_to("assistant_2"), state={"chain_id": 1})
    system, *rest = prompt
    assert system["content"].startswith("Be brief.\n\nThe conversation began earlier.")
    assert system["content"].endswith('They spoke of ETH.\n\nThe user\'s state: {"chain_id":1}')
    assert rest == prompt_of(history)[1:][6:]


def test_a_prompt_begins_with_the_same_from_one_summary_to_the_next():
    """The caches of providers know a prompt by its beginning."""
    history, summary = turns(8), summary_to("assistant_2")
    prompts = [prompt_of(history[:count], summary) for count in range(8, 16)]
    assert all(longer[: len(shorter)] == shorter for shorter, longer in pairwise(prompts))


def test_a_summary_of_a_message_that_the_history_does_not_have_is_ignored():
    assert prompt_of(turns(5), summary_to("assistant_9")) == prompt_of(turns(5))


def test_a_later_step_of_a_call_that_was_summed_up_is_told_in_words():
    history = [said(0), called(0), said(1), said(1, "assistant"), step("c1", {"price": 3500}), said(2)]
    *_, answer, told = prompt_of(history, summary_to("assistant_0"))
    assert answer["role"] == "assistant"
    assert told["role"] == "user"
    assert told["content"].startswith('(A later result of the tool Watch: {"price":3500})\n\nword')


def test_a_later_step_of_a_newer_call_with_the_same_id_is_that_calls():
    history = [said(0), called(0), said(1), called(1, result="again"), step("c1", "more")]
    rest = without_covered(history, summary_to("assistant_0"))
    assert (covered(history, summary_to("assistant_0")), list(rest)) == (2, history[2:])


def test_the_oldest_turns_behind_a_summary_are_left_out_if_the_rest_is_too_long():
    system, *rest = prompt_of(turns(8), summary_to("assistant_2"), room=3000)
    assert "They spoke of ETH." in system["content"]
    assert 0 < len(rest) < 10
