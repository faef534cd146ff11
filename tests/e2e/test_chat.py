"""A message and the stream of its answer, over real HTTP, through a real worker."""

from __future__ import annotations

import re
import threading
import time
from pathlib import Path

import pytest

from tests.support.backend import until
from tests.support.client import kinds, text_of
from tests.support.patience import meanwhile, patient
from tests.support.servers import Calls, Cut, End, Fail, Held, Silence, StepwiseText, Text


def test_the_reference_question_gives_the_reference_sequence(client):
    with client.chat("What is the current price of ETH?") as stream:
        events = list(stream.events())
    assert kinds(events) == ["text", "tool_call", "tool_result", "text", "complete"]
    call, result = (next(e for e in events if e["type"] == kind) for kind in ("tool_call", "tool_result"))
    assert call == {"type": "tool_call", "name": "GetTokenPrice", "call_id": "call_1", "args": {"symbol": "ETH"}}
    assert result == {
        "type": "tool_result",
        "call_id": "call_1",
        "name": "GetTokenPrice",
        "result": {"price": 3500.0},
    }
    assert text_of(events) == "The current price of ETH is $3,500.00."
    assert events[-1] == {"type": "complete"}


def test_frames_are_exactly_data_json_and_two_newlines(client):
    with client.chat("remember 42") as stream:
        list(stream.events())
    frames = stream.raw.split(b"\n\n")
    assert frames.pop() == b""
    assert frames[0].startswith(b": ")
    for frame in frames:
        assert re.fullmatch(rb'data: \{"type":"[a-z_]+".*\}|: .*', frame), frame
    assert stream.ids == []


def test_headers_keep_proxies_from_buffering_and_name_the_way_back(client):
    with client.chat("hello") as stream:
        events = list(stream.events())
    assert stream.headers["content-type"].startswith("text/event-stream")
    assert stream.headers["cache-control"] == "no-cache, no-transform"
    assert stream.headers["x-accel-buffering"] == "no"
    with client.streaming("GET", stream.headers["location"]) as again:
        assert list(again.events()) == events


def test_text_streams_as_the_provider_sends_it(client, provider):
    """Each piece is read before the provider sends the next one."""
    pieces = StepwiseText(["one ", "two ", "three"])
    text = provider.script("stream slowly", pieces.answer)
    with client.chat(text, app="scripted") as stream:
        for piece in ("one ", "two ", "three"):
            pieces.send()
            assert stream.next()["content"] == piece
        assert list(stream.events()) == [{"type": "complete"}]


def test_the_model_sees_preamble_state_history_and_question(client, provider):
    provider.script("first", [Text(["one"])])
    provider.script("second", [Text(["two"])])
    client.ask("first", app="scripted", user_state={"chain_id": 5})
    client.ask("second", app="scripted")
    (seen,) = provider.requests("second")
    system, *rest = seen.messages
    assert system["role"] == "system"
    assert "Be brief." in system["content"]
    assert '"chain_id":5' in system["content"]
    assert rest == [
        {"role": "user", "content": "first"},
        {"role": "assistant", "content": "one"},
        {"role": "user", "content": "second"},
    ]


