"""Turns that wait for a person: calls that ask first, and tools that the client runs."""

from __future__ import annotations

import signal

import pytest
import redis as redis_py

from app.config import Settings
from app.state.accounts.api_keys import ApiKeys
from app.state.scripts import Store
from tests.support.backend import AppendOnlyRedis, Backend, answers, until
from tests.support.client import Client, kinds, text_of
from tests.support.gen1 import Gen1, said
from tests.support.servers import Calls, Text

PAY = ("Pay", {"to": "Bob", "amount": 500})
SMALL = ("Pay", {"to": "Eve", "amount": 5})


@pytest.fixture
def asked(client, provider, request):
    """A turn that waits: of two parallel calls one asks. Returns the events and the id of the call that waits."""
    text = provider.script(
        f"pay {request.node.name}", [Text(["I pay."]), Calls([PAY, SMALL])], [Text(["Done, thank you."])]
    )
    events = client.ask(text, app="asking")
    return text, events, events[-1]["awaiting"]


def answer(client, *answers, **more):
    with client.streaming("POST", "/api/chat", json={"answers": list(answers)}, **more) as stream:
        return list(stream.events())


def test_of_parallel_calls_those_that_ask_wait_and_an_answer_goes_on(client, asked, provider):
    text, events, awaiting = asked
    assert kinds(events) == ["text", "tool_call", "tool_call", "tool_result", "complete"]
    (waiting,) = awaiting
    assert events[-1] == {"type": "complete", "awaiting": [waiting]}
    state = client.state()
    assert state["status"] == "idle"
    (pending,) = state["pending"]
    assert pending.pop("expires_at") > state["messages"][0]["created_at"]
    assert pending == {"call_id": waiting, "name": "Pay", "args": PAY[1], "kind": "approval"}

    went_on = answer(client, {"call_id": waiting, "approve": True})
    assert went_on[0] == {
        "type": "tool_result",
        "call_id": waiting,
        "name": "Pay",
        "result": {"paid": 500, "to": "Bob"},
    }
    assert text_of(went_on) == "Done, thank you."
    assert went_on[-1] == {"type": "complete"}
    state = client.state()
    assert state["pending"] == []
    results = {one["call_id"]: one["result"] for one in state["messages"][1]["tool_results"]}
    assert results[waiting] == {"paid": 500, "to": "Bob"}
    assert len(results) == 2
    assert [message["role"] for message in state["messages"]] == ["user", "assistant", "assistant"]
    prompt = provider.requests(text)[-1].messages
    assert [message["role"] for message in prompt] == ["user", "assistant", "tool", "tool"]


def test_some_answers_are_kept_and_the_rest_goes_on(client, provider):
    """One call is declined, the other one approved with other arguments."""
    calls = [("Repeat", {"word": "a"}), ("Repeat", {"word": "b"})]
    text = provider.script("repeat two", [Calls(calls)], [Text(["Done."])])
    first, second = client.ask(text, app="asking")[-1]["awaiting"]
    kept = answer(client, {"call_id": first, "approve": False, "message": "Not now"})
    assert kept == [{"type": "complete", "awaiting": [second]}]
    assert [one["call_id"] for one in client.state()["pending"]] == [second]

    again = client.post("/api/chat", json={"answers": [{"call_id": first, "approve": True}]})
    assert again.status_code == 409
    went_on = answer(client, {"call_id": second, "approve": True, "args": {"word": "c"}})
    assert went_on[0]["result"] == {"error": "declined", "message": "Not now"}
    assert (went_on[1]["args"], went_on[1]["result"]) == ({"word": "c"}, {"word": "c", "letters": "c", "length": 1})
    prompt = provider.requests(text)[-1].messages
    assert [one["function"]["arguments"] for one in prompt[1]["tool_calls"]] == ['{"word":"a"}', '{"word":"c"}']


