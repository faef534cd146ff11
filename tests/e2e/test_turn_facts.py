"""What a turn took, on its last message: for clients that ask for it."""

from __future__ import annotations

import threading

from tests.support.client import Client
from tests.support.patience import until
from tests.support.servers import Calls, Held, Text


def test_a_turn_that_keeps_its_facts_tells_model_times_and_usage(client, provider):
    provider.script("facts", [Text(["one two"])])
    client.ask("facts", app="scripted", usage=True)
    shown = until(lambda: client.state(usage="1")["messages"][-1]["turn"].get("usage"))
    assert shown["model_calls"] == 1
    assert shown["output_tokens"] > 0
    assert shown["cost_usd"] > 0
    turn = client.state(usage="1")["messages"][-1]["turn"]
    assert turn["model"] == "scripted"
    assert turn["started_at"] <= turn["ended_at"]
    page = client.get(
        f"/api/sessions/{client.session_id}/threads/{client.state()['thread_id']}/messages?usage=1"
    ).json()
    assert page["messages"][-1]["turn"] == turn


def test_nobody_else_gets_facts(client, provider):
    provider.script("plain", [Text(["one"])])
    client.ask("plain", app="scripted")
    client.ask("plain", app="scripted", usage=True)
    assert ["turn" in one for one in client.state(usage="1")["messages"]] == [False, False, False, True]
    assert all("turn" not in one for one in client.state()["messages"])


def test_without_a_key_there_is_no_cost(client, provider, webs):
    provider.script("costs", [Text(["one"])])
    client.ask("costs", app="scripted", usage=True)
    until(lambda: "usage" in client.state(usage="1")["messages"][-1]["turn"])
    stranger = Client(webs[0], session_id=client.session_id)
    usage = stranger.state(usage="1")["messages"][-1]["turn"]["usage"]
    assert usage["output_tokens"] > 0
    assert "cost_usd" not in usage


def test_a_turn_with_tools_has_them_on_its_last_message(client, provider):
    provider.script("with tools", [Calls([("Add", {"first": 1, "second": 2})])], [Text(["3"])])
    client.ask("with tools", app="scripted", usage=True)
    usage = until(lambda: client.state(usage="1")["messages"][-1]["turn"].get("usage"))
    assert usage["model_calls"] == 2
    assert ["turn" in one for one in client.state(usage="1")["messages"]] == [False, False, True]


def test_the_state_says_in_which_thread_the_turn_is(client, provider):
    gate = threading.Event()
    provider.script("slowly", [Text(["one"]), Held(gate)])
    client.post("/api/sessions", json={"app": "scripted"})
    threads = [client.post(f"/api/sessions/{client.session_id}/threads").json()["id"] for _ in range(2)]
    with client.chat("slowly", thread_id=threads[0]) as stream:
        stream.next()
        assert [client.state(thread_id=one)["thread_is_processing"] for one in threads] == [True, False]
        assert client.state(thread_id=threads[1])["is_processing"] is True
        gate.set()
    until(lambda: not client.state(thread_id=threads[0])["thread_is_processing"])