def test_parallel_calls_run_in_parallel_and_each_result_names_its_call(client, provider, price_api):
    calls = Calls([("GetTokenPrice", {"symbol": "ETH"}), ("GetTokenPrice", {"symbol": "BTC"})])
    text = provider.script("two prices", [Text(["Let me see. "]), calls], [Text(["Done."])])
    price_api.gate.clear()
    price_api.most_at_once = 0
    with client.chat(text, app="scripted") as stream:
        first = [stream.next("tool_call"), stream.next("tool_call")]
        until(lambda: price_api.most_at_once == 2, what="both calls at once")
        price_api.gate.set()
        rest = list(stream.events())
    assert [e["type"] for e in rest] == ["tool_result", "tool_result", "text", "complete"]
    assert {e["call_id"]: e["result"] for e in rest[:2]} == {
        first[0]["call_id"]: {"price": 3500.0},
        first[1]["call_id"]: {"price": 97000.5},
    }
    again = provider.requests(text)[1].messages
    assert [m["role"] for m in again[-4:]] == ["user", "assistant", "tool", "tool"]
    assert [c["id"] for c in again[-3]["tool_calls"]] == [m["tool_call_id"] for m in again[-2:]]


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (("Add", {"b": 2}), "a: Field required"),
        (("Add", {"a": "x"}), "a: Input should be a valid integer"),
        (("Add", '{"a": '), "not a JSON object"),
        (("Missing", {}), "no tool 'Missing'"),
        (("Explode", {}), "The tool Explode failed"),
        (("Large", {}), "at most 65,536"),
        (("Deep", {}), "nested too deeply"),
        (("Wei", '{"amount": ' + "[" * 300 + "]" * 300 + "}"), "not a JSON object"),
        (("GetTokenPrice", {"symbol": "NOPE"}), "no token 'NOPE'"),
    ],
)
def test_a_tool_that_fails_is_a_result_to_the_model_and_the_turn_goes_on(client, provider, call, error):
    text = provider.script(f"fail {call[0]} {call[1]}", [Calls([call])], [Text(["So be it."])])
    events = client.ask(text, app="scripted")
    assert kinds(events) == ["tool_call", "tool_result", "text", "complete"]
    assert error in events[1]["result"]["error"]
    assert "secret" not in str(events)


@pytest.mark.parametrize(
    ("answer", "code", "retryable", "message"),
    [
        ([Fail(500)], "provider_error", True, "failed to answer"),
        ([Fail(401)], "provider_error", False, "did not accept the API key"),
        ([Fail(429)], "provider_error", True, "busy"),
        ([Fail(400)], "provider_error", False, "did not accept the request"),
        ([Text(["half a ", "sentence"]), Cut()], "provider_error", True, "broke off"),
        ([Text(["half a ", "sentence"]), End()], "provider_error", True, "broke off"),
    ],
)
def test_a_provider_that_fails_ends_the_turn_with_one_error_fit_for_users(
    client, provider, answer, code, retryable, message
):
    text = provider.script(f"provider {answer}", answer)
    events = client.ask(text, app="scripted")
    error = events[-1]
    assert (error["type"], error["code"], error["retryable"]) == ("error", code, retryable)
    assert message in error["message"]
    assert "secret body" not in str(events)
    assert "127.0.0.1" not in str(events)
    assert [e["type"] for e in events].count("error") == 1
    state = client.state()
    assert state["status"] == "idle"
    assert "".join(m["content"] for m in state["messages"][1:]) == text_of(events)


def test_a_turn_that_only_calls_tools_is_given_up_after_sixteen_model_calls(client, provider):
    text = provider.script("for ever", [Calls([("Add", {"a": 1})])])
    events = client.ask(text, app="scripted")
    assert events[-1]["code"] == "tool_rounds_exceeded"
    assert len(provider.requests(text)) == 16


def test_a_second_message_waits_for_the_first_and_runs_after_it(client, provider):
    asked = threading.Event()
    provider.script("slow one", [Text(["a"]), Held(asked), Text(["b"])])
    provider.script("next one", [Text(["c"])])
    with client.chat("slow one", app="scripted") as first:
        first.next("text")
        with client.chat("next one", app="scripted") as second:
            assert [m["content"] for m in client.state()["messages"] if m["role"] == "user"] == ["slow one", "next one"]
            asked.set()
            assert kinds(list(first.events())) == ["text", "complete"]
            assert kinds(list(second.events())) == ["text", "complete"]
    roles = [(m["role"], m["content"]) for m in client.state()["messages"]]
    assert roles == [("user", "slow one"), ("assistant", "ab"), ("user", "next one"), ("assistant", "c")]
    assert len(provider.requests("next one")[0].messages) == 4


