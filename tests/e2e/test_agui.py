"""AG-UI and CopilotKit by bare HTTP: refusals, files inside messages, names of runs, and a web that dies."""

from __future__ import annotations

import base64
import uuid

import httpx
import pytest

from app.state import redis_keys
from tests.support.client import Client, fetch
from tests.support.images import PNG
from tests.support.servers import Calls, StepwiseText, Text

HELLO = {"role": "user", "content": "hello"}


def body(client, text, **more):
    content = text if isinstance(text, list) else [{"type": "text", "text": text}]
    message = {"id": str(uuid.uuid4()), "role": "user", "content": content}
    return {"threadId": client.session_id, "runId": str(uuid.uuid4()), "messages": [message]} | more


def run(client, sent, path="/agui/scripted", **more):
    """All events of a run."""
    with client.streaming("POST", path, json=sent, **more) as stream:
        return list(stream.events())


def said(events):
    return "".join(event["delta"] for event in events if event["type"] == "TEXT_MESSAGE_CONTENT")


def stopped(client, sent=None, session_id=""):
    return client.post(f"/copilotkit/agent/scripted/stop/{session_id or client.session_id}", json=sent)


@pytest.mark.parametrize("path", ["/agui/APP", "/copilotkit/agent/APP/run", "/copilotkit"])
def test_an_app_that_needs_a_key_answers_like_one_that_there_is_not(webs, path):
    stranger = Client(webs[0])

    def answer(app):
        sent = body(stranger, "hello")
        call = {"method": "agent/run", "params": {"agentId": app}, "body": sent}
        got = stranger.post(path.replace("APP", app), json=call if path == "/copilotkit" else sent)
        return got.status_code, got.json()

    assert answer("scripted") == answer("never-was")
    status, refused = answer("scripted")
    assert (status, refused["error"]) == (401, refused["message"])
    assert list(fetch(f"{webs[0]}/copilotkit/info").json()["agents"]) == ["default"]


def test_refusals_change_nothing_and_say_what_would_be_right(client):
    sent = body(client, "hello")
    image = {"type": "image", "source": {"type": "data", "value": base64.b64encode(PNG).decode()}}
    refusals = [
        (400, "/agui/scripted", sent | {"threadId": "general"}),
        (400, "/agui/scripted", sent | {"runId": None}),
        (400, "/agui/scripted", sent | {"messages": [HELLO, {"role": "assistant", "content": "yes"}]}),
        (400, "/agui/scripted", sent | {"state": "text"}),
        (400, "/agui/scripted", sent | {"forwardedProps": {"model": "never-made"}}),
        (400, "/agui/scripted", body(client, [{"type": "text", "text": "see"}, image])),  # no model of it sees
        (404, "/agui/scripted", sent | {"resume": [{"interruptId": "call_1", "status": "cancelled"}]}),
        (404, "/agui/never-was", sent),
        (400, "/copilotkit", {"method": "resource/request"}),
        (400, "/copilotkit", {"method": "agent/run"}),
        (404, "/copilotkit/agent/scripted/suggest", sent),
    ]
    for status, path, wrong in refusals:
        answer = client.post(path, json=wrong)
        assert (answer.status_code, bool(answer.json()["error"])) == (status, True), (path, wrong, answer.text)
    state = client.get("/api/state", params={"session_id": client.session_id})
    assert state.status_code == 404 or state.json()["messages"] == []


def test_a_picture_inside_a_message_is_stored_once_and_goes_to_the_model(client, provider, redis):
    text = provider.script("see my dot", [Text(["A dot."])])
    image = {"type": "image", "source": {"type": "data", "value": base64.b64encode(PNG).decode()}}
    sent = body(client, [{"type": "text", "text": text}, image])
    first = run(client, sent, "/agui/seeing")
    assert said(first) == "A dot."
    assert run(client, sent, "/agui/seeing") == first
    assert redis.hlen(redis_keys.files(client.session_id)) == 1
    assert "image_url" in str(provider.requests(text)[-1].messages)
    with client.streaming("POST", "/copilotkit/agent/seeing/connect", json=sent) as stream:
        (_, content) = stream.next("MESSAGES_SNAPSHOT")["messages"][0]["content"]
    assert fetch(content["source"]["value"]).content == PNG


def test_a_run_is_stopped_by_the_name_that_its_client_gave_it_and_no_other_is(client, provider):
    held = StepwiseText(["It begins", " and never ends"])
    text = provider.script("is stopped by its name", held.answer)
    sent = body(client, text)
    with client.streaming("POST", "/agui/scripted", json=sent) as stream:
        held.send()
        assert stream.next("TEXT_MESSAGE_CONTENT")["delta"] == "It begins"
        assert stopped(client, {"runId": "another"}).json()["stopped"] is False
        assert stopped(client, {"runid": sent["runId"]}).status_code == 400
        assert stopped(client, {"runId": sent["runId"]}).json() == {"stopped": True}
        assert stream.next("RUN_FINISHED")["metadata"] == {"interrupted": True}
    held.finish()
    assert stopped(client).json()["stopped"] is False
    reused = client.post("/agui/scripted", json=sent | {"messages": [HELLO]})
    assert reused.status_code == 409


def test_a_web_is_killed_in_the_middle_and_the_run_is_read_from_another(backend, client, provider):
    held = StepwiseText(["It begins", " and ends"])
    sent = body(client, provider.script("outlives its web", held.answer))
    process, url = backend.web()
    with client.http.stream("POST", f"{url}/agui/scripted", json=sent, headers=client.headers) as broken:
        held.send()
        received = broken.iter_raw()
        seen = b""
        while b"It begins" not in seen:
            seen += next(received)
        process.kill()
        with pytest.raises(httpx.TransportError):
            list(received)
    held.finish()
    events = run(client, sent)
    assert said(events) == "It begins and ends"
    assert events[0]["runId"] == sent["runId"]
    assert [event["type"] for event in events].count("RUN_FINISHED") == 1


def test_of_two_answers_the_first_is_kept_and_the_second_lets_the_turn_go_on(client, provider):
    calls = Calls([("Pay", {"amount": 500, "to": "Bob"}), ("Pay", {"amount": 600, "to": "Eve"})])
    sent = body(client, provider.script("pay two for agui", [calls], [Text(["Both."])]))
    asked = run(client, sent, "/agui/asking")[-1]["outcome"]["interrupts"]

    def answer(interrupt, **payload):
        entry = {"interruptId": interrupt["id"], "status": "resolved", "payload": payload}
        return sent | {"runId": f"answer {interrupt['id']}", "resume": [entry]}

    first = run(client, answer(asked[0], approved=True, editedArgs={"amount": 1, "to": "Bob"}), "/agui/asking")
    assert [event["type"] for event in first] == ["RUN_STARTED", "RUN_FINISHED"]
    assert [one["id"] for one in first[-1]["outcome"]["interrupts"]] == [asked[1]["id"]]
    refused = client.post("/agui/asking", json=answer(asked[1], agreed=True))
    assert (refused.status_code, "approved" in refused.json()["error"]) == (400, True)
    last = answer(asked[1], approved=False, message="too much")
    events = run(client, last, "/agui/asking")
    results = {event["toolCallId"]: event["content"] for event in events if event["type"] == "TOOL_CALL_RESULT"}
    assert results[asked[0]["id"]] == '{"paid":1,"to":"Bob"}'
    assert "too much" in results[asked[1]["id"]]
    assert said(events) == "Both."
    assert run(client, last, "/agui/asking") == events  # a retry
