"""`aomi inspect`, against turns that were really run."""

from __future__ import annotations

import json
import re
import threading
import uuid

import pytest

from app.state import redis_keys
from tests.support import commands
from tests.support.backend import free_port, until
from tests.support.client import Client
from tests.support.servers import Calls, Fail, Held, Silence, Text, Until

LONG = Until(threading.Event())
"""An answer that is there until it is stopped."""


@pytest.fixture
def inspect(backend):
    """Runs `aomi inspect`; returns what it printed."""

    def run(*args, code=0, **environment):
        ran = commands.aomi("inspect", *args, environment=backend.environment | environment)
        assert ran.returncode == code, ran.stderr
        assert "Traceback" not in ran.stderr
        return ran.stdout if code == 0 else ran.stderr

    return run


@pytest.fixture
def read(inspect):
    """The same as JSON."""
    return lambda *args: json.loads(inspect(*args, "--json"))


def everything(redis, client):
    """The values of a session's keys."""
    reading = {
        b"hash": redis.hgetall,
        b"stream": redis.xrange,
        b"list": lambda name: redis.lrange(name, 0, -1),
        b"zset": lambda name: redis.zrange(name, 0, -1, withscores=True),
    }
    return {name: reading[redis.type(name)](name) for name in redis.scan_iter(f"*{client.session_id}*")}


def last_run(redis, client):
    return redis.hget(redis_keys.session(client.session_id), "last_run").decode()


def test_the_timeline_of_a_turn_has_its_tools_and_where_the_time_went(client, provider, redis, read):
    calls = [("Countdown", {"n": 3, "every": 0.3}), ("Explode", {})]
    stepped = threading.Event()
    text = provider.script("a timeline", [Silence(0.3), Calls(calls)], [Held(stepped), Text(["a", "b", "c"])])
    with client.chat(text, app="scripted") as stream:
        for _ in range(2):
            stream.next("async_tool_result")
        stepped.set()
        assert stream.next("complete")
    found = read("turn", last_run(redis, client))
    whole, moments = found["turn"], found["moments"]
    assert (whole["status"], whole["model"], whole["session"]) == ("complete", "scripted", client.session_id[:8])
    assert 0.3 <= whole["first_s"] <= whole["whole_s"]
    assert whole["whole_s"] >= 0.9
    events = [(moment["event"], moment["tool"]) for moment in moments]
    assert events[:5] == [
        ("queued", ""),
        ("started", ""),
        ("first event", ""),
        ("tool_call", "Countdown"),
        ("tool_call", "Explode"),
    ]
    assert sorted(events[5:7]) == [("tool_result", "Countdown"), ("tool_result", "Explode")]
    assert events[7:] == [("async_tool_result", "Countdown")] * 2 + [("complete", "")]
    times = [moment["after_s"] for moment in moments]
    assert times == sorted(times)
    steps = [moment["took_s"] for moment in moments if moment["event"] == "async_tool_result"]
    assert 0.3 < sum(steps) <= times[-1]  # the second may catch up with the first
    (failed,) = [moment["detail"] for moment in moments if moment["detail"].startswith("error")]
    assert "secret" not in failed


def test_the_timeline_is_a_table_for_people(client, redis, inspect):
    client.ask("What is the current price of ETH?")
    run = last_run(redis, client)
    shown = inspect("turn", run[:16])
    assert re.search(rf"^run +{run[:12]}$", shown, re.MULTILINE)
    assert re.search(r"^after +took +event +tool +call +detail$", shown, re.MULTILINE)
    assert re.search(r"^\d\.\d{3} s +\d\.\d{3} s +tool_result +GetTokenPrice +call_1$", shown, re.MULTILINE)
    assert client.session_id not in shown
    assert client.session_id in inspect("turn", run, "--full")


def test_the_timeline_of_a_turn_that_waits_has_its_beginning_alone(client, provider, redis, read):
    text = provider.script("one that blocks", [LONG])
    with client.chat(text, app="scripted") as first:
        first.next("text")
        with client.chat("waits") as second:
            location = second.headers["Location"]
            run = location.partition("run_id=")[2]
            waiting = read("turn", run)
            client.interrupt()
            list(second.events())
    assert (waiting["turn"]["status"], waiting["turn"]["waited_s"]) == ("waiting", None)
    assert [moment["event"] for moment in waiting["moments"]] == ["queued"]
    assert read("turn", last_run(redis, client))["turn"]["status"] == "complete"