def test_a_client_runs_its_own_tool_and_gives_the_true_result(client, provider):
    tool = {"type": "function", "function": {"name": "ShowMap", "parameters": {"properties": {"at": {}}}}}
    text = provider.script("show a map", [Calls([("ShowMap", {"at": "Rome"})])], [Text(["There it is."])])
    (waiting,) = client.ask(text, app="asking", tools=[tool])[-1]["awaiting"]
    assert client.state()["pending"][0]["kind"] == "client_tool"
    body = {"answers": [{"call_id": waiting, "result": {"shown": True}}]}
    answered = client.post(f"/api/control/answer?session_id={client.session_id}", json=body)
    assert (answered.status_code, answered.json()["awaiting"]) == (200, [])
    with client.resume() as stream:
        events = list(stream.events())
    assert events[0] == {"type": "tool_result", "call_id": waiting, "name": "ShowMap", "result": {"shown": True}}
    assert text_of(events) == "There it is."
    offered = [tool["function"]["name"] for tool in provider.requests(text)[-1].body["tools"]]
    assert offered == ["Pay", "Add", "Repeat", "Countdown", "ShowMap"]


def test_only_the_right_answer_of_who_may_counts_and_a_retry_attaches(client, asked, webs, redis):
    """Refusals in words change nothing; then the same request twice is one turn."""
    _, _, (waiting,) = asked
    other_key = ApiKeys(Store(redis, Settings())).issue(("titled",), "stranger")
    yes = {"answers": [{"call_id": waiting, "approve": True}]}
    refusals = [
        (Client(webs[1], None, client.session_id), yes, 401),
        (Client(webs[1], other_key, client.session_id), yes, 403),
        (client, {"answers": []}, 400),
        (client, {"answers": [{"call_id": waiting}]}, 400),
        (client, {"answers": [{"call_id": waiting, "result": "x" * 70_000}]}, 400),
        (client, {"answers": [{"call_id": waiting, "result": 1}]}, 400),
        (client, {"answers": [{"call_id": waiting, "approve": True, "args": "no object"}]}, 400),
        (client, yes | {"text": "and a message"}, 400),
        (client, yes | {"thread_id": "thread_unknown"}, 404),
        (client, {"answers": [{"call_id": "nobody", "approve": True}]}, 404),
        (Client(webs[0], client.headers["X-API-Key"]), yes, 404),
        (client, {"text": "hello", "tools": [{"name": "GetTokenPrice"}]}, 400),
    ]
    for who, body, status in refusals:
        for path in ("/api/chat", "/api/control/answer")[: 2 if "text" not in body else 1]:
            answered = who.post(path, json=body, params={"session_id": who.session_id})
            assert (answered.status_code, bool(answered.json()["error"])) == (status, True), (path, body)
    assert [call["call_id"] for call in client.state()["pending"]] == [waiting]

    key = {"Idempotency-Key": "once"}
    first, again = (answer(client, *yes["answers"], headers=key, url=url) for url in webs)
    assert first == again
    assert first[0]["result"] == {"paid": 500, "to": "Bob"}
    assert client.post("/api/chat", json=yes).status_code == 409


def test_a_stop_and_edited_arguments_that_do_not_fit_end_cleanly(client, provider):
    text = provider.script("pay twice", [Calls([PAY])], [Calls([PAY])], [Text(["I see."])])
    (first,) = client.ask(text, app="asking")[-1]["awaiting"]
    wrong = answer(client, {"call_id": first, "approve": True, "args": {"amount": "much"}})
    assert "Invalid arguments for Pay" in wrong[0]["result"]["error"]
    (second,) = wrong[-1]["awaiting"]  # the turn that goes on asks again
    assert client.interrupt()
    assert (client.state()["status"], client.state()["pending"]) == ("interrupted", [])
    assert client.post("/api/chat", json={"answers": [{"call_id": second, "approve": True}]}).status_code == 409
    assert text_of(client.ask(text, app="asking")) == "I see."
    results = [message["content"] for message in provider.requests(text)[-1].messages if message["role"] == "tool"]
    assert results[-1] == '{"error":"interrupted"}'


