"""The AI SDK's dialect without a server: chunks of events, messages of bodies."""

from __future__ import annotations

import json

import pytest

from app.dialects.ai_sdk.frames import Reply
from app.dialects.ai_sdk.history import Known, ui_messages
from app.dialects.ai_sdk.requests import answers_of, as_new, wanted_of
from app.errors import BadRequest
from app.events import sse
from app.state.conversation import transcript
from app.state.turns.turn_requests import BranchPoint
from app.web.messages.message_files import NewFile
from app.web.streaming.turn_frames import TurnEvent

RUN = "run_1"


def chunks(*events, version=5, ended=None, **more):
    """The chunks of a turn with these events, behind `start`, and whether the stream says that it is over."""
    numbered = [event and TurnEvent(number, event) for number, event in enumerate(events, 1)]
    raw = b"".join(Reply(RUN, RUN, {"model": "m"}, lambda: ended or {}, version, **more).frames(iter(numbered)))
    start, *rest = [frame.removeprefix(b"data: ") for frame in raw.split(b"\n\n")[:-1]]
    assert json.loads(start) == {"type": "start", "messageId": RUN, "messageMetadata": {"model": "m"}}
    assert rest.pop() == b"[DONE]"
    return [frame.decode() if frame.startswith(b":") else json.loads(frame) for frame in rest]


def types(found):
    return [one["type"] for one in found]


def test_parts_are_opened_and_closed_in_order_and_a_step_is_a_reply_of_the_model():
    found = chunks(
        sse.thought("They "),
        sse.thought("ask."),
        sse.text("So "),
        sse.tool_call("c1", "Add", {"a": 1}),
        sse.tool_result("c1", "Add", {"sum": 2}),
        sse.text("Two."),
        sse.complete(),
        ended={"endedAt": "t"},
    )
    assert types(found) == [
        *("start-step", "reasoning-start", "reasoning-delta", "reasoning-delta", "reasoning-end"),
        *("text-start", "text-delta", "text-end", "tool-input-available", "tool-output-available", "finish-step"),
        *("start-step", "text-start", "text-delta", "text-end", "finish-step", "finish"),
    ]
    assert [one["id"] for one in found if one["type"].endswith("-start")] == ["run_1:1", "run_1:3", "run_1:6"]
    assert found[-1] == {"type": "finish", "finishReason": "stop", "messageMetadata": {"endedAt": "t"}}


def test_later_steps_of_a_tool_are_preliminary_but_for_the_last_one():
    found = chunks(
        sse.tool_call("c1", "Count", {}),
        sse.tool_result("c1", "Count", 3),
        sse.async_tool_result("c1", "Count", 2, done=False),
        sse.async_tool_result("c1", "Count", 1, done=True),
        sse.complete(),
    )
    outputs = [(one["output"], one.get("preliminary")) for one in found if one["type"] == "tool-output-available"]
    assert outputs == [(3, None), (2, True), (1, None)]


def test_a_result_of_no_call_of_the_turn_is_left_out():
    """The client would end the stream with an error."""
    found = chunks(sse.async_tool_result("of another turn", "Count", 1, done=True), sse.complete())
    assert types(found) == ["finish"]


@pytest.mark.parametrize(
    ("terminal", "version", "end"),
    [
        (sse.complete(finish_reason="length"), 5, ["finish length"]),
        (sse.complete(finish_reason="content_filter"), 5, ["finish content-filter"]),
        (sse.complete(interrupted=True), 6, ["abort", "finish other"]),
        (sse.complete(interrupted=True), 7, ["abort", "finish interrupted"]),
        (sse.LOST, 7, ["message-metadata", "error"]),
    ],
)
def test_every_end_closes_the_open_part(terminal, version, end):
    found = chunks(sse.text("Half"), None, terminal, version=version)
    assert found.pop(3) == ": keep-alive"
    assert types(found)[:5] == ["start-step", "text-start", "text-delta", "text-end", "finish-step"]
    assert [f"{one['type']} {one.get('finishReason', '')}".strip() for one in found[5:]] == end


def test_an_interrupted_and_a_failed_turn_say_so_in_their_metadata():
    assert chunks(sse.complete(interrupted=True))[-1]["messageMetadata"] == {"interrupted": True}
    assert chunks(sse.LOST)[-2]["messageMetadata"] == {"error": sse.LOST["message"]}


