"""AG-UI's frames of a turn and its messages of a thread: pure translations, that say the same."""

from __future__ import annotations

import json
import random

import pytest

from app.dialects.agui import names
from app.dialects.agui.frames import Ended, RunFrames
from app.dialects.agui.history import agent_messages
from app.dialects.agui.requests import said_of, user_state_of
from app.errors import BadRequest
from app.events import sse
from app.state.conversation import transcript
from app.web.messages.message_files import NewFile
from app.web.streaming.turn_frames import TurnEvent

TURN = "run_0a1b2c3d4e5f60718293a4b5c6d7e8f9"
THREAD = "550e8400-e29b-41d4-a716-446655440000"
NOTHING = Ended([], {}, {"type": "success"})


def frames(events, ended=NOTHING, speaks_1_0=True):
    """The AG-UI events of a turn's events."""
    numbered = (TurnEvent(number, event) for number, event in enumerate(events, 1))
    run = RunFrames(THREAD, "r1", TURN, speaks_1_0, [], {}, lambda _: ended)
    return [event for _, event in sse.read(run.frames(numbered))]


def built(made):
    """The messages that a client builds of events, as its reducer does it."""
    messages: dict[str, dict] = {}
    for event in made:
        kind, message_id = event["type"], event.get("messageId")
        if kind in ("TEXT_MESSAGE_START", "REASONING_MESSAGE_START"):
            messages.setdefault(message_id, {"id": message_id, "role": event["role"]})
        elif kind.endswith("_CONTENT"):
            messages[message_id]["content"] = messages[message_id].get("content", "") + event["delta"]
        elif kind == "TOOL_CALL_START":
            parent = messages.setdefault(
                event["parentMessageId"], {"id": event["parentMessageId"], "role": "assistant"}
            )
            function = {"name": event["toolCallName"], "arguments": ""}
            parent.setdefault("toolCalls", []).append(
                {"id": event["toolCallId"], "type": "function", "function": function}
            )
        elif kind == "TOOL_CALL_ARGS":
            (call,) = [c for m in messages.values() for c in m.get("toolCalls", ()) if c["id"] == event["toolCallId"]]
            call["function"]["arguments"] += event["delta"]
        elif kind == "TOOL_CALL_RESULT":
            messages[message_id] = {name: event[name] for name in ("toolCallId", "content", "role")} | {
                "id": message_id
            }
        elif kind == "ACTIVITY_SNAPSHOT":
            about = {name: event[name] for name in ("activityType", "content")}
            messages[message_id] = about | {"id": message_id, "role": "activity"}
    return messages


def turn(seed):
    """The events of a turn that thinks, talks, calls tools, some of them with later steps."""
    chance = random.Random(seed)
    events = []
    for reply in range(chance.randint(1, 4)):
        calls = [f"call_{number}" for number in range(chance.randint(0, 3))]
        events += [sse.thought("hm ")] * chance.randint(0, 2) + [sse.text("word ")] * chance.randint(0, 3)
        events += [sse.tool_call(call, "Add", {"a": reply}) for call in calls]
        events += [sse.text("and ")] * bool(calls and chance.randint(0, 1))
        events += [sse.tool_result(call, "Add", chance.choice(["three", {"sum": 3}])) for call in calls]
        events += [sse.async_tool_result(call, "Add", {"n": n}, n == 1) for call in calls[:1] for n in (2, 1)]
    return events


@pytest.mark.parametrize("seed", range(30))
def test_a_turn_and_the_history_of_it_are_the_same_messages(seed):
    events = turn(seed)
    made = frames([*events, sse.complete()])
    stored = transcript.fold(TURN, events, "2025-01-15T10:30:00.000Z")
    history = agent_messages(stored, str, with_reasoning=True)
    assert {message["id"]: message for message in history} == built(made)


@pytest.mark.parametrize("terminal", [sse.complete(), sse.complete(interrupted=True), sse.LOST])
@pytest.mark.parametrize("seed", range(10))
def test_what_begins_ends_before_the_one_end_of_the_run(seed, terminal):
    made = frames([*turn(seed), terminal])
    assert made[0]["type"] == "RUN_STARTED"
    open_now = set()
    for event in made[1:-1]:
        kind, key = event["type"], event.get("messageId") or event.get("toolCallId")
        about = (kind.rpartition("_")[0], key)
        if kind.endswith("_START"):
            assert about not in open_now
            open_now.add(about)
        elif kind.endswith(("_CONTENT", "_ARGS")):
            assert about in open_now
        elif kind.endswith("_END"):
            open_now.remove(about)
    assert open_now == set()
    ends = [event["type"] for event in made if event["type"] in ("RUN_FINISHED", "RUN_ERROR")]
    assert ends == [made[-1]["type"]]


