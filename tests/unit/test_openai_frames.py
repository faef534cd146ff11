"""The frames of the OpenAI dialect, read by the models of the package `openai` itself."""

from __future__ import annotations

from dataclasses import replace

import pytest
from openai import omit
from openai._models import validate_type
from openai.lib.streaming.responses._responses import ResponseStreamState
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response, ResponseStreamEvent

from app import exact_json
from app.dialects.openai.frames.chunks import DONE, Completion, CompletionFrames
from app.dialects.openai.frames.items import items_of
from app.dialects.openai.frames.objects import Asked, End, response
from app.dialects.openai.frames.response_frames import ResponseFrames
from app.events import sse
from app.state.conversation import transcript
from app.usage import Totals

ASKED = Asked("resp_1", "default", 1_700_000_000, metadata={"a": "b"})
KEPT = {"model": "m", "blocks": [{"type": "thinking", "text": "Hm, so"}]}
TURN = [
    sse.thought("Hm, "),
    sse.thought("so"),
    sse.text("Let me "),
    sse.text('"look"\n'),
    sse.kept_reasoning(KEPT),
    sse.tool_call("call_1", "GetTokenPrice", {"symbol": "ETH"}),
    sse.tool_call("call_2", "Fails", {}),
    sse.tool_result("call_2", "Fails", {"error": "no such token"}),
    sse.tool_result("call_1", "GetTokenPrice", {"price": 3500.0}),
    sse.async_tool_result("call_0", "Watch", "a step", True),
    sse.text("It is 3500."),
]
USED = Totals(input=10, output=5, cached=2)


def streamed(events, end=None, after=-1, asked=ASKED):
    """The frames of a turn, each as the event of OpenAI's that it holds."""
    frames = ResponseFrames(asked, "run_1", after)
    data = frames.begin() + b"".join(map(frames.frames, events)) + frames.end(end or End(sse.complete(), 1, USED))
    return [event_of(frame) for frame in sse.split(data)]


def event_of(frame):
    name, data, *rest = frame.split(b"\n")
    assert rest == [b"", b""]
    value = exact_json.strict(data.removeprefix(b"data: "))
    assert name == f"event: {value['type']}".encode()
    return value


def parsed(value, kind=ResponseStreamEvent):
    event = validate_type(type_=kind, value=value)
    assert not (event.model_extra.keys() - {"store"})  # OpenAI sends it, its package does not know it
    return event


def test_each_event_is_valid_for_the_published_models_and_numbered_without_a_gap():
    events = streamed(TURN)
    assert [parsed(event).type for event in events] == [event["type"] for event in events]
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert [event["type"] for event in events][:2] == ["response.created", "response.in_progress"]
    assert events[-1]["type"] == "response.completed"


def test_the_package_accumulates_the_same_response_as_the_last_event_has():
    state = ResponseStreamState(input_tools=[], text_format=omit)
    events = streamed(TURN)
    for event in events:
        state.handle_event(parsed(event))
    done = state._completed_response
    assert done.output_text == 'Let me "look"\nIt is 3500.'
    assert [item.type for item in done.output] == [
        *("reasoning", "message", "mcp_call", "mcp_call", "mcp_call", "message"),
    ]
    assert [item.status for item in done.output if item.type == "mcp_call"] == ["completed", "failed", "completed"]
    assert done.usage.total_tokens == 15
    ended = [event["item"] for event in events if event["type"] == "response.output_item.done"]
    assert sorted(ended, key=lambda item: item["id"]) == sorted(events[-1]["response"]["output"], key=lambda i: i["id"])


def test_the_stored_messages_are_the_same_items():
    messages = transcript.fold("run_1", TURN, "2026-11-26T00:00:00Z")
    (last,) = [event for event in streamed(TURN) if event["type"] == "response.completed"]
    assert list(items_of(messages, "default", with_reasoning=True)) == last["response"]["output"]


def test_each_reader_that_resumes_gets_exactly_what_it_lacks_and_the_end_in_any_case():
    whole = streamed(TURN)
    for seen in range(len(whole) + 2):
        assert streamed(TURN, after=seen) == (whole[seen + 1 :] or whole[-1:])


ASKING = [
    sse.text("Let me ask."),
    sse.tool_call("call_1", "locate", {"who": "me"}),
    sse.tool_call("call_2", "Transfer", {"amount": 1}),
]


