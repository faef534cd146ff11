"""Sessions, threads, titles, state, updates and control, over real HTTP."""

from __future__ import annotations

import re
import uuid

import pytest

from tests.support.backend import until
from tests.support.client import Client, text_of
from tests.support.patience import patient
from tests.support.servers import Fail, Silence, Text

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def test_a_session_is_made_once(client):
    first = client.post("/api/sessions", json={"title": "Mine"})
    assert first.status_code == 200
    assert first.json() == {"session_id": client.session_id, "created": True, "title": "Mine", "is_archived": False}
    again = client.post("/api/sessions", json={"title": "Other"})
    assert again.json() == {"session_id": client.session_id, "created": False, "title": "Mine", "is_archived": False}


def test_ids_are_one_whatever_their_case_and_place(client):
    client.post("/api/sessions")
    upper = Client(client.url, session_id=client.session_id.upper())
    assert upper.get(f"/api/sessions/{client.session_id.upper()}").json()["session_id"] == client.session_id
    assert upper.get("/api/state", params={"session_id": client.session_id}).status_code == 200
    answer = client.get("/api/state", params={"session_id": str(uuid.uuid4())})
    assert answer.status_code == 400
    assert "different" in answer.json()["error"]


def test_a_session_shows_its_threads_and_choices(client):
    client.ask("remember this conversation")
    found = client.get(f"/api/sessions/{client.session_id}").json()
    assert found["session_id"] == client.session_id
    assert (found["app"], found["model"], found["is_archived"]) == ("default", "demo", False)
    (thread,) = found["threads"]
    assert set(thread) == {"id", "title", "created_at", "updated_at", "status", "unread"}
    assert thread["title"] == found["title"] == "remember this conversation"
    assert TIME.fullmatch(thread["created_at"])
    assert TIME.fullmatch(thread["updated_at"])


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/sessions/{id}"),
        ("PATCH", "/api/sessions/{id}"),
        ("DELETE", "/api/sessions/{id}"),
        ("POST", "/api/sessions/{id}/archive"),
        ("POST", "/api/sessions/{id}/threads"),
        ("GET", "/api/state?session_id={id}"),
        ("POST", "/api/interrupt?session_id={id}"),
        ("POST", "/api/control/model?session_id={id}"),
        ("GET", "/api/session/models?session_id={id}"),
    ],
)
def test_an_unknown_session_is_404(client, method, path):
    answer = client.request(method, path.format(id=client.session_id), json={"title": "x", "model": "demo"})
    assert answer.status_code == 404
    assert "no such session" in answer.json()["error"]


def test_sessions_of_a_public_key_are_listed_newest_first(client, webs):
    owner = f"0x{uuid.uuid4().hex}"
    others = [Client(webs[0]) for _ in range(3)]
    for number, one in enumerate(others):
        one.post("/api/sessions", json={"public_key": owner, "title": f"session {number}"})
    others[0].request("DELETE", f"/api/sessions/{others[0].session_id}")
    found = client.http.get(f"{webs[1]}/api/sessions", params={"public_key": owner}).json()
    assert [(one["session_id"], one["title"]) for one in found] == [
        (others[2].session_id, "session 2"),
        (others[1].session_id, "session 1"),
    ]
    assert all(one["is_archived"] is False for one in found)


def test_a_session_that_was_made_before_its_owner_was_known_gets_one_and_keeps_it(client):
    first, second = f"0x{uuid.uuid4().hex}", f"0x{uuid.uuid4().hex}"
    client.post("/api/sessions")
    for owner in (first, second):
        assert client.post("/api/sessions", json={"public_key": owner}).json()["created"] is False
    listed = [client.get("/api/sessions", params={"public_key": owner}).json() for owner in (first, second)]
    assert [[session["session_id"] for session in found] for found in listed] == [[client.session_id], []]


def test_rename_archive_and_delete(client):
    client.post("/api/sessions")
    path = f"/api/sessions/{client.session_id}"
    assert client.request("PATCH", path, json={"title": "New name"}).json()["title"] == "New name"
    client.post(f"{path}/archive")
    assert client.get(path).json()["is_archived"] is True
    client.post(f"{path}/unarchive")
    assert client.get(path).json()["is_archived"] is False
    assert client.request("DELETE", path).status_code == 200
    assert client.get(path).status_code == 404


