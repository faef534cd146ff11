"""`response_format` in a chat body: to the model as it is, refused where the model cannot, the object in the state."""

from __future__ import annotations

import pytest

from tests.support.client import text_of
from tests.support.servers import Calls, Fail, Text

SCHEMA = {"type": "object", "properties": {"hello": {"type": "string"}}, "required": ["hello"]}
FORMAT = {"type": "json_schema", "json_schema": {"name": "greeting", "schema": SCHEMA, "strict": True}}


def test_it_reaches_the_model_in_every_call_and_the_state_has_the_object(client, provider):
    answer = [Text(['{"hello": ', '"you"}'])]
    text = provider.script("greet me", [Calls([("Add", {"a": 1, "b": 2})])], answer)
    assert text_of(client.ask(text, app="scripted", response_format=FORMAT)) == '{"hello": "you"}'
    assert [seen.body["response_format"] for seen in provider.requests(text)] == [FORMAT, FORMAT]
    messages = client.state()["messages"]
    assert [message.get("parsed") for message in messages] == [None, None, {"hello": "you"}]
    plain = provider.script("now in words", [Text(["hello"])])
    client.ask(plain, app="scripted")
    assert "response_format" not in provider.requests(plain)[0].body


def test_retries_and_fallbacks_have_it_too(client, provider):
    text = provider.script("greet me later", [Fail(503)], [Fail(401)], [Text(['{"hello": "you"}'])])
    client.ask(text, app="scripted", response_format=FORMAT)
    assert [seen.body["response_format"] for seen in provider.requests(text)] == [FORMAT] * 3
    assert client.state()["messages"][-1]["parsed"] == {"hello": "you"}


def test_a_fallback_that_cannot_is_left_out(client, provider):
    text = provider.script("remember 1", [Fail(401)])
    events = client.ask(text, app="discreet", response_format=FORMAT)
    assert [event.get("code") for event in events] == ["provider_error"]
    assert client.ask(text, app="discreet")[-1] == {"type": "complete"}, "the demo answers"


def test_a_model_that_cannot_is_refused_with_the_names_of_those_that_can(client, provider):
    body = {"text": "hello", "response_format": FORMAT}
    refused = client.post("/api/chat", json=body)
    assert refused.status_code == 400
    assert "'demo'" in refused.json()["error"]
    assert "these can: scripted" in refused.json()["error"]
    alone = client.post("/api/chat?app=titled", json=body)
    assert (alone.status_code, "no model of the app can" in alone.json()["error"]) == (400, True)
    assert client.get(f"/api/sessions/{client.session_id}").status_code == 404
    assert client.ask("remember 1", response_format={"type": "text"})[-1] == {"type": "complete"}
    assert client.ask("remember 1", response_format=None)[-1] == {"type": "complete"}


@pytest.mark.parametrize(
    "wrong",
    [
        "json",
        {},
        {"type": "xml"},
        {"type": "json_schema"},
        {"type": "json_schema", "json_schema": {"schema": SCHEMA}},
        {"type": "json_schema", "json_schema": {"name": "two words", "schema": SCHEMA}},
        {"type": "json_schema", "json_schema": {"name": "long", "schema": {"description": "x" * 33_000}}},
    ],
    ids=["text", "empty", "unknown type", "no schema", "no name", "illegal name", "too large"],
)
def test_a_wrong_or_large_one_is_refused(client, wrong):
    refused = client.post("/api/chat?app=scripted", json={"text": "hello", "response_format": wrong})
    assert refused.status_code == 400
    assert "response_format" in refused.json()["error"]