def test_a_call_of_the_clients_tool_and_one_that_a_person_must_approve_are_items_for_it():
    asked = replace(ASKED, functions=frozenset({"locate"}))
    events = streamed(ASKING, End(sse.complete(awaiting=["call_1", "call_2"])), asked=asked)
    state = ResponseStreamState(input_tools=[], text_format=omit)
    for event in events:
        state.handle_event(parsed(event))
    _, function, call, approval = state._completed_response.output
    assert (function.type, function.call_id, function.arguments) == ("function_call", "call_1", '{"who":"me"}')
    assert (call.status, approval.type, approval.name) == ("incomplete", "mcp_approval_request", "Transfer")
    gone_on = streamed(
        [sse.tool_result("call_1", "locate", "here"), sse.tool_result("call_2", "Transfer", "done"), sse.text("Done.")],
        asked=replace(asked, arguments={"call_2": '{"amount":1}'}),
    )
    call, message = parsed(gone_on[-1]).response.to_dict()["output"]
    assert (call["type"], call["arguments"], message["type"]) == ("mcp_call", '{"amount":1}', "message")


def test_thoughts_and_texts_may_take_turns():
    events = [sse.text("a"), sse.thought("b"), sse.text("c"), sse.thought("d")]
    output = streamed(events)[-1]["response"]["output"]
    assert [item["type"] for item in output] == ["message", "reasoning", "message", "reasoning"]
    assert len({item["id"] for item in output}) == 4


@pytest.mark.parametrize(
    ("terminal", "kind", "status", "reason"),
    [
        (sse.complete(), "response.completed", "completed", None),
        (sse.complete(interrupted=True), "response.incomplete", "cancelled", None),
        (sse.complete(finish_reason="length"), "response.incomplete", "incomplete", "max_output_tokens"),
        (sse.complete(finish_reason="content_filter"), "response.incomplete", "incomplete", "content_filter"),
        (sse.error("It failed", "provider_error", True), "response.failed", "failed", None),
        (sse.error("Refused", "refused", False), "response.failed", "failed", None),
    ],
)
def test_each_end_of_a_turn_is_one_of_theirs(terminal, kind, status, reason):
    events = streamed([sse.text("partial"), sse.tool_call("c", "T", {})], End(terminal))
    last = parsed(events[-1])
    assert (last.type, last.response.status) == (kind, status)
    assert (last.response.incomplete_details and last.response.incomplete_details.reason) == reason
    assert (last.response.error is not None) == (status == "failed")
    assert [item.status for item in last.response.output] == ["completed", "incomplete"]


def test_a_response_without_a_stream_is_valid():
    value = response(ASKED, "queued", [])
    assert parsed(value, Response).metadata == {"a": "b"}


# Chat completions


def chunks(events, end, include_usage=True):
    frames = CompletionFrames(Completion("chatcmpl-1", "default", 1, include_usage=include_usage))
    *data, done = sse.split(frames.begin() + b"".join(map(frames.frames, events)) + frames.end(end))
    assert done == DONE == b"data: [DONE]\n\n"
    return [exact_json.strict(one.removeprefix(b"data: ")) for one in data]


def test_chunks_are_valid_and_hold_the_text_alone():
    read = [parsed(chunk, ChatCompletionChunk) for chunk in chunks(TURN, End(sse.complete(), 1, USED))]
    said = "".join(chunk.choices[0].delta.content or "" for chunk in read if chunk.choices)
    assert said == 'Let me "look"\nIt is 3500.'
    assert read[-1].usage.total_tokens == 15
    assert [chunk.choices[0].finish_reason for chunk in read[:-1]][-1] == "stop"
    assert not any("usage" in chunk for chunk in chunks(TURN, End(sse.complete()), include_usage=False))


def test_a_completion_that_fails_ends_with_an_error():
    last = chunks([sse.text("a")], End(sse.error("It failed", "provider_error", True)))[-1]
    assert last["error"] == {"message": "It failed", "type": "server_error", "param": None, "code": "provider_error"}


def test_a_whole_completion_is_valid():
    whole = Completion("chatcmpl-1", "default", 1).whole("text", End(sse.complete(finish_reason="length"), 1, USED))
    read = parsed(whole, ChatCompletion)
    assert (read.choices[0].message.content, read.choices[0].finish_reason) == ("text", "length")