def test_deleting_a_session_ends_its_turn_and_leaves_no_key(client, provider, redis):
    provider.script("delete me", [Text(["a"]), Silence()])
    with client.chat("delete me", app="scripted") as stream:
        stream.next("text")
        client.request("DELETE", f"/api/sessions/{client.session_id}")
        assert list(stream.events()) == [{"type": "complete", "interrupted": True}]
    assert provider.requests("delete me")[0].hung_up.wait(patient(10))
    until(lambda: not list(redis.scan_iter(f"*{client.session_id}*")))


def test_each_thread_has_its_own_history(client, provider):
    provider.script("in one", [Text(["one"])])
    provider.script("in two", [Text(["two"])])
    provider.script("in one again", [Text(["three"])])
    client.ask("in one", app="scripted")
    one = client.state()["thread_id"]
    two = client.post(f"/api/sessions/{client.session_id}/threads", json={"title": "Second"}).json()
    assert two["title"] == "Second"
    client.ask("in two", app="scripted")
    assert len(provider.requests("in two")[0].messages) == 2
    client.ask("in one again", app="scripted", thread_id=one)
    assert len(provider.requests("in one again")[0].messages) == 4
    assert [m["content"] for m in client.state()["messages"]] == ["in two", "two"]
    assert len(client.state(thread_id=one)["messages"]) == 4
    path = f"/api/sessions/{client.session_id}/threads/{two['id']}"
    assert client.request("PATCH", path, json={"title": "Renamed"}).json()["title"] == "Renamed"
    assert client.request("DELETE", path).status_code == 200
    assert client.request("DELETE", path).status_code == 404
    assert client.state()["thread_id"] == one
    assert client.post("/api/chat", json={"text": "x", "thread_id": two["id"]}).status_code == 404
    assert client.get("/api/state", params={"thread_id": two["id"]}).status_code == 404


def test_the_users_message_and_the_text_so_far_are_in_the_state(client, webs, provider):
    provider.script("so far", [Text(["said "]), Silence()])
    with client.chat("so far", app="scripted", user_state={"address": "0x742d", "ext": [1]}) as stream:
        assert [m["content"] for m in client.state()["messages"]][:1] == ["so far"]
        stream.next("text")
        state = Client(webs[1], session_id=client.session_id).state()
        assert [(m["role"], m["content"]) for m in state["messages"]] == [("user", "so far"), ("assistant", "said ")]
        assert (state["status"], state["is_processing"]) == ("processing", True)
        assert state["user_state"] == {"address": "0x742d", "ext": [1]}
        assert all(TIME.fullmatch(m["created_at"]) and m["id"] for m in state["messages"])
        client.interrupt()
    ids = [m["id"] for m in state["messages"]]
    assert [m["id"] for m in client.state()["messages"]] == ids


def test_control_actions(client):
    client.post("/api/sessions")

    def act(action, body):
        return client.post(f"/api/control/{action}", params={"session_id": client.session_id}, json=body)

    assert act("model", {"model": "scripted"}).json() == {"success": True, "model": "scripted"}
    assert act("user_state", {"chain_id": 1}).json() == {"success": True, "user_state": {"chain_id": 1}}
    assert act("title", {"title": "T"}).json() == {"success": True, "title": "T"}
    assert act("app", {"app": "scripted"}).json() == {"success": True, "app": "scripted"}
    state = client.state()
    assert (state["model"], state["user_state"], state["title"], state["app"]) == (
        "scripted",
        {"chain_id": 1},
        "T",
        "scripted",
    )
    assert act("model", {"model": "nope"}).status_code == 400
    assert act("model", {"model": "demo"}).status_code == 400
    assert act("app", {"app": "nope"}).status_code == 400
    assert act("fly", {}).status_code == 404
    assert act("user_state", {"x": "y" * 17_000}).status_code == 400


def test_a_model_counts_from_the_next_turn(client, provider):
    provider.script("with the scripted one", [Text(["scripted answer"])])
    client.post("/api/sessions")
    client.post("/api/control/model", json={"model": "scripted"})
    assert text_of(client.ask("with the scripted one")) == "scripted answer"


