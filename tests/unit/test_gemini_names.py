"""Gemini's fields by the names that Google documents."""

from __future__ import annotations

import json

from workers.models.wires import gemini_names


def documented(body):
    return json.loads(gemini_names.request(json.dumps(body).encode()))


def test_fields_get_their_documented_names():
    parts = [{"text": "a"}, {"function_call": {"name": "x"}}, {"inline_data": {"mime_type": "image/png", "data": "b"}}]
    found = documented(
        {
            "contents": [{"role": "user", "parts": parts}],
            "system_instruction": {"parts": [{"text": "c"}]},
            "tools": [{"function_declarations": [{"name": "x", "parameters_json_schema": {}}]}],
            "generationConfig": {"max_output_tokens": 5, "thinkingConfig": {"thinking_budget": 1}},
        }
    )
    assert found == {
        "contents": [
            {
                "role": "user",
                "parts": [
                    {"text": "a"},
                    {"functionCall": {"name": "x"}},
                    {"inlineData": {"mimeType": "image/png", "data": "b"}},
                ],
            }
        ],
        "systemInstruction": {"parts": [{"text": "c"}]},
        "tools": [{"functionDeclarations": [{"name": "x", "parametersJsonSchema": {}}]}],
        "generationConfig": {"maxOutputTokens": 5, "thinkingConfig": {"thinkingBudget": 1}},
    }


def test_what_tools_and_users_named_keeps_its_name_and_its_value():
    args = {"file_name": {"part_two": 10**30}, "function_call": {"mime_type": 1}}
    schema = {"type": "object", "properties": {"file_name": {"type": "object"}}, "additional_things": {"a_b": 1}}
    body = {
        "contents": [{"parts": [{"functionCall": {"name": "a_b", "args": args}}]}],
        "tools": [{"functionDeclarations": [{"name": "a_b", "parameters": schema}]}],
        "generationConfig": {"responseSchema": schema},
        "labels": {"cost_center": "a_b"},
    }
    result = {"functionResponse": {"name": "a_b", "response": {"my_key": [{"inline_data": 2}]}}}
    body["contents"].append({"parts": [result]})
    assert documented(body) == body


def test_a_body_that_cannot_be_read_stays_as_it_is():
    for body in (b"", b"no json", b'{"a": "\\ud83d"}'):
        assert gemini_names.request(body) == body


def test_an_answer_gets_its_documented_names_and_loses_its_nulls():
    part = {"function_call": {"name": "x", "args": {"a_b": None}}}
    value = {"candidates": [{"content": {"parts": [None, {"text": None}, part]}, "finish_reason": "STOP"}], "x": None}
    call = {"functionCall": {"name": "x", "args": {"a_b": None}}}
    assert gemini_names.response(value) == {
        "candidates": [{"content": {"parts": [{}, call]}, "finishReason": "STOP"}],
    }
