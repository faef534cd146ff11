"""The published clients' dialect: each call as they send it, each field that they rely on, each trap."""

from __future__ import annotations

import threading
import uuid
from datetime import datetime
from http.client import HTTPConnection

import pytest

from tests.support.client import Client
from tests.support.gen1 import Gen1, said
from tests.support.patience import patient
from tests.support.servers import Calls, Fail, Held, Silence, Text


@pytest.fixture
def gen1(webs, key):
    return Gen1(webs[0], key)


def test_the_answer_to_a_send_has_the_message_and_that_it_is_processed(gen1, provider):
    sent = threading.Event()
    text = provider.script("gen-1 sends", [Held(sent), Text(["done"])])
    state = gen1.send(text, app="scripted")
    sent.set()
    assert set(state) == {"messages", "system_events", "title", "is_processing", "user_state"}
    assert (state["is_processing"], state["title"], state["system_events"]) == (True, text, [])
    (message,) = state["messages"]
    assert datetime.fromisoformat(message.pop("timestamp")).tzinfo
    assert message == {"sender": "user", "content": text, "is_streaming": False, "tool_result": None}
    assert said(gen1.finish())[-1] == ("agent", "done")


def test_a_second_turn_remembers_the_first(gen1):
    gen1.send("remember 42")
    gen1.finish()
    gen1.send("What did I ask you to remember?")
    state = gen1.finish()
    assert "42" in state["messages"][-1]["content"]
    assert state["user_state"] == {"pending_txs": {}, "pending_eip712s": {}, "next_id": 1}


def test_text_streams_into_a_message_that_says_so(gen1, provider):
    text = provider.script("gen-1 streams", [Text(["so far "]), Silence()])
    gen1.send(text, app="scripted")
    state = gen1.until(lambda state: len(state["messages"]) == 2)
    assert (state["messages"][1]["content"], state["messages"][1]["is_streaming"]) == ("so far ", True)
    gen1.interrupt()


def test_tool_messages_are_two_strings_and_come_before_the_final_text(gen1, provider):
    text = provider.script("gen-1 tool", [Text(["Let me add. "]), Calls([("Add", {"a": 1})])], [Text(["Two."])])
    gen1.send(text, app="scripted")
    state = gen1.finish()
    assert said(state)[1:] == [("agent", "Let me add. "), ("agent", ("Add", '{"sum":2}')), ("agent", "Two.")]
    assert not any(message["is_streaming"] for message in state["messages"])


@pytest.mark.parametrize(
    ("answer", "told"),
    [([Text([""])], "The model gave no answer"), ([Calls([("Add", {"a": 1})])], "(no response)")],
)
def test_the_last_agent_message_of_a_turn_is_never_empty(gen1, provider, answer, told):
    text = provider.script(f"gen-1 says nothing {answer}", answer, [Text([""])])
    gen1.send(text, app="scripted")
    sender, words = said(gen1.finish())[-1]
    assert (sender, told in words) == ("agent", True)


def test_a_failed_turn_is_told_by_the_agent_and_kept_from_the_model_and_the_reference(gen1, provider):
    text = provider.script("gen-1 fails", [Fail(401)])
    gen1.send(text, app="scripted")
    last = gen1.finish()["messages"][-1]
    assert (last["sender"], "The turn failed" in last["content"]) == ("agent", True)
    reference = Client(gen1.url, session_id=gen1.session_id).state()
    assert [m["role"] for m in reference["messages"]] == ["user"]
    provider.script("gen-1 after that", [Text(["ok"])])
    gen1.send("gen-1 after that", app="scripted")
    gen1.finish()
    assert "failed" not in str(provider.requests("gen-1 after that")[0].messages)


def test_later_steps_of_a_tool_do_not_take_the_last_word_from_the_agent(gen1, provider, tmp_path):
    go_on = tmp_path / "go on"
    calls = Calls([("CountWhenTold", {"n": 2, "file": str(go_on)})])
    gen1.send(provider.script("gen-1 steps", [calls], [Text(["Counting."])]), app="scripted")
    gen1.finish()
    go_on.touch()
    state = gen1.until(lambda state: len(state["messages"]) == 4)
    assert said(state)[1:] == [
        ("agent", ("CountWhenTold", '{"left":2}')),
        ("agent", "Counting."),
        ("system", ("CountWhenTold", '{"left":1}')),
    ]


def test_a_session_that_nobody_made_is_idle_and_empty(gen1):
    state = gen1.poll(user_state={"address": "0x1", "chain_id": 1}, client_id=gen1.client_id)
    assert (state["messages"], state["is_processing"], state["title"], state["system_events"]) == ([], False, "", [])
    assert state["user_state"]["address"] == "0x1"
    assert gen1.interrupt()["is_processing"] is False
    assert gen1.http.get(f"/api/sessions/{gen1.session_id}", headers=gen1.header).status_code == 404