def test_how_a_run_ended_is_said_in_the_words_that_its_client_knows():
    cut = sse.complete(finish_reason="length")
    stopped = sse.complete(interrupted=True)
    assert frames([stopped])[-1]["outcome"] == {"type": "cancelled"}
    assert "protocolVersion" not in frames([stopped], speaks_1_0=False)[0]
    assert frames([stopped], speaks_1_0=False)[-1]["outcome"] == {"type": "success"}
    assert frames([stopped], speaks_1_0=False)[-1]["metadata"] == {"interrupted": True}
    assert frames([cut])[-1]["metadata"] == {"finishReason": "length"}
    failed = frames([sse.error("It failed", "provider_error", retryable=True)])[-1]
    assert failed == {
        "type": "RUN_ERROR",
        "message": "It failed",
        "code": "provider_error",
        "metadata": {"retryable": True},
    }


def test_the_state_that_a_turn_has_changed_comes_before_its_end():
    *_, state, end = frames([sse.complete()], Ended([{"model": "m"}], {"pending_txs": {"1": {}}}, {"type": "success"}))
    assert state == {"type": "STATE_SNAPSHOT", "snapshot": {"pending_txs": {"1": {}}}}
    assert end["usage"] == [{"model": "m"}]


def test_ids_of_calls_come_back_as_those_of_the_provider():
    for call_id in ("call_1", "run_1-0:x", "a:b\nc"):
        assert names.call_id(names.tool_call(names.reply(TURN, 3), call_id)) == call_id
    assert names.call_id("call_1") == "call_1"
    assert (names.run_of(f"{TURN}-0"), names.run_of("msg_1")) == (TURN, "")


def sent(*parts, **more):
    content = parts[0] if len(parts) == 1 and isinstance(parts[0], str) else list(parts)
    message = {"id": "u1", "role": "user", "content": content}
    return {"threadId": THREAD, "runId": "r1", "messages": [message]} | more


SAYS = {"type": "text", "text": "See this"}
DATA = {"type": "image", "source": {"type": "data", "value": "aGk=", "mimeType": "image/png"}}
REFUSED = {
    "no message": {"messages": []},
    "an answered message": {"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "yes"}]},
    "a message of a form that there is not": {"messages": [{"role": "user", "content": {"text": "hi"}}]},
    "no text": sent(DATA),
    "broken base64": sent(SAYS, {"type": "image", "source": {"type": "data", "value": "a", "mimeType": "image/png"}}),
    "a part without content": sent(SAYS, {"type": "audio"}),
    "an id of the server's form that is too long": {"messages": [{"id": "x" * 129, "role": "user", "content": "hi"}]},
}


def test_the_parts_of_a_message_are_its_text_and_its_files():
    file = {"type": "document", "source": {"type": "file", "value": "file_1"}}
    url = {"type": "image", "source": {"type": "url", "value": "https://pictures.test/dot.png"}}
    ours = {"type": "image", "source": {"type": "url", "value": "http://host/api/files/file_2?session_id=1"}}
    inline = {"type": "image", "source": {"type": "url", "value": "data:image/png;base64,aGk="}}
    old = {"type": "binary", "mimeType": "image/png", "data": "aGk=", "filename": "dot.png"}
    said = said_of(sent(SAYS, DATA, file, url, ours, inline, old))
    assert (said.text, said.message_id) == ("See this", "u1")
    assert said.attachments == (
        NewFile("", b"hi"),
        {"file_id": "file_1"},
        {"url": "https://pictures.test/dot.png"},
        {"file_id": "file_2"},
        NewFile("", b"hi"),
        NewFile("dot.png", b"hi"),
    )
    assert said_of(sent("See this", messages=[*sent("See this")["messages"], {"role": "reasoning"}])).text == "See this"


@pytest.mark.parametrize("more", REFUSED.values(), ids=REFUSED)
def test_a_body_without_a_message_is_refused(more):
    with pytest.raises(BadRequest):
        said_of(sent("hi") | more)


def test_the_state_and_the_context_of_a_page_are_the_user_state():
    page = [{"description": "The page", "value": "Portfolio"}]
    stored = {"address": "0x1", "context": page}
    assert user_state_of(sent("hi"), {}) is None
    assert user_state_of(sent("hi", state={}, context=page), stored) is None
    assert user_state_of(sent("hi", state={}), stored) == {"address": "0x1"}
    assert user_state_of(sent("hi", state={"a": 1, "pending_txs": {}}), stored) == {"a": 1}
    assert user_state_of(sent("hi", state=None, context=page), {}) == {"context": page}
    for wrong in ([], "text", {"a": "x" * 20_000}):
        with pytest.raises(BadRequest):
            user_state_of(sent("hi", state=wrong), {})
    assert json.loads(said_of(sent("hi")).digest) == [["text", "hi", None, None, None]]