def user(text="Hi", **more):
    return {"id": "u1", "role": "user", "parts": [{"type": "text", "text": text}]} | more


def body(*messages, **more):
    return {"id": "c", "messages": list(messages)} | more


@pytest.mark.parametrize("sent", [body(user("before"), user()), {"id": "c", "message": user()}])
def test_the_last_message_counts_and_may_come_alone(sent):
    wanted = wanted_of(sent)
    assert (wanted.text, wanted.message_id, wanted.branch) == ("Hi", "u1", None)


@pytest.mark.parametrize(
    ("sent", "branch"),
    [
        (body(user(), messageId="u1"), BranchPoint("edit", "u1")),
        (body(user(), messageId="run_9", trigger="regenerate-message"), BranchPoint("regenerate", "u1")),
        (body(messageId="run_9", trigger="regenerate-message"), BranchPoint("regenerate", "run_9-0")),
        (body(trigger="regenerate-message"), BranchPoint("regenerate", "")),
    ],
)
def test_where_a_branch_begins(sent, branch):
    assert wanted_of(sent).branch == branch


def test_a_message_that_never_arrived_is_a_new_one():
    assert as_new(body(user(), messageId="u1", trigger="regenerate-message")).branch is None
    assert as_new(body(trigger="regenerate-message")) is None


@pytest.mark.parametrize(
    "wrong",
    [
        body(),
        body({"id": "a", "role": "assistant", "parts": []}),
        body(user(" ")),
        body(user(id="run_1")),
        body({"id": "u", "role": "user"}),
        body(user(parts=[{"type": "text", "text": "Hi"}, {"type": "file", "url": "data:image/png;base64,?"}])),
    ],
)
def test_what_is_no_message_is_refused(wrong):
    with pytest.raises(BadRequest):
        wanted_of(wrong)


def test_files_come_inside_as_addresses_and_as_files_that_there_are():
    addresses = ["data:text/plain;base64,SGk=", "https://example.com/a.png", "/api/files/file_1?session_id=s"]
    parts = [{"type": "file", "url": url, "filename": "a"} for url in addresses]
    attached = wanted_of(body(user(parts=[*parts, {"type": "text", "text": "Look"}]))).attachments
    assert attached == (NewFile("a", b"Hi"), {"url": addresses[1]}, {"file_id": "file_1"})


def test_the_state_of_parts_does_not_make_another_message_of_one_that_is_sent_again():
    once, again = user(), user(parts=[{"type": "text", "text": "Hi", "state": "done"}])
    assert wanted_of(body(once)).digest == wanted_of(body(again)).digest != wanted_of(body(user("Ho"))).digest


def test_the_history_of_a_turn_has_what_the_stream_had_later_steps_included():
    events = [
        sse.tool_call("c1", "Count", {}),
        sse.tool_result("c1", "Count", 3),
        sse.text("It runs."),
        sse.async_tool_result("c1", "Count", {"error": "away"}, done=True),
    ]
    asked = transcript.message("msg_1", "user", "Count", "t0") | {"client_id": "u1"}
    stored = [asked, *transcript.fold(RUN, events, "t1"), transcript.message(f"{RUN}-error", "error", "Why", "t2")]
    first, answered = ui_messages(stored, Known(), str)
    assert first == {"id": "u1", "role": "user", "parts": [{"type": "text", "text": "Count"}]}
    assert answered["metadata"] == {"startedAt": "t1", "error": "Why"}
    assert [part["type"] for part in answered["parts"]] == ["step-start", "dynamic-tool", "step-start", "text"]
    tool = answered["parts"][1]
    assert (tool["state"], tool["errorText"], "output" in tool) == ("output-error", "away", False)


@pytest.mark.parametrize("approved", ["yes", 1, None])
def test_an_approval_that_is_neither_yes_nor_no_is_refused(approved):
    """Taken as a no, it could not be taken back."""
    part = {"type": "dynamic-tool", "toolCallId": "call_1", "state": "approval-responded"}
    message = {
        "id": "run_1",
        "role": "assistant",
        "parts": [part | {"approval": {"id": "call_1", "approved": approved}}],
    }
    with pytest.raises(BadRequest, match="'approved'"):
        answers_of({"id": "c", "message": message})
