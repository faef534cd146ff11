"""The AI SDK's paths over HTTP: what its clients need beside the stream. tests/clients has the clients themselves."""

from __future__ import annotations

import base64
import json
import uuid

import pytest

from app.config import Settings
from app.state import redis_keys
from tests.support.client import fetch
from tests.support.images import PNG
from tests.support.servers import Calls, Fail, Text

MIB = 1024 * 1024


@pytest.fixture
def ai(webs, key):
    """Requests about one chat."""

    class Ai:
        id = str(uuid.uuid4())

        def request(self, path, method="GET", **more):
            return fetch(f"{webs[0]}/ai/{path}", method, headers={"X-API-Key": key}, **more)

        def send(self, text, app="seeing", history=(), parts=(), **more):
            message = {"id": uuid.uuid4().hex, "role": "user", "parts": [*parts, {"type": "text", "text": text}]}
            body = {"id": self.id, "messages": [*history, message]} | more
            return self.request(f"chat?app={app}", "POST", json=body)

        def messages(self):
            return self.request(f"chat/{self.id}/messages").json()

    return Ai()


def chunks(answer):
    lines = answer.text.split("\n")
    return [json.loads(line[6:]) for line in lines if line.startswith("data: {")]


def test_a_stream_says_what_it_is(ai):
    answer = ai.send("hi")
    assert answer.headers["x-vercel-ai-ui-message-stream"] == "v1"
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    assert answer.text.endswith("data: [DONE]\n\n")


def test_a_file_inside_a_message_is_stored_shown_to_the_model_and_in_the_history(ai, provider, webs):
    url = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
    text = provider.script(f"look at this {ai.id}", [Text(["A dot."])])
    answer = ai.send(text, parts=[{"type": "file", "mediaType": "image/png", "filename": "dot.png", "url": url}])
    assert chunks(answer)[-1]["type"] == "finish", answer.text
    assert url in json.dumps(provider.requests(text)[0].messages)
    part = ai.messages()[0]["parts"][0]
    assert (part["mediaType"], part["filename"]) == ("image/png", "dot.png")
    assert fetch(part["url"]).content == PNG
    again = provider.script(f"look again {ai.id}", [Text(["A dot."])])
    assert ai.send(again, parts=[part]).status_code == 200
    assert json.dumps(provider.requests(again)[0].messages).count(url) == 2


def test_a_file_of_a_message_that_is_refused_is_not_kept(ai, webs, key):
    url = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
    answer = ai.send("hi", app="scripted", parts=[{"type": "file", "url": url}])
    assert answer.status_code == 400
    assert "does not take images" in answer.json()["error"]
    assert ai.send("hi", parts=[{"type": "file", "url": "data:,\0\1"}]).status_code == 415


def test_a_history_may_be_longer_than_other_bodies_up_to_its_own_bound(ai, client):
    old = {"id": "old", "role": "assistant", "parts": [{"type": "text", "text": "x" * MIB}]}
    assert ai.send("hi", history=[old]).status_code == 200
    refused = ai.send("hi", history=[old] * (Settings().max_body // MIB))
    assert (refused.status_code, refused.json()["error"]) == (413, "The request body is too large: at most 8 MiB")
    assert client.post("/api/chat", json={"text": "hi", "rest": "x" * MIB}).status_code == 413


def test_an_unknown_chat_has_no_messages_and_no_stream(ai):
    assert ai.request(f"chat/{ai.id}/messages").status_code == 404
    assert ai.request(f"chat/{ai.id}/stop", "POST").status_code == 404
    assert ai.request(f"chat/{ai.id}/stream").status_code == 204


def test_the_chats_of_an_owner_are_listed(ai):
    owner = f"owner of {ai.id}"
    assert ai.send("hi", public_key=owner).status_code == 200
    (listed,) = ai.request("chats", params={"public_key": owner}).json()
    assert listed["id"] == ai.id
    assert listed["title"] == "hi"


@pytest.mark.parametrize(
    ("query", "body", "said"),
    [
        ("v=4", {}, "'v' must be the major version"),
        ("", {"id": "short"}, "must be a UUID"),
        ("", {"messages": []}, "The body needs 'messages'"),
        ("", {"tools": {"no name": {}}}, "The name of a tool must be"),
        ("", {"tools": {"ShowMap": "Shows a map"}}, "'tools' must be a list"),
        ("", {"tools": {"ShowMap": {}}}, "takes no tools of clients"),
        ("", {"model": "none"}, "does not offer the model"),
    ],
)
def test_a_wrong_request_is_refused_in_words(ai, query, body, said):
    message = {"role": "user", "parts": [{"type": "text", "text": "hi"}]}
    answer = ai.request(f"chat?app=seeing&{query}", "POST", json={"id": ai.id, "messages": [message]} | body)
    assert answer.status_code == 400
    assert said in answer.json()["error"]


def test_a_message_that_is_sent_again_is_answered_once(ai, provider):
    text = provider.script(f"once {ai.id}", [Text(["Once."])])
    message = {"id": "the-same-id-00001", "role": "user", "parts": [{"type": "text", "text": text}]}
    body = {"id": ai.id, "messages": [message]}
    first, second = (ai.request("chat?app=seeing", "POST", json=body) for _ in range(2))
    assert [chunk["messageId"] for chunk in (chunks(first)[0], chunks(second)[0])] == [
        chunks(first)[0]["messageId"]
    ] * 2
    assert len(provider.requests(text)) == 1


def test_metadata_and_client_tools_are_the_same_when_the_records_of_the_turns_are_gone(ai, provider, redis):
    tool = {"name": "ShowMap", "parameters": {"properties": {"at": {"type": "string"}}}}
    text = provider.script(f"shows {ai.id}", [Calls([("ShowMap", {"at": "Rome"})])], [Text(["There it is."])])
    ai.send(text, app="asking", tools=[tool])
    asked = ai.messages()
    part = asked[-1]["parts"][-1] | {"state": "output-available", "output": {"shown": True}}
    answered = asked[-1] | {"parts": [part]}
    assert ai.request("chat?app=asking", "POST", json={"id": ai.id, "messages": [answered]}).status_code == 200
    ai.send(provider.script(f"fails {ai.id}", [Fail(401)]), app="asking")
    messages = ai.messages()
    assert [one["role"] for one in messages] == ["user", "assistant"] * 2
    assert messages[1]["metadata"].keys() == {"model", "startedAt", "endedAt", "usage"}
    assert messages[3]["metadata"].keys() >= {"model", "startedAt", "endedAt", "error"}
    assert "tool-ShowMap" in [part["type"] for part in messages[1]["parts"]]
    names = redis_keys.run(ai.id, "run_*")
    assert redis.delete(*[name for name in redis.scan_iter(match=names, count=10_000) if name.count(b":") == 3]) == 3
    assert ai.messages() == messages
