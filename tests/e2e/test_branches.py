"""Branches over HTTP: regenerate, edit, choose, fork, with a real worker."""

from __future__ import annotations

from tests.support.client import text_of
from tests.support.servers import Text


def again(client, target=True, **body):
    with client.streaming(
        "POST", "/api/chat", params={"app": "scripted"}, json={"regenerate": target} | body
    ) as stream:
        return list(stream.events())


def choose(client, message_id):
    thread = client.state()["thread_id"]
    path = f"/api/sessions/{client.session_id}/threads/{thread}/branch"
    return client.post(path, json={"message_id": message_id})


def contents(client):
    return [message["content"] for message in client.state()["messages"]]


def test_an_answer_is_made_again_and_both_can_be_chosen(client, provider):
    provider.script("tell me a joke", [Text(["a goose"])], [Text(["a duck"])])
    client.ask("tell me a joke", app="scripted")
    assert text_of(again(client)) == "a duck"
    asked, duck = client.state()["messages"]
    goose = duck["siblings"][0]
    assert duck["siblings"] == [goose, duck["id"]]
    assert (asked["parent_id"], duck["parent_id"]) == (None, asked["id"])
    assert choose(client, goose).status_code == 200
    assert contents(client) == ["tell me a joke", "a goose"]
    assert [message["content"] for message in provider.requests("tell me a joke")[-1].messages][-1:] == [
        "tell me a joke"
    ]


def test_a_message_is_edited_and_the_model_gets_only_its_own_branch(client, provider):
    provider.script("colour of the sky", [Text(["blue"])])
    provider.script("colour of the sea", [Text(["green"])])
    provider.script("and at night", [Text(["black"])])
    client.ask("colour of the sky", app="scripted")
    first = client.state()["messages"][0]["id"]
    assert text_of(client.ask("colour of the sea", app="scripted", edit=first)) == "green"
    assert text_of(client.ask("and at night", app="scripted")) == "black"
    assert contents(client) == ["colour of the sea", "green", "and at night", "black"]
    assert "colour of the sky" not in str(provider.requests("and at night")[-1].messages)
    assert client.state()["messages"][0]["siblings"][0] == first
