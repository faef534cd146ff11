"""Branches over HTTP: regenerate, edit, choose, fork, with a real worker."""

from __future__ import annotations

import threading

import pytest

from tests.support.client import text_of
from tests.support.images import PNG
from tests.support.servers import Calls, Held, Silence, Text


def again(client, target=True, app="scripted", **body):
    with client.streaming("POST", "/api/chat", params={"app": app}, json={"regenerate": target} | body) as stream:
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


def test_an_edit_waits_for_the_turn_that_runs_and_two_clients_edit_at_once(client, webs, provider):
    gate = threading.Event()
    for text in ("first words", "other words", "third words"):
        provider.script(text, [Text([f"to {text}"])])
    provider.script("hold it", [Text(["begun"]), Held(gate), Text([" and done"])])
    client.ask("first words", app="scripted")
    first = client.state()["messages"][0]["id"]
    with (
        client.chat("hold it", app="scripted") as running,
        client.chat("other words", app="scripted", edit=first) as one,
        client.streaming(
            "POST", "/api/chat?app=scripted", url=webs[1], json={"text": "third words", "edit": first}
        ) as another,
    ):
        running.next("text")
        assert contents(client)[:2] == ["first words", "to first words"]
        assert choose(client, first).status_code == 409
        gate.set()
        assert text_of(list(one.events())) == "to other words"
        assert text_of(list(another.events())) == "to third words"
    assert contents(client) == ["third words", "to third words"]
    siblings = client.state()["messages"][0]["siblings"]
    assert (len(siblings), siblings[0]) == (3, first)
    assert choose(client, siblings[1]).status_code == 200
    assert contents(client) == ["other words", "to other words"]
    assert choose(client, first).status_code == 200
    assert contents(client)[2:] == ["hold it", "begun and done"]


def test_a_later_step_of_a_tool_is_in_the_branches_that_have_its_call_alone(client, provider, tmp_path):
    go_on = tmp_path / "go on"
    provider.script("count slowly", [Calls([("CountWhenTold", {"n": 2, "file": str(go_on)})])], [Text(["ok"])])
    provider.script("do not count", [Text(["fine"])])
    provider.script("what now", [Text(["nothing"])])
    provider.script("and now", [Text(["wait"])])
    provider.script("tell me", [Text(["all left"])])
    client.ask("count slowly", app="scripted")
    asked = client.state()["messages"][0]["id"]
    client.ask("and now", app="scripted")
    later = client.state()["messages"][-2]["id"]
    with client.updates() as updates:
        updates.next("state")
        go_on.touch()
        while not updates.next("async_tool_result").get("done"):
            pass
    client.ask("tell me", app="scripted", edit=later)
    assert str(provider.requests("tell me")[-1].messages).count("left") == 2
    client.ask("do not count", app="scripted", edit=asked)
    client.ask("what now", app="scripted")
    assert contents(client) == ["do not count", "fine", "what now", "nothing"]
    assert "left" not in str(provider.requests("what now")[-1].messages)
    choose(client, asked)
    assert [message["role"] for message in client.state()["messages"]].count("tool") > 0


def test_a_branch_is_copied_into_a_thread_of_its_own(client, provider):
    provider.script("copy me", [Text(["gladly"])])
    provider.script("go on here", [Text(["here"])])
    client.ask("copy me", app="scripted")
    source = client.state()
    path = f"/api/sessions/{client.session_id}/threads"
    copied = client.post(path, json={"from": source["messages"][1]["id"]}).json()
    assert (set(copied), copied["title"]) >= ({"id", "title", "created_at", "updated_at"}, "copy me")
    client.ask("go on here", app="scripted", thread_id=copied["id"])
    assert contents(client) == ["copy me", "gladly", "go on here", "here"]
    assert client.state(thread_id=source["thread_id"])["messages"] == source["messages"]
    assert client.post(path, json={"from": "nobody"}).status_code == 404
    provider.script("hold this", [Text(["begun"]), Silence()])
    with client.chat("hold this", app="scripted") as running:
        running.next("text")
        refused = client.post(path, json={"from": client.state()["messages"][-1]["id"]})
        assert (refused.status_code, "is being made" in refused.json()["error"]) == (409, True)
        client.interrupt()