def test_a_busy_session_rejects_when_asked_to(client, provider):
    provider.script("busy", [Text(["a"]), Silence()])
    with client.chat("busy", app="scripted") as stream:
        stream.next("text")
        answer = client.post("/api/chat", json={"text": "no", "on_busy": "reject"})
        assert answer.status_code == 409
        assert "busy" in answer.json()["error"]
        assert client.interrupt()
    assert [m["content"] for m in client.state()["messages"] if m["role"] == "user"] == ["busy"]


def test_on_busy_interrupt_stops_the_running_turn_keeps_its_text_and_runs_next(client, provider):
    provider.script("long", [Text(["partial "]), Silence()])
    provider.script("instead", [Text(["done"])])
    with client.chat("long", app="scripted") as first:
        first.next("text")
        events = client.ask("instead", app="scripted", on_busy="interrupt")
        assert list(first.events()) == [{"type": "complete", "interrupted": True}]
    assert kinds(events) == ["text", "complete"]
    assert [m["content"] for m in client.state()["messages"]] == ["long", "partial ", "instead", "done"]


def test_the_ninth_waiting_message_is_refused_and_nothing_of_it_stays(client, provider):
    provider.script("hold", [Text(["a"]), Silence()])
    with client.chat("hold", app="scripted") as stream:
        stream.next("text")
        waiting = [client.chat(f"waiting {n}") for n in range(8)]
        for one in waiting:
            one.__enter__()
        refused = client.post("/api/chat", json={"text": "one too many"})
        assert refused.status_code == 429
        assert int(refused.headers["retry-after"]) > 0
        assert "one too many" not in str(client.state())
        client.request("DELETE", f"/api/sessions/{client.session_id}")
        for one in waiting:
            one.__exit__(None, None, None)


def test_hanging_up_does_not_stop_the_turn(client, provider):
    left = threading.Event()
    text = provider.script("hang up", [Text(["a"]), Held(left), Text(["b", "c"])])
    with client.chat(text, app="scripted") as stream:
        stream.next("text")
    left.set()
    with client.resume() as again:
        assert text_of(list(again.events())) == "abc"
    assert provider.requests(text)[0].finished.wait(patient(10))
    assert not provider.requests(text)[0].hung_up.is_set()


def test_a_silent_stream_gets_comments(client, provider):
    commented = threading.Event()

    def see_comments() -> None:
        until(lambda: stream.raw.count(b": keep-alive\n\n") >= 2, what="two comments")
        commented.set()

    text = provider.script("silent for a while", [Held(commented), Text(["at last"])])
    with client.chat(text, app="scripted") as stream, meanwhile(see_comments):
        assert text_of(list(stream.events())) == "at last"


def test_a_model_for_one_turn_is_taken_from_the_body(client, provider):
    text = provider.script("for one turn", [Text(["yes"])])
    assert text_of(client.ask(text, model="scripted")) == "yes"
    assert client.state()["model"] == "demo"
    assert client.post("/api/chat", json={"text": "x", "model": "nope"}).status_code == 400


def test_an_amount_in_wei_stays_exact_all_the_way(client, provider):
    amount = 123456789012345678901234567890
    text = provider.script("wei", [Calls([("Wei", {"amount": amount})])], [Text(["ok"])])
    events = client.ask(text, app="scripted")
    assert (events[0]["args"], events[1]["result"]) == ({"amount": amount}, {"wei": amount})
    provider.script("and then", [Text(["ok"])])
    client.ask("and then", app="scripted")
    told = provider.requests("and then")[0].messages
    assert told[2]["tool_calls"][0]["function"]["arguments"] == f'{{"amount":{amount}}}'
    assert told[3]["content"] == f'{{"wei":{amount}}}'
    assert client.state()["messages"][1]["tool_results"][0]["result"] == {"wei": amount}