def test_an_interrupt_ends_the_turn_and_those_that_wait(gen1, provider):
    text = provider.script("gen-1 interrupted", [Text(["partial"]), Silence()])
    gen1.send(text, app="scripted")
    gen1.until(lambda state: len(state["messages"]) == 2)
    assert gen1.send("remember waiting")["is_processing"] is True
    state = gen1.interrupt()
    assert state["is_processing"] is False
    assert said(state) == [
        ("user", text),
        ("agent", "partial"),
        ("user", "remember waiting"),
        ("agent", "(no response)"),
    ]
    assert gen1.poll()["is_processing"] is False
    assert provider.requests(text)[0].hung_up.wait(patient(10))


def test_the_dialect_is_told_by_the_request_alone(gen1):
    """A body with `text` wins over a message in the query; neither is 400. The Content-Type says nothing."""
    both = {"params": {"message": "remember query"}, "headers": gen1.header}
    with gen1.http.stream("POST", "/api/chat", json={"text": "remember body"}, **both) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert b"body" in answer.read()
    for body in (b"", b"{}", b"not json", b'["text"]'):
        answer = gen1.http.post("/api/chat", content=body, headers=gen1.header)
        assert (answer.status_code, list(answer.json())) == (400, ["error"])
        assert gen1.http.post("/api/chat", content=body, **both).json()["is_processing"] is True
    named = gen1.http.get("/api/state", params={"session_id": str(uuid.uuid4())})
    assert named.status_code == 404
    assert gen1.http.get("/api/state", params={"session_id": gen1.session_id}, headers=gen1.header).json()["status"]
    stopped = gen1.http.post("/api/interrupt", params={"session_id": gen1.session_id})
    assert list(stopped.json()) == ["interrupted"]


@pytest.mark.parametrize(
    ("params", "status", "words"),
    [
        ({"message": "x", "app": "scripted"}, 401, "needs an API key"),
        ({"message": " "}, 400, "'message'"),
        ({"message": "x" * 32_001}, 400, "32,000"),
        ({"message": "x", "user_state": "{"}, 400, "must be JSON"),
        ({"message": "x", "user_state": "[1]"}, 400, "'user_state'"),
        ({"message": "x", "client_id": ""}, 400, "'client_id'"),
        ({"message": "x", "public_key": "x" * 300}, 400, "'public_key'"),
    ],
)
def test_a_send_that_is_refused_is_json_and_leaves_nothing(webs, redis, params, status, words):
    gen1 = Gen1(webs[0])
    answer = gen1.http.post("/api/chat", params=params, headers=gen1.header)
    assert (answer.status_code, list(answer.json())) == (status, ["error"])
    assert words in answer.json()["error"]
    assert not list(redis.scan_iter(f"*{gen1.session_id}*"))


def test_the_user_state_is_merged_and_a_wallet_that_leaves_takes_address_and_chain_along(gen1):
    gen1.send("remember 1", user_state={"address": "0x1", "chain_id": 1, "is_connected": True, "ext": {"a": 1}})
    state = gen1.finish(user_state={"chain_id": 8453})
    assert {name: state["user_state"].get(name) for name in ("address", "chain_id", "ext")} == {
        "address": "0x1",
        "chain_id": 8453,
        "ext": {"a": 1},
    }
    left = gen1.poll(user_state={"is_connected": False})["user_state"]
    assert (left["is_connected"], left["ext"]) == (False, {"a": 1})
    assert not {"address", "chain_id"} & set(left)


def test_a_poll_that_tells_the_same_again_is_no_news(gen1, redis):
    gen1.send("remember 1")
    gen1.finish(user_state={"chain_id": 1})
    before = redis.hget(f"session:{{{gen1.session_id}}}", "updates")
    gen1.poll(user_state={"chain_id": 1})
    assert redis.hget(f"session:{{{gen1.session_id}}}", "updates") == before


@pytest.mark.parametrize("names", [("chainId", "isConnected"), ("chain_id", "is_connected")])
def test_a_wallet_may_change_before_any_chat(gen1, names):
    message = gen1.system("wallet:state_changed", {"address": "0x2", names[0]: 10, names[1]: True})
    assert (message["sender"], "wallet:state_changed" in message["content"]) == ("system", True)
    state = gen1.poll()["user_state"]
    assert (state["address"], state["chain_id"], state["is_connected"]) == ("0x2", 10, True)


def test_any_system_message_is_taken_before_any_chat(gen1):
    assert gen1.system("ext:unheard_of", {"a": 1})["sender"] == "system"
    answer = gen1.http.post("/api/system", params={"message": "just words"}, headers=gen1.header)
    assert answer.json()["res"]["content"] == "just words"
    assert gen1.poll()["messages"] == []


