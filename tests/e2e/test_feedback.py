"""Feedback over HTTP: shown with its reply, counted, refused where it fits nothing."""

from __future__ import annotations

import threading

import pytest

from tests.support.servers import Calls, Held, Text


def rate(client, reply, **body):
    return client.post("/api/feedback", json={"message_id": reply} | body)


def shown(client, **params):
    """The ratings of the messages in the state."""
    messages = client.state(**params)["messages"]
    return [[one.get("rating") for one in message.get("feedback", ())] for message in messages]


def test_a_rating_is_shown_with_its_reply_in_the_state_and_its_pages_and_told_to_others(client):
    client.ask("hello")
    state = client.state()
    reply = state["messages"][1]["id"]
    with client.updates() as updates:
        updates.next("state")
        (given,) = rate(client, reply, rating="down", comment="no").json()["feedback"]
        assert updates.next("state")["thread_id"] == state["thread_id"]
    assert given.pop("created_at")
    assert given == {"key": "user", "rating": "down", "score": 0, "comment": "no"}
    assert shown(client) == shown(client, limit=2) == [[], ["down"]]
    page = client.get(f"/api/sessions/{client.session_id}/threads/{state['thread_id']}/messages").json()
    assert page["messages"][1]["feedback"][0]["comment"] == "no"
    rate(client, reply, rating="up")
    assert shown(client) == [[], ["up"]]
    assert rate(client, reply).json()["feedback"] == []
    assert client.state()["messages"] == state["messages"]


def test_the_id_of_a_turn_rates_its_last_reply(client, provider):
    text = provider.script("rate the turn", [Calls([("GetCurrentTime", {})])], [Text(["done"])])
    client.ask(text, app="scripted")
    reply = client.state()["messages"][-1]["id"]
    assert rate(client, reply.rpartition("-")[0], score=0.5).json()["message_id"] == reply


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "'message_id'"),
        ({"message_id": 5}, "'message_id'"),
        ({"message_id": "m", "rating": "good"}, "'rating' must be 'up' or 'down'"),
        ({"message_id": "m", "score": "1"}, "'score' must be a number"),
        ({"message_id": "m", "score": True}, "'score' must be a number"),
        ({"message_id": "m", "score": 1e9}, "'score' must be a number"),
        ({"message_id": "m", "comment": "x" * 4001}, "4,000"),
        ({"message_id": "m", "comment": " "}, "'comment'"),
        ({"message_id": "m", "key": "two words"}, "'key' must be 1 to 64"),
    ],
)
def test_a_body_that_says_nothing_is_refused(client, body, words):
    client.post("/api/sessions")
    refused = client.post("/api/feedback", json=body)
    assert (refused.status_code, words in refused.json()["error"]) == (400, True), refused.text


def test_what_is_no_reply_and_what_is_none_yet_is_refused(client, provider):
    assert rate(client, "m", rating="up").status_code == 404
    gate = threading.Event()
    text = provider.script("half of it", [Text(["half"]), Held(gate), Text(["whole"])])
    with client.chat(text, app="scripted") as stream:
        stream.until_text("half")
        asked, reply = (one["id"] for one in client.state()["messages"])
        assert rate(client, asked, rating="up").status_code == 404
        assert rate(client, reply, rating="up").status_code == 409
        gate.set()
        list(stream.events())
    assert rate(client, reply, rating="up").status_code == 200
