"""Multi-step tools: the first step answers the model, later ones reach the client, the updates and the history."""

from __future__ import annotations

import signal
import threading

from tests.support.backend import until
from tests.support.client import kinds
from tests.support.servers import Calls, Held, Text


def test_later_steps_outlive_the_turn_and_are_in_the_next_turns_history(client, provider, tmp_path):
    go_on = tmp_path / "go on"
    calls = Calls([("CountWhenTold", {"n": 3, "file": str(go_on)})])
    text = provider.script("watch", [calls], [Text(["On it."])])
    with client.updates() as updates:
        updates.next("state")
        events = client.ask(text, app="scripted")
        go_on.touch()
        steps = [updates.next("async_tool_result"), updates.next("async_tool_result")]
    assert kinds(events) == ["tool_call", "tool_result", "text", "complete"]
    assert events[1]["result"] == {"left": 3}
    call_id = events[0]["call_id"]
    assert [(s["call_id"], s["name"], s["result"], s.get("done")) for s in steps] == [
        (call_id, "CountWhenTold", {"left": 2}, None),
        (call_id, "CountWhenTold", {"left": 1}, True),
    ]
    assert all(s["session_id"] == client.session_id for s in steps)
    told = [m for m in client.state()["messages"] if m["role"] == "tool"]
    assert [m["tool_results"][0]["result"] for m in told] == [{"left": 2}, {"left": 1}]
    provider.script("and now", [Text(["done"])])
    client.ask("and now", app="scripted")
    (result,) = [m for m in provider.requests("and now")[0].messages if m["role"] == "tool"]
    assert result["content"] == '{"steps":[{"left":3},{"left":2},{"left":1}]}'


def test_later_steps_come_on_the_chat_stream_while_it_is_open(client, provider, tmp_path):
    go_on, stepped = tmp_path / "go on", threading.Event()
    calls = Calls([("CountWhenTold", {"n": 2, "file": str(go_on)})])
    text = provider.script("watch open", [calls], [Text(["a"]), Held(stepped), Text(["b"])])
    events = []
    with client.chat(text, app="scripted") as stream:
        for event in stream.events():
            events.append(event)
            if event["type"] == "text":
                go_on.touch()
            elif event["type"] == "async_tool_result":
                stepped.set()
    assert kinds(events) == ["tool_call", "tool_result", "text", "async_tool_result", "text", "complete"]
    assert events[3] == {
        "type": "async_tool_result",
        "call_id": events[0]["call_id"],
        "name": "CountWhenTold",
        "result": {"left": 1},
        "done": True,
    }
    assert [m["role"] for m in client.state()["messages"]] == ["user", "assistant", "assistant", "tool"]


def test_updates_also_tell_of_steps_in_words(client, provider):
    text = provider.script("in words", [Calls([("Countdown", {"n": 3, "every": 0.05})])], [Text(["ok"])])
    with client.updates() as updates:
        client.ask(text, app="scripted")
        update, done = updates.next("tool_update"), updates.next("tool_complete")
    assert (update["tool_name"], update["result"]) == ("Countdown", '{"left":2}')
    assert done["result"] == '{"left":1}'


def test_bad_arguments_of_a_multi_step_tool_are_an_error_to_the_model(client, provider):
    text = provider.script("bad watch", [Calls([("Countdown", {"n": "many"})])], [Text(["I see."])])
    events = client.ask(text, app="scripted")
    assert "n: Input should be a valid integer" in events[1]["result"]["error"]


def test_the_watch_tool_of_the_demo_asks_the_price_as_often_as_told(client, price_api):
    with client.updates() as updates:
        events = client.ask("Watch the price of BTC 3 times every 0.1 seconds")
        while not updates.next("async_tool_result").get("done"):
            pass
    assert events[-1] == {"type": "complete"}
    result = next(e for e in events if e["type"] == "tool_result")
    assert result["result"] == {"step": 1, "of": 3, "price": 97000.5}
    assert price_api.asked.count("BTC") >= 3


def test_a_workers_restart_hands_a_running_tool_to_another_worker(backend, client, provider, webs):
    text = provider.script("survive", [Calls([("Countdown", {"n": 30, "every": 0.1})])], [Text(["ok"])])
    with client.updates() as updates:
        client.ask(text, app="scripted")
        updates.next("async_tool_result")
        old = [process for process in backend.processes if "worker" in process.output.name and process.alive]
        backend.worker()
        for process in old:
            assert process.stop(signal.SIGTERM) == 0, process.log()
        while not updates.next("async_tool_result").get("done"):
            pass
    results = [m["tool_results"][0]["result"]["left"] for m in client.state()["messages"] if m["role"] == "tool"]
    assert results == list(range(29, 0, -1))


def test_a_deleted_session_ends_its_tools(client, provider, redis):
    text = provider.script("deleted", [Calls([("Countdown", {"n": 100, "every": 0.05})])], [Text(["ok"])])
    client.ask(text, app="scripted")
    client.request("DELETE", f"/api/sessions/{client.session_id}")
    until(lambda: not list(redis.scan_iter(f"*{client.session_id}*")), what="every key of the session to go")
