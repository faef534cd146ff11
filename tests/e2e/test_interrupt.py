"""Stopping a turn: from any web process, in every phase of it, at once, and never the next one."""

from __future__ import annotations

import signal
import threading
import time

import pytest

from tests.support.backend import until
from tests.support.client import kinds, text_of
from tests.support.patience import kept, patient
from tests.support.servers import Calls, Silence, Text

AT_ONCE = 0.3


@pytest.mark.parametrize(
    ("phase", "answer", "said"),
    [
        ("silent before the first token", [Silence()], ""),
        ("silent in the middle", [Text(["some "]), Silence()], "some "),
        ("flowing", [Text(["x "] * 4000, pause=0.02)], "x "),
    ],
)
def test_a_running_turn_ends_at_once_and_the_provider_is_left(client, webs, provider, figure, phase, answer, said):
    text = provider.script(phase, answer)

    def stop() -> float:
        known = len(provider.requests(text))
        with client.chat(text, app="scripted") as stream:
            if said:
                assert stream.next("text")["content"].startswith(said)
            until(lambda: len(provider.requests(text)) > known)
            asked = time.monotonic()
            assert client.interrupt(url=webs[1])
            rest = list(stream.events())
            took = time.monotonic() - asked
        assert rest[-1] == {"type": "complete", "interrupted": True}
        assert provider.requests(text)[-1].hung_up.wait(patient(10))
        assert client.state()["status"] == "interrupted"
        return took

    kept(AT_ONCE, stop, figure)


def test_a_stop_after_long_silence_arrives_as_fast(client, webs, provider, figure):
    """redis-py closes a connection that was silent for 5 s unless it is told not to: here that of stops."""
    text = provider.script("long silence", [Text(["a", "b", "c", "d"], pause=2), Silence()])

    def stop() -> float:
        with client.chat(text, app="scripted") as stream:
            stream.until_text("d")
            asked = time.monotonic()
            assert client.interrupt(url=webs[1])
            assert list(stream.events()) == [{"type": "complete", "interrupted": True}]
            took = time.monotonic() - asked
        assert provider.requests(text)[-1].hung_up.wait(patient(10))
        return took

    kept(AT_ONCE, stop, figure)


def test_a_stop_never_hits_the_turn_that_follows(client, webs, provider):
    """Stops come thick and fast while one turn ends by itself and the next begins: each ends its own."""
    for attempt in range(5):
        provider.script(f"ends {attempt}", [Text(["a"], pause=0.02)])
        provider.script(f"follows {attempt}", [Text(["b"], pause=0.02)])
        ends, follows = f"ends {attempt}", f"follows {attempt}"
        with client.chat(ends, app="scripted") as first, client.chat(follows, app="scripted") as second:
            stops = [client.interrupt(url=webs[n % 2]) for n in range(2)]
            ended = [list(first.events())[-1], list(second.events())[-1]]
        assert sum(end.get("interrupted", False) for end in ended) == sum(stops)


def test_the_partial_text_stays_and_the_model_sees_it_next_time(client, provider):
    provider.script("begin", [Text(["half an answer"]), Silence()])
    provider.script("go on", [Text(["the rest"])])
    with client.chat("begin", app="scripted") as stream:
        stream.next("text")
        client.interrupt()
        list(stream.events())
    asked, said = client.state()["messages"]
    assert said | {"id": "", "created_at": ""} == {
        "id": "",
        "role": "assistant",
        "content": "half an answer",
        "created_at": "",
        "interrupted": True,
        "parent_id": asked["id"],
    }
    client.ask("go on", app="scripted")
    assert {"role": "assistant", "content": "half an answer"} in provider.requests("go on")[0].messages
    assert client.state()["status"] == "idle"


def test_an_open_tool_call_gets_an_interrupted_result_so_that_the_next_call_is_valid(client, provider, price_api):
    text = provider.script("price, stop", [Calls([("GetTokenPrice", {"symbol": "ETH"})])])
    provider.script("after it", [Text(["fine"])])
    price_api.gate.clear()
    with client.chat(text, app="scripted") as stream:
        call = stream.next("tool_call")
        client.interrupt()
        rest = list(stream.events())
    price_api.gate.set()
    assert rest == [
        {
            "type": "tool_result",
            "call_id": call["call_id"],
            "name": "GetTokenPrice",
            "result": {"error": "interrupted"},
        },
        {"type": "complete", "interrupted": True},
    ]
    client.ask("after it", app="scripted")
    roles = [message["role"] for message in provider.requests("after it")[0].messages]
    assert roles == ["system", "user", "assistant", "tool", "user"]


def test_nothing_to_stop_is_false_and_an_unknown_session_404(client):
    assert client.post("/api/interrupt", params={"session_id": client.session_id}).status_code == 404
    client.ask("remember 1")
    assert client.interrupt() is False
    assert client.state()["status"] == "idle"


def test_only_the_current_turn_is_hit_the_waiting_one_runs(client, provider):
    provider.script("stop me", [Silence()])
    provider.script("not me", [Text(["unharmed"])])
    with client.chat("stop me", app="scripted") as first, client.chat("not me", app="scripted") as second:
        assert client.interrupt()
        assert kinds(list(first.events())) == ["complete"]
        assert text_of(list(second.events())) == "unharmed"


def test_a_turn_that_no_worker_has_taken_is_stopped_too(backend, webs, client, provider, redis):
    text = provider.script("taken by no worker", [Text(["never"])])
    worker_pids = [process for process in backend.processes if "worker" in process.output.name and process.alive]
    for process in worker_pids:
        process.send(signal.SIGSTOP)
    until(lambda: not redis.info("clients")["blocked_clients"], what="the end of the last wait for a job")

    def stop() -> float:
        with client.chat(text, app="scripted") as stream:
            asked = time.monotonic()
            assert client.interrupt(url=webs[1])
            assert list(stream.events()) == [{"type": "complete", "interrupted": True}]
            return time.monotonic() - asked

    try:
        kept(AT_ONCE, stop)
    finally:
        for process in worker_pids:
            process.send(signal.SIGCONT)
    client.ask("remember 2")
    assert provider.requests(text) == []


def test_many_stops_at_the_same_moment_stop_once(client, webs, provider):
    text = provider.script("race", [Text(["a"]), Silence()])
    answers: list[bool] = []
    with client.chat(text, app="scripted") as stream:
        stream.next("text")
        threads = [
            threading.Thread(target=lambda url=webs[n % 2]: answers.append(client.interrupt(url=url))) for n in range(8)
        ]
        for thread in threads:
            thread.start()
        events = list(stream.events())
        for thread in threads:
            thread.join()
    assert kinds(events) == ["complete"]
    assert answers.count(True) == 1


def test_a_stop_at_the_natural_end_gives_exactly_one_end(client, provider):
    for attempt in range(10):
        text = provider.script(f"ends now {attempt}", [Text(["a"])])
        with client.chat(text, app="scripted") as stream:
            stream.next("text")
            stopped = client.interrupt()
            events = list(stream.events())
        terminal = {"type": "complete", "interrupted": True} if stopped else {"type": "complete"}
        assert events == [terminal]