def test_a_message_with_its_clients_id_is_sent_twice_and_answered_once(client, provider):
    provider.script("only once", [Text(["once"])])
    for _ in range(2):
        assert text_of(client.ask("only once", app="scripted", message_id="client-1")) == "once"
    assert len(provider.requests("only once")) == 1
    assert client.state()["messages"][0]["id"] == "client-1"
    other = client.post("/api/chat?app=scripted", json={"text": "another", "message_id": "client-1"})
    assert (other.status_code, "message_id" in other.json()["error"]) == (409, True)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"regenerate": True}, 404),
        ({"regenerate": "nobody"}, 404),
        ({"regenerate": True, "text": "and this"}, 400),
        ({"regenerate": True, "message_id": "mine"}, 400),
        ({"regenerate": 7}, 400),
        ({"regenerate": 1}, 400),
        ({"regenerate": 0}, 400),
        ({"regenerate": ""}, 400),
        ({"edit": "nobody", "text": "hello"}, 404),
        ({"edit": "nobody"}, 400),
        ({"edit": True, "text": "hello"}, 400),
        ({"text": "hello", "message_id": "x" * 129}, 400),
        ({"text": "hello", "message_id": "a\nb"}, 400),
        ({"text": "hello", "message_id": "msg_1"}, 400),
    ],
)
def test_what_makes_no_branch_is_refused_in_words(client, body, status):
    answer = client.post("/api/chat?app=scripted", json=body)
    assert answer.status_code == status
    assert answer.json()["error"]


def test_an_answer_cannot_be_edited_and_of_a_branch_there_is_one_that_is_not(client, provider):
    provider.script("answer me", [Text(["here"])])
    client.ask("answer me", app="scripted")
    answered = client.state()["messages"][1]["id"]
    edited = client.post("/api/chat?app=scripted", json={"text": "mine", "edit": answered})
    assert (edited.status_code, "regenerate" in edited.json()["error"]) == (400, True)
    assert choose(client, "nobody").status_code == 404
    assert text_of(again(client, answered)) == "here"


def test_a_client_of_gen_1_sees_the_active_branch(client, provider):
    provider.script("old client", [Text(["one"])], [Text(["two"])])
    client.ask("old client", app="scripted")
    again(client)
    seen = client.get("/api/state").json()["messages"]
    assert [(message["sender"], message["content"]) for message in seen] == [("user", "old client"), ("agent", "two")]


def test_a_regeneration_interrupts_the_answer_that_is_being_made(client, provider):
    provider.script("too slow", [Text(["begun"]), Silence()], [Text(["at once"])])
    with client.chat("too slow", app="scripted") as slow:
        slow.next("text")
        assert text_of(again(client, on_busy="interrupt")) == "at once"
        assert list(slow.events())[-1] == {"type": "complete", "interrupted": True}
    _, answer = client.state()["messages"]
    assert (answer["content"], len(answer["siblings"])) == ("at once", 2)


def test_a_regeneration_has_the_files_of_its_message_and_a_form_of_its_own(client, provider):
    provider.script("read this", [Text(["read"])], [Text(['{"read": true}'])])
    client.post("/api/sessions")
    file = client.post("/api/files", content=PNG).json()["file_id"]
    client.ask("read this", app="seeing", attachments=[{"file_id": file}])
    assert again(client, app="seeing", response_format={"type": "json_object"})[-1] == {"type": "complete"}
    refused = client.post("/api/chat?app=seeing", json={"regenerate": True, "model": "scripted"})
    said = "The model 'scripted' does not take images; choose one of this app that does: seeing"
    assert (refused.status_code, refused.json()["error"]) == (400, said)
    prompts = [str(request.messages) for request in provider.requests("read this")]
    assert ["data:image/png" in prompt for prompt in prompts] == [True, True]
    assert client.state()["messages"][-1]["parsed"] == {"read": True}
