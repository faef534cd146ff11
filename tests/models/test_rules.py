"""Each rule by which a provider refuses a request: one that it refuses, and the like that it takes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.models.rules import FAULTS, RULES, anthropic, gemini, members, ollama, openai
from tests.models.rules.request import Refused, Request, Served
from tests.models.test_rules_responses import REFUSED as REFUSED_RESPONSES
from tests.models.test_rules_responses import TAKEN as TAKEN_RESPONSES

ASK = {"role": "user", "content": "hi"}
SAID = {"role": "assistant", "content": "hello"}


def call(id: str = "call_1", name: str = "Price", arguments: Any = '{"symbol":"ETH"}', **more: Any) -> dict[str, Any]:
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}} | more


def calls(*made: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": None, "tool_calls": list(made or [call()])} | more


def result(id: str = "call_1") -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": id, "content": "1"}


def chat(*messages: dict[str, Any]) -> Request:
    return Request({"messages": list(messages)})


def use(id: str = "toolu_1", name: str = "Price", input: Any = None) -> dict[str, Any]:
    return {"type": "tool_use", "id": id, "name": name, "input": {} if input is None else input}


def answer(id: str = "toolu_1") -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": id, "content": "1"}


def text(words: str = "hi") -> dict[str, Any]:
    return {"type": "text", "text": words}


def claude(*messages: Any, served: tuple[Served, ...] = (), **more: Any) -> Request:
    """Messages as lists of blocks, the user's first, in turn."""
    roles = ("user", "assistant")
    listed = [{"role": roles[place % 2], "content": blocks} for place, blocks in enumerate(messages)]
    return Request({"messages": listed, "max_tokens": 100} | more, served)


def made(name: str = "Price", signature: str | None = None, **args: Any) -> dict[str, Any]:
    part: dict[str, Any] = {"functionCall": {"name": name, "args": args}}
    return part | ({"thoughtSignature": signature} if signature else {})


def gave(name: str = "Price") -> dict[str, Any]:
    return {"functionResponse": {"name": name, "response": {}}}


def google(*contents: Any, served: tuple[Served, ...] = ()) -> Request:
    """Contents as lists of parts, the user's first, in turn."""
    roles = ("user", "model")
    listed = [{"role": roles[place % 2], "parts": parts} for place, parts in enumerate(contents)]
    return Request({"contents": listed}, served)


HI = [{"text": "hi"}]
LONG = "x" * 65
THOUGHT = {"type": "thinking", "thinking": "hm", "signature": "S1"}
REDACTED = {"type": "redacted_thinking", "data": "D1"}
THOUGHTFUL = Served(calls=(("Price", {}),), thinking=(THOUGHT, REDACTED))
SIGNED = Served(calls=(("Price", {}),), signatures=("SIG",))
REASONED = Served(calls=(("Price", {"symbol": "ETH"}),), reasoning="I should look.")
SKIP = "skip_thought_signature_validator"
ON = {"type": "enabled", "budget_tokens": 1024}