def test_sessions_are_made_listed_renamed_put_away_and_deleted(gen1):
    owner = f"0x{uuid.uuid4().hex}"
    for _ in range(2):
        made = gen1.call("POST", "/api/sessions", json={"public_key": owner})
        assert (made["session_id"], made["title"]) == (gen1.session_id, "")
    path = f"/api/sessions/{gen1.session_id}"
    gen1.call("PATCH", path, json={"title": "Mine"})
    gen1.call("POST", f"{path}/archive")
    listed = gen1.http.get("/api/sessions", params={"public_key": owner}).json()
    (one,) = listed
    assert (one["session_id"], one["title"], one["is_archived"]) == (gen1.session_id, "Mine", True)
    gen1.call("POST", f"{path}/unarchive")
    shown = gen1.call("GET", path)
    assert (shown["session_id"], shown["title"], shown["is_archived"]) == (gen1.session_id, "Mine", False)
    gen1.call("DELETE", path)
    assert gen1.http.get(path, headers=gen1.header).status_code == 404
    assert gen1.http.get("/api/sessions", params={"public_key": owner}).json() == []


def test_a_session_that_a_send_made_is_listed_under_its_public_key(gen1):
    owner = f"0x{uuid.uuid4().hex}"
    for _ in range(2):
        gen1.send("remember 1", public_key=owner)
    listed = gen1.http.get("/api/sessions", params={"public_key": owner}).json()
    assert [one["session_id"] for one in listed] == [gen1.session_id]


def test_apps_and_models_are_bare_arrays_of_ids(gen1, key):
    assert gen1.call("GET", "/api/control/apps", params={"public_key": "0x1"}) == ["default"]
    assert {"default", "scripted"} <= set(gen1.call("GET", "/api/control/apps", headers={"X-API-Key": key}))
    assert gen1.call("GET", "/api/control/models") == ["demo", "scripted"]


def test_the_model_is_set_before_any_chat_and_used(gen1, provider):
    params = {"rig": "scripted", "app": "default", "client_id": gen1.client_id}
    answer = gen1.call("POST", "/api/control/model", params=params)
    assert answer == {"success": True, "rig": "scripted", "baml": "scripted", "created": True}
    assert gen1.call("POST", "/api/control/model", params={"rig": "scripted"})["created"] is False
    text = provider.script("gen-1 model", [Text(["by the other model"])])
    gen1.send(text)
    assert said(gen1.finish())[-1] == ("agent", "by the other model")
    refused = gen1.http.post("/api/control/model", params={"rig": "nope"}, headers=gen1.header)
    assert (refused.status_code, list(refused.json())) == (400, ["error"])


def test_a_refused_model_makes_no_session(webs):
    gen1 = Gen1(webs[0])
    assert gen1.http.post("/api/control/model", params={"rig": "nope"}, headers=gen1.header).status_code == 400
    assert gen1.http.get(f"/api/sessions/{gen1.session_id}", headers=gen1.header).status_code == 404


def test_events_are_an_array_also_of_a_session_that_nobody_made(gen1):
    assert gen1.call("GET", "/api/events") == []
    assert gen1.call("GET", "/api/events", params={"count": "5"}) == []
    assert gen1.http.get("/api/events", params={"count": "0"}, headers=gen1.header).status_code == 400


def test_without_a_node_simulation_names_the_setting_to_set(gen1):
    answer = gen1.http.post("/api/simulate", json={"transactions": []}, headers=gen1.header)
    assert answer.status_code == 501
    assert "has not set AOMI_CHAIN_RPC" in answer.json()["error"]


def test_updates_opened_before_any_post_bring_the_title_and_a_tools_end(gen1, provider):
    text = provider.script("gen-1 updates", [Calls([("Countdown", {"n": 2, "every": 0.1})])], [Text(["ok"])])
    with Client(gen1.url, session_id=gen1.session_id).updates() as updates:
        gen1.send(text, app="scripted")
        assert updates.next("title_changed")["new_title"] == text
        done = updates.next("tool_complete")
    assert (done["tool_name"], done["name"], done["result"]) == ("Countdown", "Countdown", '{"left":1}')


def test_a_query_of_sixty_four_kib_is_taken_and_a_longer_one_bounded(gen1):
    user_state = {"ext": {"blob": "x" * 15_000}, "pending_txs": {"1": {"data": "x" * 19_000}}}
    message = f"remember {'m' * 30_000}"
    assert gen1.send(message, user_state=user_state)["messages"][0]["content"] == message
    connection = HTTPConnection(gen1.url.removeprefix("http://"), timeout=patient(10))
    connection.request("GET", f"/api/state?padding={'x' * 80_000}", headers=gen1.header)
    assert 400 <= connection.getresponse().status < 500
