"""What goes wrong inside, and what the user is told of it."""

from __future__ import annotations

import threading

import pytest

from app.config import Settings
from app.state.scripts import Store
from app.state.sessions import Sessions
from tests.support.backend import until
from tests.support.client import Client, kinds
from tests.support.servers import Calls, Fail, Held, Text
from workers.tools import prices


def test_an_unforeseen_fault_is_a_500_with_a_request_id_and_nothing_more(client, redis, backend):
    client.ask("remember 1")
    redis.hset(f"session:{{{client.session_id}}}", "user_state", "{secret broken json")
    answer = client.get("/api/state")
    assert answer.status_code == 500
    assert list(answer.json()) == ["error"]
    assert "secret" not in answer.text
    request_id = answer.json()["error"].split("request ")[1]
    assert any(request_id in process.log() for process in backend.processes)


def test_a_turn_that_breaks_inside_ends_with_an_error(client, redis):
    client.ask("remember 1")
    redis.hset(f"session:{{{client.session_id}}}", "user_state", "{secret broken json")
    (error,) = client.ask("remember 2")
    assert (error["type"], error["code"], error["retryable"]) == ("error", "internal", True)
    assert "secret" not in str(error)


@pytest.mark.parametrize(
    ("price", "words"),
    [("503", "status 503"), ("not a price", "cannot be read")],
)
def test_a_price_api_that_fails_is_told_in_plain_words(client, provider, price_api, price, words):
    price_api.prices["BAD"] = price
    text = provider.script(f"price {price}", [Calls([("GetTokenPrice", {"symbol": "BAD"})])], [Text(["Sorry."])])
    events = client.ask(text, app="scripted")
    assert words in events[1]["result"]["error"]
    assert "secret" not in str(events)


def test_a_tool_that_takes_too_long_is_a_result_to_the_model(backend, client, provider, price_api):
    text = provider.script("slow price", [Calls([("GetTokenPrice", {"symbol": "ETH"})])], [Text(["Sorry."])])
    price_api.gate.clear()
    try:
        events = client.ask(text, app="scripted")
    finally:
        price_api.gate.set()
    assert kinds(events) == ["tool_call", "tool_result", "text", "complete"]
    first_to_give_up = min(float(backend.environment["AOMI_TOOL_TIMEOUT"]), prices.TIMEOUT)
    assert f"within {first_to_give_up:g} seconds" in events[1]["result"]["error"]


def test_a_title_model_that_fails_leaves_the_first_words(client, provider, worker):
    text = provider.script("an untitled thread", [Fail(500)])
    client.ask(text, app="titled")
    until(lambda: provider.requests(text))
    assert client.state()["title"] == "an untitled thread"


def test_a_reader_is_not_left_hanging_when_its_turn_is_gone_from_redis(client, provider, redis):
    lost = threading.Event()
    text = provider.script("lost by redis", [Text(["a"]), Held(lost)])
    with client.chat(text, app="scripted") as stream:
        stream.next("text")
        redis.delete(*redis.scan_iter(f"session:{{{client.session_id}}}*"))
        lost.set()
        (event,) = stream.events()
    assert (event["type"], event["code"]) == ("error", "lost")


def test_a_turn_whose_thread_is_gone_asks_no_model_and_says_so(client, provider, redis, key):
    """As when a process dies between the deletion of a thread and the end of its turns."""
    release, other = threading.Event(), Client(client.url, key, client.session_id)
    text = provider.script("in the thread that stays", [Text(["a"]), Held(release)])
    unasked = provider.script("in the thread that goes", [Text(["b"])])
    with client.chat(text, app="scripted") as stream:
        stream.next("text")
        path = f"/api/sessions/{client.session_id}/threads"
        thread_id = client.post(path, json={}).json()["id"]
        with other.chat(unasked, app="scripted", thread_id=thread_id) as waiting:
            Sessions(Store(redis, Settings())).delete_thread(client.session_id, thread_id)
            release.set()
            (event,) = waiting.events()
    assert (event["type"], event["code"]) == ("error", "lost")
    assert provider.requests(unasked) == []


def test_an_update_stream_that_fell_behind_what_is_kept_says_so(client, redis):
    client.ask("remember 1")
    redis.xtrim(f"session:{{{client.session_id}}}:updates", maxlen=1, approximate=False)
    with client.updates(last_id="1") as updates:
        assert [updates.next()["type"] for _ in range(3)] == ["gap", "state", "state"]


def test_a_broken_user_state_or_an_unknown_app_makes_no_session(client):
    assert client.post("/api/sessions", json={"user_state": 5}).status_code == 400
    assert client.post("/api/sessions", json={"app": "nope"}).status_code == 400
    assert client.post("/api/sessions", json={"title": " "}).status_code == 400
    assert client.get(f"/api/sessions/{client.session_id}").status_code == 404
    assert client.post("/api/sessions", json={"user_state": {"chain_id": 1}, "app": "scripted"}).json()["created"]
    assert client.state()["user_state"] == {"chain_id": 1}
    assert client.http.get(f"{client.url}/api/sessions").status_code == 400
