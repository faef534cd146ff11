"""Every frame of AG-UI against the models of `ag-ui-protocol` for Python, which know no fields of our own."""

from __future__ import annotations

import uuid

import pytest
from ag_ui.core import Event
from pydantic import BaseModel, TypeAdapter

from app.dialects.agui.frames import PROTOCOL
from tests.support.servers import Calls, Fail, StepwiseText, Text, Thoughts

pytestmark = pytest.mark.long

EVENTS = TypeAdapter(Event)


@pytest.fixture
def run(client):
    """The stream of a run's events."""

    def stream(text, app="scripted", path="/agui/{}", **more):
        message = {"id": str(uuid.uuid4()), "role": "user", "content": text}
        sent = {"threadId": client.session_id, "runId": str(uuid.uuid4()), "messages": [message]} | more
        return client.streaming("POST", path.format(app), json={"protocolVersion": PROTOCOL} | sent)

    return stream


@pytest.fixture
def read(run):
    """All events of a run, each as the package reads it."""

    def events(*args, **more):
        with run(*args, **more) as stream:
            return [checked(event) for event in stream.events()]

    return events


def checked(event):
    """An event as its model, without a field that the model lacks."""
    model = EVENTS.validate_python(event)
    assert model.type.value == event["type"]
    assert foreign(model) == [], event
    return model


def foreign(value):
    """The fields that the models at and below a value do not know."""
    if isinstance(value, BaseModel):
        fields = [getattr(value, name) for name in type(value).model_fields]
        return [*(value.model_extra or {}), *(name for field in fields for name in foreign(field))]
    return [name for one in value for name in foreign(one)] if isinstance(value, list | tuple) else []


def kinds(events):
    return {event.type.value for event in events}


def test_the_frames_of_a_turn_with_all_that_a_turn_can_have_are_the_packages(run, read, provider):
    held = StepwiseText(["It", " is 1."])
    calls = Calls([("Add", {"a": 1}), ("Countdown", {"n": 2}), ("Nonsense", {})])
    text = provider.script("all for ag-ui", [Thoughts(["They add."]), Text(["See: "]), calls], held.answer)
    events = []
    with run(text, state={"address": "0x742d"}) as stream:
        for event in stream.events():
            events.append(checked(event))
            if event["type"] == "ACTIVITY_SNAPSHOT" and event["content"].get("done"):
                held.finish()
    parts = ("REASONING_MESSAGE_CONTENT", "TEXT_MESSAGE_CONTENT", "TOOL_CALL_ARGS", "TOOL_CALL_RESULT")
    assert {"RUN_STARTED", *parts, "ACTIVITY_SNAPSHOT", "RUN_FINISHED"} <= kinds(events)
    assert events[-1].outcome.type == "success"
    connected = read("", path="/copilotkit/agent/{}/connect", messages=[], state={})
    (snapshot,) = [event for event in connected if event.type.value == "MESSAGES_SNAPSHOT"]
    assert {message.role for message in snapshot.messages} == {"user", "reasoning", "assistant", "tool", "activity"}
    assert "STATE_SNAPSHOT" in kinds(connected)


def test_the_ends_of_turns_are_the_packages(run, read, client, provider):
    asked = read(provider.script("asks by ag-ui", [Calls([("Pay", {"amount": 500, "to": "Bob"})])]), "asking")[-1]
    assert (asked.type.value, asked.outcome.type) == ("RUN_FINISHED", "interrupt")
    failed = read(provider.script("fails by ag-ui", [Fail(400)]))[-1]
    assert (failed.type.value, failed.code) == ("RUN_ERROR", "provider_error")
    held = StepwiseText(["Never", " ends"])
    with run(provider.script("is stopped by ag-ui", held.answer)) as stream:
        assert checked(stream.next("RUN_STARTED"))
        client.post(f"/copilotkit/agent/scripted/stop/{client.session_id}")
        assert checked(stream.next("RUN_FINISHED")).outcome.type == "cancelled"
    held.finish()