def test_a_failed_turn_says_why(client, provider, redis, inspect):
    client.ask(provider.script("fails under inspection", [Fail(400)]), app="scripted")
    assert re.search(r"error +provider_error: ", inspect("turn", last_run(redis, client)))


def test_sessions_show_the_last_used_first_and_eight_characters(client, inspect, read):
    title = f"\x1b[31mred {uuid.uuid4().hex[:6]}"
    client.post("/api/sessions", json={"title": title})
    client.ask("remember 1")
    shown = inspect("sessions", "--limit", "1")
    assert client.session_id[:8] in shown
    assert client.session_id not in shown
    assert title.replace("\x1b", "␛") in shown
    assert read("sessions", "--full")[0]["session"] == client.session_id


def test_a_session_is_named_by_its_beginning_and_shows_its_turns(client, inspect, read):
    client.ask("remember 1")
    client.ask("remember 2")
    found = read("session", client.session_id[:8])
    assert [turn["status"] for turn in found["turns"]] == ["complete", "complete"]
    assert found["session"]["title"] == "remember 1"
    assert inspect("session", client.session_id).count("complete") == 2


def test_open_turns_jobs_and_workers_are_seen_while_they_are_there(client, provider, inspect, read):
    text = provider.script("seen while it runs", [LONG])
    with client.chat(text, app="scripted") as stream, client.chat("waits here"):
        stream.next("text")
        mine = [turn for turn in read("turns") if turn["session"] == client.session_id[:8]]
        assert [turn["status"] for turn in mine] == ["waiting", "running"]
        assert all(turn["lease_s"] > -1 for turn in mine)
        jobs = [job for job in read("queue") if job["job"] == mine[1]["run"]]
        assert [(job["queue"], job["state"], job["does"]) for job in jobs] == [("turns", "running", "run_turn")]
        workers = read("workers")
        assert {worker["queue"] for worker in workers} == {"turns", "background"}
        assert sum(worker["running"] for worker in workers if worker["queue"] == "turns") >= 1
        overview = read()
        assert overview["turns"]["running"] >= 1
        assert overview["turns"]["waiting"] >= 1
        assert overview["queues"][0]["workers"] >= 1
        for table in ((), ("turns",), ("queue",), ("workers",)):
            assert "run" in inspect(*table)
            assert client.session_id not in inspect(*table)
        client.interrupt()
    until(lambda: client.state()["status"] == "idle")
    assert mine[1]["run"] in [turn["run"] for turn in read("turns", "--ended", "--limit", "10000")]


def test_looking_changes_nothing(client, redis, inspect):
    client.ask("remember 1")
    run = last_run(redis, client)
    until(lambda: redis.exists(f"session:{{{client.session_id}}}:usage"), what="the usage of the turn")
    before = everything(redis, client)
    for args in (
        (),
        ("sessions",),
        ("session", client.session_id),
        ("turns", "--ended"),
        ("turn", run),
        ("queue",),
        ("answers",),
    ):
        inspect(*args)
    assert everything(redis, client) == before


def test_an_empty_redis_is_said_in_words(inspect, backend):
    empty = backend.redis_url.replace("/0", "/9")
    assert "No worker takes jobs" in inspect(REDIS_URL=empty)
    assert inspect("sessions", REDIS_URL=empty) == "There are no sessions.\n"
    assert "No turn is open" in inspect("turns", REDIS_URL=empty)
    assert "No worker takes jobs" in inspect("workers", REDIS_URL=empty)
    assert inspect("queue", REDIS_URL=empty).startswith("No job")
    assert inspect("answers", REDIS_URL=empty) == "No call waits for a person.\n"


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("session", "00000000-0000"), "There is no session"),
        (("session", "*"), "not a session id"),
        (("turn", "run_0000000000"), "There is no turn"),
        (("turn", "nonsense"), "not a turn id"),
    ],
)
def test_a_mistake_says_what_would_be_right(args, words, inspect):
    failed = inspect(*args, code=2)
    assert words in failed
    assert "aomi inspect" in failed


def test_a_beginning_of_several_ids_is_refused(webs, inspect):
    for last in "01":
        Client(webs[0], session_id=f"abcdef01-0000-4000-8000-00000000000{last}").post("/api/sessions")
    assert "2 ids" in inspect("session", "abcdef01", code=2)


def test_a_redis_that_is_away_is_said(inspect):
    assert "REDIS_URL" in inspect(code=2, REDIS_URL=f"redis://127.0.0.1:{free_port()}/0")