def test_models_and_apps(client, webs, key):
    anyone = client.http.get(f"{webs[0]}/api/session/models").json()["models"]
    assert anyone == [
        {"id": "demo", "name": "demo", "provider": "demo"},
        {"id": "scripted", "name": "Scripted", "provider": "openai"},
    ]
    client.post("/api/sessions", json={"app": "scripted"})
    assert [m["id"] for m in client.get("/api/session/models").json()["models"]] == ["scripted", "small"]
    apps = client.http.get(f"{webs[0]}/api/session/apps", headers={"Aomi-App-Key": key}).json()["apps"]
    assert [(one["id"], one["name"]) for one in apps if one["id"] == "default"] == [("default", "Default")]
    assert {"id": "scripted", "name": "Scripted app"} in apps
    assert client.http.get(f"{webs[0]}/api/session/apps").status_code == 401


def test_an_app_has_messages_to_try(client, webs, key):
    examples = [
        {"title": "Ask for a price", "text": "What is the current price of ETH?"},
        {"title": "", "text": "Count to 300"},
    ]
    anyone = client.http.get(f"{webs[0]}/api/session/app").json()
    assert anyone == {"id": "default", "name": "Default", "examples": examples}
    apps = client.http.get(f"{webs[0]}/api/session/apps", headers={"X-API-Key": key}).json()["apps"]
    assert [one.get("examples") for one in apps if one["id"] in ("default", "scripted")] == [examples, None]
    client.post("/api/sessions", json={"app": "scripted"})
    of_session = client.get("/api/session/app").json()
    assert of_session == {"id": "scripted", "name": "Scripted app", "examples": []}


def test_updates_tell_every_change_and_resume_without_loss(client, webs):
    with client.updates() as updates:
        first = updates.next()
        assert (first["type"], first["status"], first["session_id"]) == ("state", "idle", client.session_id)
        client.ask("remember 5")
        assert updates.next("title_changed")["new_title"] == "remember 5"
        assert updates.next("state")["status"] == "processing"
        assert updates.next("state")["status"] == "idle"
        last = updates.ids[-1]
    client.post("/api/control/model", json={"model": "scripted"})
    client.post("/api/control/title", json={"title": "By hand"})
    with client.updates(url=webs[1], last_id=last) as again:
        assert again.next()["type"] == "model_changed"
        assert again.next()["title"] == "By hand"
        state = again.next()
        assert (state["type"], state["title"]) == ("state", "By hand")
    assert again.ids == [str(int(last) + 1), str(int(last) + 2), str(int(last) + 2)]
    assert b"retry: 2000\n\n" in again.raw


def test_following_updates_from_the_states_last_event_id_misses_nothing(client):
    client.ask("remember 6")
    last = client.state()["last_event_id"]
    client.post("/api/control/title", json={"title": "Since then"})
    with client.updates(last_id=last) as updates:
        assert updates.next()["title"] == "Since then"


def test_an_id_that_is_not_kept_gives_a_gap_then_the_state(client):
    client.ask("remember 7")
    with client.updates(last_id="100000") as updates:
        assert updates.next() == {"type": "gap", "session_id": client.session_id}
        assert updates.next()["type"] == "state"


def test_titles_words_at_once_then_the_models_then_a_persons_for_good(client, provider):
    words = "please tell me all that there is to know about the history of the printing press"
    provider.script(words, [Text(['"The Printing Press"'])])
    with client.updates() as updates:
        client.ask(words, app="titled")
        assert updates.next("title_changed")["title"] == "please tell me all that there is to know about the history…"
        assert updates.next("title_changed")["title"] == "The Printing Press"
    until(lambda: client.state()["title"] == "The Printing Press")
    session = client.get(f"/api/sessions/{client.session_id}").json()
    assert session["threads"][0]["title"] == "The Printing Press"


def test_a_title_by_a_person_is_not_overwritten_by_a_model(client, provider, redis):
    provider.script("a named session", [Text(["Model title"])])
    client.post("/api/sessions", json={"title": "My own"})
    client.ask("a named session", app="titled")
    path = f"/api/sessions/{client.session_id}"
    until(lambda: client.get(path).json()["threads"][0]["title"] == "Model title")
    assert client.get(path).json()["title"] == "My own"


def test_a_failed_turn_is_told_on_the_updates(client, provider):
    text = provider.script("fails", [Fail(500)])
    with client.updates() as updates:
        client.ask(text, app="scripted")
        assert updates.next("system_error")["code"] == "provider_error"