REFUSED = [
    *[(openai.names_are_legal, chat(ASK, calls(call(name=name)))) for name in ("", "get price", "a.b", "<|x|>", LONG)],
    (openai.names_are_legal, chat(ASK, calls({"id": "a", "function": {"arguments": "{}"}}))),
    (openai.each_call_has_its_result, chat(ASK, calls(), ASK)),
    (openai.each_call_has_its_result, chat(ASK, calls())),
    (openai.each_call_has_its_result, chat(ASK, calls(call("a"), call("b")), result("a"), ASK)),
    (openai.each_call_has_its_result, chat(ASK, calls(), ASK, result())),
    (openai.each_call_has_its_result, chat(ASK, calls(), result(), result())),
    (openai.each_call_has_its_result, chat(ASK, result())),
    *[(openai.ids_have_1_to_40_characters, chat(calls(call(id=one)))) for one in ("", "x" * 41)],
    (openai.no_id_stands_twice_in_a_message, chat(calls(call("a"), call("a")))),
    *[(openai.arguments_are_the_text_of_an_object, chat(calls(call(arguments=one)))) for one in ("", "[1]", '{"a', {})],
    (openai.no_message_is_empty, chat({"role": "user", "content": ""})),
    (openai.no_message_is_empty, chat({"role": "assistant", "content": None})),
    (members.no_two_user_messages_in_a_row, chat(ASK, ASK)),
    (members.no_two_user_messages_in_a_row, chat(ASK, {"role": "system", "content": "x"}, ASK)),
    (members.calls_have_their_reasoning, chat(calls())),
    (
        members.calls_have_their_reasoning,
        Request({"messages": [calls(reasoning_content=" ")]}, (REASONED,)),
    ),
    (members.ids_have_nine_characters, chat(calls(call("call_1234")))),
    (members.ids_have_nine_characters, chat(calls(call("abcdefgh1")), result("call_1"))),
    (members.no_user_message_behind_a_result, chat(calls(), result(), ASK)),
    (members.no_unknown_field, chat(calls(reasoning_content=""))),
    (members.no_unknown_field, chat(calls(call(provider_specific_fields={})))),
    (members.no_reasoning_field, chat(calls(reasoning_content=""))),
    (members.no_reasoning_field, chat(calls(thinking_blocks=[]))),
    (anthropic.max_tokens_is_given, claude([text()], max_tokens=None)),
    (anthropic.names_are_legal, claude([text()], [use(name="get price")])),
    *[(anthropic.ids_are_legal, claude([text()], [use(id=one)])) for one in ("", "functions.Price:0")],
    (anthropic.no_id_stands_twice, claude([text()], [use()], [answer()], [use()], [answer()])),
    (anthropic.input_is_an_object, claude([text()], [use(input="{}")])),
    (anthropic.first_and_last_message_are_the_users, claude([text()], [text()])),
    (anthropic.first_and_last_message_are_the_users, Request({"messages": [SAID, ASK]})),
    (anthropic.results_stand_first_and_answer_each_call, claude([text()], [use()], [text(), answer()])),
    (anthropic.results_stand_first_and_answer_each_call, claude([text()], [use("a"), use("b")], [answer("a")])),
    (anthropic.results_stand_first_and_answer_each_call, claude([text()], [text()], [answer()])),
    (anthropic.results_stand_first_and_answer_each_call, claude([text()], [use()])),
    *[(anthropic.no_text_is_blank, claude([text(words)])) for words in ("", " \n")],
    (anthropic.no_text_is_blank, claude([text()], system=" ")),
    (anthropic.calls_need_tools, claude([text()], [use()], [answer()])),
    (anthropic.thinking_is_its_own, claude([text()], [THOUGHT])),
    (anthropic.thinking_is_its_own, claude([text()], [THOUGHT | {"thinking": "h"}], served=(THOUGHTFUL,))),
    *[
        (
            anthropic.calls_of_the_turn_begin_with_their_thinking,
            claude([text()], blocks, [answer()], served=(THOUGHTFUL,)),
        )
        for blocks in ([use()], [THOUGHT, use()], [REDACTED, THOUGHT, use()], [text(), THOUGHT, REDACTED, use()])
    ],
    (anthropic.no_tool_is_forced_while_thinking, claude([text()], thinking=ON, tool_choice={"type": "any"})),
    (anthropic.thinking_is_on, claude([text()])),
    (gemini.names_are_legal, google(HI, [made("a b")])),
    (gemini.first_content_is_the_users, google()),
    (gemini.first_content_is_the_users, google([gave()])),
    (gemini.no_content_is_without_parts, google(HI, [])),
    (gemini.calls_follow_the_user_or_results, Request({"contents": [{"role": "model", "parts": [made()]}]})),
    (
        gemini.calls_follow_the_user_or_results,
        Request({"contents": [{"parts": HI}, {"role": "model", "parts": HI}, {"role": "model", "parts": [made()]}]}),
    ),
    (gemini.each_call_has_its_result, google(HI, [made(), made()], [gave()])),
    (gemini.each_call_has_its_result, google(HI, [made("Now")], [gave("Price")])),
    (gemini.each_call_has_its_result, google(HI, [made()], HI)),
    (gemini.each_call_has_its_result, google(HI, HI, [gave()])),
    (gemini.signatures_are_known, google(HI, [made(signature="invented")])),
    (gemini.calls_of_the_turn_carry_their_signature, google(HI, [made()], [gave()])),
    (gemini.calls_of_the_turn_carry_their_signature, google(HI, [made(signature=SKIP)], [gave()], served=(SIGNED,))),
    (gemini.own_signatures_come_back, google(HI, [made()], [gave()], HI, HI, served=(SIGNED,))),
    (ollama.names_are_legal, chat(calls(call(name="a b")))),
    (ollama.arguments_are_an_object, chat(calls(call()))),
    (ollama.content_is_a_string, chat(calls())),
]
TAKEN = [
    (openai.names_are_legal, chat(ASK, calls(call(name="x" * 64)))),
    (openai.each_call_has_its_result, chat(ASK, calls(call("a"), call("b")), result("b"), result("a"), ASK)),
    (openai.ids_have_1_to_40_characters, chat(calls(call(id="x" * 40)))),
    (openai.no_id_stands_twice_in_a_message, chat(calls(call("a")), result("a"), calls(call("a")))),
    (openai.arguments_are_the_text_of_an_object, chat(calls(call(arguments="{}")))),
    (openai.no_message_is_empty, chat(ASK, calls(), {"role": "tool", "content": ""})),
    (members.no_two_user_messages_in_a_row, chat(ASK, calls(), result(), SAID, ASK)),
    (members.calls_have_their_reasoning, chat(calls(reasoning_content=""), SAID)),
    (
        members.calls_have_their_reasoning,
        Request({"messages": [calls(reasoning_content="I should look.")]}, (REASONED,)),
    ),
    (members.ids_have_nine_characters, chat(calls(call("abcDEF123")), result("abcDEF123"))),
    (members.no_user_message_behind_a_result, chat(calls(), result(), SAID, ASK)),
    (members.no_unknown_field, chat(ASK, calls(call(index=0), prefix=False), result() | {"name": "Price"})),
    (members.no_reasoning_field, chat(calls())),
    (anthropic.max_tokens_is_given, claude([text()])),
    (anthropic.names_are_legal, claude([text()], [use()])),
    (anthropic.ids_are_legal, claude([text()], [use("toolu_-1")])),
    (anthropic.no_id_stands_twice, claude([text()], [use("a"), use("b")])),
    (anthropic.input_is_an_object, claude([text()], [use(input={})])),
    (anthropic.first_and_last_message_are_the_users, claude("hi", "hello", "and?")),
    (anthropic.results_stand_first_and_answer_each_call, claude([text()], [use()], [answer(), text()])),
    (
        anthropic.results_stand_first_and_answer_each_call,
        Request(
            {
                "messages": [
                    {"role": "user", "content": "hi"},
                    {"role": "assistant", "content": [use("a"), use("b")]},
                    {"role": "user", "content": [answer("b")]},
                    {"role": "user", "content": [answer("a")]},
                    {"role": "user", "content": "and?"},
                ]
            }
        ),
    ),
    (anthropic.no_text_is_blank, claude([text()], [use()], [answer()], system="Be brief.")),
    (anthropic.calls_need_tools, claude([text()], [use()], [answer()], tools=[{"name": "Price"}])),
    (anthropic.thinking_is_its_own, claude([text()], [THOUGHT | {"cache_control": {}}], served=(THOUGHTFUL,))),
    (
        anthropic.calls_of_the_turn_begin_with_their_thinking,
        claude([text()], [THOUGHT, REDACTED, text(), use()], [answer()], served=(THOUGHTFUL,)),
    ),
    (anthropic.calls_of_the_turn_begin_with_their_thinking, claude([text()], [use()], [answer(), text()])),
    (anthropic.no_tool_is_forced_while_thinking, claude([text()], tool_choice={"type": "any"})),
    (anthropic.no_tool_is_forced_while_thinking, claude([text()], thinking=ON, tool_choice={"type": "auto"})),
    (anthropic.thinking_is_on, claude([text()], thinking=ON)),
    (gemini.names_are_legal, google(HI, [made()])),
    (gemini.first_content_is_the_users, google(HI)),
    (gemini.no_content_is_without_parts, google(HI, HI)),
    (gemini.calls_follow_the_user_or_results, google(HI, [made()], [gave()], [made()])),
    (gemini.each_call_has_its_result, google(HI, [made("Now"), made()], [gave(), gave("Now")], HI)),
    (gemini.signatures_are_known, google(HI, [made(signature="SIG")], served=(SIGNED,))),
    (gemini.signatures_are_known, google(HI, [made(signature=SKIP)])),
    (
        gemini.signatures_are_known,
        google(HI, [{"text": "", "thoughtSignature": "T"}], served=(Served(text_signatures=("T",)),)),
    ),
    (gemini.calls_of_the_turn_carry_their_signature, google(HI, [made(signature="SIG")], [gave()], served=(SIGNED,))),
    (gemini.calls_of_the_turn_carry_their_signature, google(HI, [made(signature=SKIP)], [gave()])),
    (gemini.calls_of_the_turn_carry_their_signature, google(HI, [made()], [gave()], HI, HI)),
    (gemini.own_signatures_come_back, google(HI, [made(signature="SIG")], [gave()], HI, HI, served=(SIGNED,))),
    (gemini.own_signatures_come_back, google(HI, [made()], [gave()], HI, HI)),
    (ollama.names_are_legal, chat(calls())),
    (ollama.arguments_are_an_object, chat(calls(call(arguments={})))),
    (ollama.content_is_a_string, chat(ASK, calls(content=""))),
]


def _named(rules: list[tuple[Any, Request]]) -> list[Any]:
    return [pytest.param(*one, id=f"{place}-{one[0].__name__}") for place, one in enumerate(rules)]


@pytest.mark.parametrize(("rule", "request_"), _named(REFUSED))
def test_a_request_that_breaks_the_rule_is_refused(rule: Any, request_: Request) -> None:
    with pytest.raises(Refused):
        rule(request_)


@pytest.mark.parametrize(("rule", "request_"), _named(TAKEN))
def test_a_request_that_keeps_the_rule_is_taken(rule: Any, request_: Request) -> None:
    rule(request_)


def test_every_rule_is_tried_both_ways() -> None:
    known = {rule for rules in (*RULES.values(), *FAULTS.values()) for rule in rules}
    refused, taken = REFUSED + REFUSED_RESPONSES, TAKEN + TAKEN_RESPONSES
    assert known == {rule for rule, _ in refused} == {rule for rule, _ in taken}