def test_a_character_that_comes_in_two_halves_is_put_together(client, provider):
    text = provider.script("halves", [Text(["fox: \ud83e", "\udd8a!", " alone: \ud83e", " end"])])
    assert text_of(client.ask(text, app="scripted")) == "fox: 🦊! alone: \ufffd end"


def test_a_provider_that_repeats_its_call_ids_does_not_mix_up_two_calls(client, provider):
    for text in ("once", "twice"):
        provider.script(text, [Calls([("Add", {"a": 1})], ids="call_0")], [Text(["ok"])])
        client.ask(text, app="scripted")
    first, second = (m for m in client.state()["messages"] if m.get("tool_calls"))
    assert first["tool_calls"][0]["call_id"] == "call_0"
    assert second["tool_calls"][0]["call_id"] != "call_0"


def test_history_beyond_the_models_window_drops_the_oldest_turns(client, provider):
    provider.script("old " + "word " * 100, [Text(["old answer"])])
    provider.script("recent", [Text(["recent answer"])])
    provider.script("now", [Text(["ok"])])
    for text in ("old " + "word " * 100, "recent"):
        client.ask(text, app="scripted")
    client.ask("now", app="scripted", model="small")
    contents = [m["content"] for m in provider.requests("now")[-1].messages]
    assert "old" not in str(contents)
    assert contents[-1] == "now"


def test_the_provider_gets_its_key_and_nothing_else_does(client, provider, worker):
    text = provider.script("with key", [Fail(500)])
    client.ask(text, app="scripted")
    assert provider.requests(text)[0].key == "Bearer sk-test-provider-key"
    log = Path(worker).read_text()
    assert "sk-test-provider-key" not in log
    assert "secret body" not in log
    assert client.session_id not in log


@pytest.mark.parametrize("text", ["ünïcode 🦊 text", "line\nbreaks\r\nand\ttabs", "data: {}", "null\u0000byte"])
def test_any_text_survives(client, provider, text):
    provider.script(text, [Text([text[:3], text[3:]])])
    assert text_of(client.ask(text, app="scripted")) == text
    assert [m["content"] for m in client.state()["messages"]] == [text, text]


def test_a_provider_that_stalls_is_told_of_and_then_given_up(backend, client, provider, figure):
    noticed = float(backend.environment["AOMI_STALL_TIMEOUT"]) / 3
    text = provider.script("stalls", [Text(["before"]), Silence()])
    with client.updates() as updates:
        began = time.monotonic()
        events = client.ask(text, app="scripted")
        figure(time.monotonic() - began)
        assert f"silent for {round(noticed, 1):g} seconds" in updates.next("system_notice")["message"]
    assert kinds(events) == ["text", "error"]
    assert (events[1]["code"], events[1]["retryable"]) == ("provider_stalled", True)
    assert provider.requests(text)[0].hung_up.wait(patient(10))


def test_a_provider_that_fails_before_the_first_token_is_asked_again(client, provider):
    text = provider.script("flaky, then well", [Fail(500)], [Fail(429)], [Text(["third time"])])
    events = client.ask(text, app="scripted")
    assert [e.get("content", e["type"]) for e in events] == ["third time", "complete"]
    assert len(provider.requests(text)) == 3


def test_the_apps_fallback_is_asked_when_a_model_fails_for_good(client, provider):
    text = provider.script("fall back", [Fail(401)], [Text(["from the other one"])])
    assert text_of(client.ask(text, app="scripted")) == "from the other one"
    assert len(provider.requests(text)) == 2


def test_a_provider_that_breaks_off_is_not_asked_again(client, provider):
    text = provider.script("broken off", [Text(["half"]), Cut()], [Text(["a second answer"])])
    events = client.ask(text, app="scripted")
    assert kinds(events) == ["text", "error"]
    assert len(provider.requests(text)) == 1