def test_an_answer_is_for_one_call_of_a_numbering_model_and_needs_a_key_for_its_turn_alone(client, provider, redis):
    numbered = Calls([PAY], ids="call_1")
    text = provider.script("pay, numbered", [numbered], [numbered], [Text(["Paid."])])
    assert client.ask(text, app="asking")[-1]["awaiting"] == ["call_1"]
    with client.streaming("POST", "/api/chat", params={"app": "asking"}, json={"regenerate": True}) as stream:
        (waiting,) = list(stream.events())[-1]["awaiting"]
    old = client.post("/api/chat", json={"answers": [{"call_id": "call_1", "approve": True}]})
    assert (old.status_code, [call["call_id"] for call in client.state()["pending"]]) == (409, [waiting])

    chosen = client.post(f"/api/control/app?session_id={client.session_id}", json={"app": "titled"})
    assert chosen.status_code == 200
    stranger, own = (ApiKeys(Store(redis, Settings())).issue((app,), app) for app in ("titled", "asking"))
    yes = {"answers": [{"call_id": waiting, "approve": True}]}
    for path in ("/api/chat", "/api/control/answer"):
        refused = Client(client.url, stranger, client.session_id).post(
            f"{path}?session_id={client.session_id}", json=yes
        )
        assert refused.status_code == 403
    assert text_of(answer(Client(client.url, own, client.session_id), *yes["answers"])) == "Paid."


def test_a_multi_step_tool_that_was_approved_goes_on_as_ever_and_gen_1_is_told(client, provider, key):
    text = provider.script("count with approval", [Calls([("Countdown", {"n": 2})])], [Text(["It counts."])])
    (waiting,) = client.ask(text, app="asking")[-1]["awaiting"]
    gen1 = Gen1(client.url, key)
    gen1.header = {"X-Session-Id": client.session_id}
    assert said(gen1.poll())[-1] == ("agent", "(This waits for an approval: Countdown)")
    events = answer(client, {"call_id": waiting, "approve": True})
    first = {"type": "tool_result", "call_id": waiting, "name": "Countdown", "result": {"left": 2}, "done": False}
    assert events[0] == first
    until(lambda: client.state()["messages"][-1]["role"] == "tool", what="the last step")
    call, *_, step = client.state()["messages"][1:]
    assert call["tool_results"][0]["result"] == {"left": 2}
    assert step["tool_results"][0] == {"call_id": waiting, "name": "Countdown", "result": {"left": 1}, "done": True}


@pytest.mark.long
def test_the_answer_comes_after_worker_web_and_redis_were_killed(tmp_path, backend, provider):
    redis = AppendOnlyRedis(tmp_path)
    site = Backend(tmp_path, redis.url, backend.environment | {"REDIS_URL": redis.url})
    try:
        until(lambda: answers(redis.port), what="redis-server")
        key = ApiKeys(Store(redis_py.Redis.from_url(redis.url), Settings())).issue(("*",), "tests")
        text = provider.script("pay after a crash", [Calls([PAY])], [Text(["Done."])])
        site.worker()
        client = Client(site.web()[1], key)
        (waiting,) = client.ask(text, app="asking")[-1]["awaiting"]
        for process in site.processes:
            process.kill()
        redis.stop(signal.SIGKILL)
        redis.start()
        until(lambda: answers(redis.port), what="redis-server")
        client.url = site.web()[1]
        assert client.state()["pending"][0]["call_id"] == waiting
        body = {"answers": [{"call_id": waiting, "approve": True}]}
        assert client.post("/api/control/answer", json=body).status_code == 200  # no worker is there
        site.worker()
        with client.resume() as stream:
            events = list(stream.events())
        assert events[0]["result"] == {"paid": 500, "to": "Bob"}
        assert (text_of(events), events[-1]) == ("Done.", {"type": "complete"})
    finally:
        for process in site.processes:
            process.kill()
        redis.stop()
