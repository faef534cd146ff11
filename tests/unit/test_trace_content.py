"""Content of calls as attributes of spans: by the semantic conventions, bounded, without keys and secrets."""

from __future__ import annotations

import json

import pytest

from app.telemetry import content, tracing

SECRET = "the-secret-of-a-client"


def hide(text):
    return text.replace(SECRET, "$SECRET:IT")


def read(attributes, name):
    return json.loads(attributes[f"gen_ai.{name}"])


def test_a_prompt_is_instructions_and_messages_in_parts():
    call = {"id": "c1", "type": "function", "function": {"name": "Add", "arguments": '{"a":1}'}}
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    found = content.of_prompt(
        [
            {"role": "system", "content": "Be brief"},
            {"role": "user", "content": [{"type": "text", "text": "look"}, image]},
            {"role": "assistant", "content": "", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c1", "content": "2"},
        ],
        hide,
    )
    assert read(found, "system_instructions") == [{"type": "text", "content": "Be brief"}]
    asked = {"type": "tool_call", "id": "c1", "name": "Add", "arguments": {"a": 1}}
    assert read(found, "input.messages") == [
        {"role": "user", "parts": [{"type": "text", "content": "look"}, {"type": "blob", "modality": "image"}]},
        {"role": "assistant", "parts": [asked]},
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": "2"}]},
    ]


@pytest.mark.parametrize("key", [SECRET, "sk-0123456789abcdef"])
def test_no_key_and_no_secret_is_in_any_attribute(key):
    call = {"id": "c", "function": {"name": "T", "arguments": json.dumps({"of": key})}}
    prompt = [
        {"role": "system", "content": key},
        {"role": "user", "content": key},
        {"role": "assistant", "content": key, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": [{"type": "text", "text": key}]},
    ]
    made = (
        content.of_prompt(prompt, hide),
        content.of_reply(key, [("c", "T", json.dumps([key]))], "stop", hide),
        content.of_arguments({key: key}, hide),
        content.of_result([key], hide),
    )
    assert key not in str(made)


def test_a_secret_that_a_cut_would_split_is_hidden_before():
    text = "x" * (content.MOST_TEXT - 5) + SECRET
    assert "the-s" not in content.of_result(text, hide)["gen_ai.tool.call.result"]


def test_long_texts_are_cut_and_the_newest_messages_are_kept():
    prompt = [{"role": "user", "content": f"{number} " + "x" * 5000} for number in range(50)]
    found = content.of_prompt(prompt, hide)
    kept = read(found, "input.messages")
    assert len(found["gen_ai.input.messages"]) <= content.MOST_MESSAGES
    assert kept[-1]["parts"][0]["content"].startswith("49 ")
    assert kept[-1]["parts"][0]["content"].endswith(content.CUT)
    assert found["aomi.messages_left_out"] == 50 - len(kept) > 0


def test_one_message_of_many_parts_and_a_reply_of_many_calls_are_bounded():
    calls = [(str(number), "T", json.dumps({"a": "x" * 3000})) for number in range(50)]
    assert len(content.of_reply("", calls, "stop", hide)["gen_ai.output.messages"]) < content.MOST_MESSAGES * 1.1
    parts = [{"type": "text", "text": "x" * 3000} for _ in range(50)]
    found = content.of_prompt([{"role": "user", "content": parts}], hide)
    assert len(found["gen_ai.input.messages"]) < content.MOST_MESSAGES * 1.1


def test_a_reply_says_how_it_stopped():
    (said,) = read(content.of_reply("done", [], "length", hide), "output.messages")
    assert said == {"role": "assistant", "parts": [{"type": "text", "content": "done"}], "finish_reason": "length"}
    (asked,) = read(content.of_reply("", [("c", "T", "not json")], "stop", hide), "output.messages")
    assert (asked["finish_reason"], asked["parts"][0]["arguments"]) == ("tool_call", "not json")


KEY = "sk-abcdefghijklmnopqrstuvwx"


@pytest.mark.parametrize("before", ["\n", "\t", "a ", '"'])
def test_a_key_is_hidden_behind_what_json_escapes(before):
    value = {"text": f"my key:{before}{KEY}"}
    shown = [
        content.of_result(value, hide),
        content.of_arguments(value, hide),
        content.of_reply("", [("c", "T", json.dumps(value))], "stop", hide),
        content.of_prompt([{"role": "tool", "tool_call_id": "c", "content": json.dumps(value)}], hide),
    ]
    assert KEY not in str(shown)


@pytest.mark.parametrize("levels", [300, 1800])
def test_arguments_that_are_nested_too_deeply_stay_a_text(levels):
    arguments = "[" * levels + "1234567890123456789" + "]" * levels
    (asked,) = read(content.of_reply("", [("c", "T", arguments)], "stop", hide), "output.messages")
    assert asked["parts"][0]["arguments"] == arguments


def test_the_conversation_has_a_stable_name_that_does_not_open_the_session():
    names = {content.conversation_id(session)["gen_ai.conversation.id"] for session in ("a", "a", "b")}
    assert len(names) == 2
    assert "550e8400" not in str(content.conversation_id("550e8400-e29b-41d4-a716-446655440000"))


def test_content_is_not_even_made_without_its_setting():
    tracing.add_content(lambda: pytest.fail("made"))
