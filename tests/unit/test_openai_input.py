"""What OpenAI's clients send, read as messages."""

from __future__ import annotations

import pytest

from app.dialects.openai.requests.contents import InlineFile
from app.dialects.openai.requests.conversation_input import said_in
from app.dialects.openai.requests.params import check_params
from app.errors import BadRequest

NOW = "2026-11-26T00:00:00Z"
CALL = {"id": "call_1", "type": "function", "function": {"name": "Add", "arguments": '{"a":1}'}}


def said(value):
    return said_in(value, "messages", NOW)


def user(content):
    return {"role": "user", "content": content}


def plain(history):
    return [{name: one[name] for name in one if name not in ("id", "created_at")} for one in history]


def test_a_history_of_chat_completions_is_that_of_a_session():
    found = said(
        [
            {"role": "developer", "content": "Be kind."},
            user("one"),
            {"role": "assistant", "content": None, "tool_calls": [CALL]},
            {"role": "tool", "tool_call_id": "call_1", "content": "2"},
            {"role": "assistant", "content": "two"},
            user("three"),
            user([{"type": "text", "text": "four"}]),
        ]
    )
    assert plain(found.history) == [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "one"},
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"call_id": "call_1", "name": "Add", "args": {"a": 1}}],
            "tool_results": [{"call_id": "call_1", "name": "Add", "result": "2"}],
        },
        {"role": "assistant", "content": "two"},
    ]
    assert found.contents.text == "three\n\nfour"


def test_the_output_of_a_response_may_be_sent_back_as_history():
    output = [
        {"type": "reasoning", "id": "rs_1", "summary": []},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "I look."}]},
        {"type": "mcp_call", "id": "mcp_1", "name": "Add", "arguments": "{}", "output": "3", "error": None},
    ]
    (reply,) = plain(said([user("one"), *output, user("two")]).history[1:])
    assert (reply["content"], reply["tool_results"][0]["result"]) == ("I look.", "3")


def test_images_and_files_are_addresses_references_or_bytes():
    data = "data:text/plain;base64,aGk="
    parts = [
        {"type": "input_text", "text": "look"},
        {"type": "input_image", "image_url": "https://example.com/a.png"},
        {"type": "input_image", "file_id": "file_1"},
        {"type": "image_url", "image_url": {"url": data}},
        {"type": "file", "file": {"filename": "a.txt", "file_data": data}},
        {"type": "input_file", "filename": "b.txt", "file_data": "aGk="},
    ]
    contents = said([user(parts)]).contents
    assert contents.text == "look"
    assert contents.attachments == ({"url": "https://example.com/a.png"}, {"file_id": "file_1"})
    assert contents.files == tuple(InlineFile(name, b"hi") for name in ("image", "a.txt", "b.txt"))


@pytest.mark.parametrize(
    "wrong",
    [
        7,
        [],
        ["text"],
        [{"role": "assistant", "content": "last"}],
        [user(None)],
        [user([{"type": "input_audio"}])],
        [user([{"type": ["text"]}])],
        [user([{"type": "input_image", "image_url": "data:image/png;base64,%%"}])],
        [user([{"type": "input_file", "file_url": "https://example.com/a.pdf"}])],
        [{"role": ["user"], "content": "x"}, user("x")],
        [{"role": "tool", "tool_call_id": "nobody's", "content": "x"}, user("x")],
        [{"role": "assistant", "tool_calls": [{"id": "a"}]}, user("x")],
        [{"role": "assistant", "tool_calls": ["a"]}, user("x")],
        [{"role": "assistant", "tool_calls": 7}, user("x")],
        [{"type": "function_call", "call_id": "a", "name": "b", "arguments": "[]"}, user("x")],
        [{"type": "web_search_call"}, user("x")],
    ],
)
def test_other_input_is_refused_with_the_name_of_its_field(wrong):
    with pytest.raises(BadRequest, match=r"^'messages' "):
        said(wrong)


def test_a_parameter_is_taken_if_it_says_what_holds_anyway():
    check_params({"n": 1, "temperature": 1.0, "top_p": None, "tool_choice": "auto", "unknown": 3}, takes_tools=False)
    check_params({"tools": [{"type": "function"}], "reasoning": {"summary": "auto"}}, takes_tools=True)


@pytest.mark.parametrize(
    "sent",
    [{"n": 2}, {"n": True}, {"temperature": 0}, {"stop": ["x"]}, {"tools": [{}]}, {"parallel_tool_calls": False}],
)
def test_a_parameter_that_would_change_the_reply_is_refused(sent):
    (name,) = sent
    with pytest.raises(BadRequest, match=f"^'{name}' "):
        check_params(sent, takes_tools=False)


def test_a_response_takes_no_verbosity_and_no_tools_that_may_not_be_called():
    for sent in ({"tools": [{"type": "function"}], "tool_choice": "none"}, {"text": {"verbosity": "low"}}):
        with pytest.raises(BadRequest, match="cannot"):
            check_params(sent, takes_tools=True)
