"""Turns: accepted, begun, ended, each by one and once."""

from __future__ import annotations

import re

import pytest

from app.events import sse
from app.state import redis_keys, redis_schema
from app.state.scripts import Store
from app.state.tools.step_calls import StepToolCall, StepToolCalls
from app.state.turns.run_records import EventBatch
from app.state.turns.run_status import UNFINISHED
from app.state.turns.runs import RunStore
from app.state.turns.turn_requests import Principal
from tests.state.conftest import ALL, Repeated


@pytest.fixture(params=[Store, Repeated])
def runs(request, connection, settings) -> RunStore:
    return RunStore(request.param(connection, settings))


def begin(runs, session_id, said, text="hello", **more):
    """A running turn."""
    accepted = runs.start(session_id, said(text, **more))
    return runs.claim(session_id, accepted.run_id, "worker")


def end(runs, run, outcome="complete"):
    sealed = runs.seal(run.session_id, run.id, outcome, expect=UNFINISHED)
    return runs.settle(sealed, sse.complete(interrupted=outcome == "interrupted"))


def told(runs, run):
    return [sse.parse(entry.frame) for entry in runs.entries(run.session_id, run.id, 0)]


def test_a_first_message_makes_session_thread_and_run(runs, sessions, session_id, said):
    accepted = runs.start(session_id, said("What is up?", user_state={"a": 1}))
    assert accepted.outcome == "started"
    session = sessions.get(session_id)
    assert (session["run"], session["title"], session["user_state"]) == (accepted.run_id, "What is up?", '{"a":1}')
    (thread,) = sessions.threads(session_id, ALL).items
    assert (thread["id"], thread["title"]) == (accepted.thread_id, "What is up?")
    assert [m["content"] for m in sessions.histories.messages(session_id, accepted.thread_id)] == ["What is up?"]


def test_a_turn_is_begun_once(runs, session_id, said):
    accepted = runs.start(session_id, said())
    assert runs.claim(session_id, accepted.run_id, "one").message["content"] == "hello"
    assert runs.claim(session_id, accepted.run_id, "two") is None


def test_a_claim_that_a_dead_master_lost_gives_the_turn_to_one_worker_alone(runs, connection, session_id, said):
    accepted = runs.start(session_id, said())
    first = runs.claim(session_id, accepted.run_id, "one")
    connection.hset(f"session:{{{session_id}}}:run:{first.id}", "status", "queued")  # as the replica knew it
    second = runs.claim(session_id, first.id, "two")
    late, own = (EventBatch(session_id, run.id, 1, [sse.text(run.claim)], claim=run.claim) for run in (first, second))
    assert runs.append([late]) == [False]
    assert runs.append([own]) == [True]
    assert runs.seal(session_id, first.id, "complete", expect={"running"}, claim=first.claim) is None
    assert [message["content"] for message in runs.partial(second)] == [second.claim]
    assert runs.seal(session_id, first.id, "complete", expect={"running"}, claim=second.claim)


def test_a_turn_has_its_sessions_user_state_when_it_begins(runs, session_id, said):
    accepted = runs.start(session_id, said(user_state={"a": 1}))
    assert runs.get(session_id, accepted.run_id).user_state == {}
    assert runs.claim(session_id, accepted.run_id, "one").user_state == {"a": 1}
    assert begin(runs, "another", said).user_state == {}


def test_events_are_numbered_from_one_and_published_as_they_are_logged(runs, subscribe, session_id, said):
    run = begin(runs, session_id, said)
    feed = subscribe(f"session:{{{session_id}}}:run:{run.id}:log")
    assert runs.append([(session_id, run.id, 1, [sse.text("a"), sse.text("b")])]) == [True]
    assert [entry.number for entry in runs.entries(session_id, run.id, 0)] == [1, 2]
    assert [entry.number for entry in runs.entries(session_id, run.id, 1)] == [2]
    message = None
    while message is None or message["type"] != "message":
        message = feed.get_message(timeout=5)
    head, frames = message["data"].split(b"\n", 1)
    assert re.fullmatch(rb"1 2 text \d{4}-\d\d-\d\dT[\d:.]+Z", head)
    assert frames == sse.frame(sse.text("a")) + sse.frame(sse.text("b"))


def test_what_no_client_gets_is_published_by_itself(runs, subscribe, session_id, said):
    """A reader leaves it out by the head of its message."""
    run = begin(runs, session_id, said)
    listener = subscribe(redis_keys.log(session_id, run.id))
    thought = sse.kept_reasoning({"model": "m", "blocks": []})
    runs.append([(session_id, run.id, 1, [sse.text("a"), sse.text("b"), thought, sse.text("c"), sse.text("d")])])
    heads = [listener.get_message(timeout=1)["data"].split(b"\n")[0].split()[:3] for _ in range(3)]
    assert heads == [[b"1", b"2", b"text"], [b"3", b"3", b"reasoning"], [b"4", b"5", b"text"]]
    listener.close()


def test_a_refused_turn_is_noted_and_not_read_by_models(runs, sessions, session_id, said):
    run = begin(runs, session_id, said, text="bad")
    sealed = runs.seal(session_id, run.id, "error", expect=("running",))
    runs.settle(sealed, sse.error("Refused", "refused", False))
    begin(runs, session_id, said, text="good")
    assert [message["content"] for message in sessions.histories.messages(session_id, run.thread_id)] == ["good"]
    shown = sessions.histories.snapshot(session_id, run.thread_id).messages
    assert [message["content"] for message in shown if message["role"] == "user"] == ["bad", "good"]


def test_a_batch_that_is_sent_again_counts_once(runs, session_id, said):
    run = begin(runs, session_id, said)
    batch = [(session_id, run.id, 7, [sse.text("once")])]
    assert runs.append(batch) == runs.append(batch) == [True]
    assert told(runs, run) == [sse.text("once")]


def test_what_the_log_has_lost_is_noticed_and_takes_its_old_numbers_again(runs, connection, session_id, said):
    """As when a master dies before its replica has the last events."""
    run = begin(runs, session_id, said)
    names = [redis_keys.run(session_id, run.id), redis_keys.log(session_id, run.id)]
    first, second, third = (EventBatch(session_id, run.id, n, [sse.text(f"{n}")], after=n - 1) for n in (1, 2, 3))
    runs.append([first])
    kept = [connection.dump(name) for name in names]
    runs.append([second])
    for name, value in zip(names, kept, strict=True):
        connection.restore(name, 0, value, replace=True)
    assert runs.append([third]) == [None]
    assert told(runs, run) == [sse.text("1")]
    assert runs.append([batch._replace(after=0) for batch in (first, second, third)]) == [True] * 3
    assert told(runs, run) == [sse.text("1"), sse.text("2"), sse.text("3")]


def test_a_turn_knows_when_its_first_event_came_and_its_log_when_all_but_text_did(runs, connection, session_id, said):
    run = begin(runs, session_id, said)
    call, result = sse.tool_call("c1", "T", {}), sse.tool_result("c1", "T", 1)
    runs.append([(session_id, run.id, 1, [sse.text("a"), call])])
    first = connection.hget(redis_keys.run(session_id, run.id), "first_at").decode()
    runs.append([(session_id, run.id, 2, [result])])
    end(runs, run)
    assert connection.hget(redis_keys.run(session_id, run.id), "first_at").decode() == first
    entries = runs.entries(session_id, run.id, 0)
    assert [bool(entry.at) for entry in entries] == [False, True, True, True]
    assert run.started_at <= first == entries[1].at <= entries[2].at <= entries[3].at


def test_several_turns_are_appended_to_in_one_call_and_an_ended_one_refused(runs, said):
    running, ended = begin(runs, "s-running", said), begin(runs, "s-ended", said)
    end(runs, ended)
    batches = [("s-ended", ended.id, 1, [sse.text("late")]), ("s-running", running.id, 1, [sse.text("in time")])]
    assert runs.append(batches) == [False, True]
    assert told(runs, ended) == [sse.complete()]
    assert told(runs, running) == [sse.text("in time")]


def test_the_log_becomes_the_history_with_the_terminal_event_last(runs, sessions, session_id, said):
    run = begin(runs, session_id, said)
    events = [sse.text("a"), sse.tool_call("c1", "T", {"x": 1}), sse.tool_result("c1", "T", {"y": 2}), sse.text("b")]
    runs.append([(session_id, run.id, 1, events)])
    assert end(runs, run) is None
    assert told(runs, run) == [*events, sse.complete()]
    _, first, second = sessions.histories.messages(session_id, run.thread_id)
    assert (first["content"], second["content"]) == ("a", "b")
    assert first["tool_calls"] == [{"name": "T", "call_id": "c1", "args": {"x": 1}}]
    assert first["tool_results"] == [{"name": "T", "call_id": "c1", "result": {"y": 2}}]


def test_open_calls_get_their_result_at_the_end(runs, session_id, said):
    run = begin(runs, session_id, said)
    runs.append([(session_id, run.id, 1, [sse.tool_call("c1", "T", {}), sse.tool_call("c2", "T", {})])])
    runs.append([(session_id, run.id, 2, [sse.tool_result("c1", "T", 1)])])
    end(runs, run, "interrupted")
    assert told(runs, run)[3:] == [sse.tool_result("c2", "T", {"error": "interrupted"}), sse.complete(interrupted=True)]


def test_exactly_one_end_wins(runs, session_id, said):
    run = begin(runs, session_id, said)
    first = runs.seal(session_id, runs.current(session_id), "interrupted", expect={"running"})
    assert first.id == run.id
    assert runs.seal(session_id, run.id, "complete", expect=UNFINISHED) is None
    runs.settle(first, sse.complete(interrupted=True))
    assert runs.settle(first, sse.complete()) is None
    assert told(runs, run) == [sse.complete(interrupted=True)]


def test_nothing_is_appended_once_the_end_is_taken(runs, session_id, said):
    run = begin(runs, session_id, said)
    runs.seal(session_id, run.id, "interrupted", expect={"running"})
    assert runs.append([(session_id, run.id, 1, [sse.text("late")])]) == [False]


def test_waiting_turns_run_in_order_and_join_the_history_when_they_begin(runs, sessions, session_id, said):
    first = begin(runs, session_id, said, "one")
    second, third = (runs.start(session_id, said(text)) for text in ("two", "three"))
    assert (second.outcome, second.current) == ("waiting", first.id)
    assert runs.claim(session_id, second.run_id, "worker") is None, "it is not its turn yet"
    snapshot = sessions.histories.snapshot(session_id, None)
    assert [m["content"] for m in snapshot.messages] == ["one", "two", "three"]
    assert [m["content"] for m in sessions.histories.messages(session_id, first.thread_id)] == ["one"]
    assert end(runs, first) == second.run_id
    assert [m["content"] for m in sessions.histories.messages(session_id, first.thread_id)] == ["one", "two"]
    assert end(runs, runs.claim(session_id, second.run_id, "worker")) == third.run_id


def test_an_interrupting_message_goes_first(runs, session_id, said):
    first = begin(runs, session_id, said)
    runs.start(session_id, said("patient"))
    hasty = runs.start(session_id, said("hasty", on_busy="interrupt"))
    assert end(runs, first, "interrupted") == hasty.run_id


def test_refusals_change_nothing(runs, sessions, connection, session_id, said):
    begin(runs, session_id, said)
    for _ in range(2):
        runs.start(session_id, said())
    before = connection.dump(f"session:{{{session_id}}}"), sorted(connection.scan_iter())
    assert runs.start(session_id, said(on_busy="reject")).outcome == "busy"
    assert runs.start(session_id, said()).outcome == "full"
    assert runs.start(session_id, said(thread_id="thread_x")).outcome == "no_thread"
    assert runs.start("unknown-session", said(thread_id="thread_x")).outcome == "no_thread"
    assert (connection.dump(f"session:{{{session_id}}}"), sorted(connection.scan_iter())) == before


def test_a_waiting_turn_can_be_ended_without_touching_the_current_one(runs, sessions, session_id, said):
    current = begin(runs, session_id, said)
    waiting = runs.start(session_id, said("never mind"))
    sealed = runs.seal(session_id, waiting.run_id, "interrupted", expect={"waiting"})
    assert runs.settle(sealed, sse.complete(interrupted=True)) is None
    assert sessions.get(session_id)["run"] == current.id
    assert end(runs, current) is None


@pytest.mark.parametrize(
    ("terminal", "status"),
    [
        (sse.complete(), "idle"),
        (sse.complete(interrupted=True), "interrupted"),
        (sse.error("m", "internal", True), "idle"),
    ],
)
def test_the_status_says_how_the_last_turn_ended(runs, sessions, session_id, said, terminal, status):
    from app.state.session_fields import session_status as status_of

    run = begin(runs, session_id, said)
    assert status_of(sessions.get(session_id)) == "processing"
    runs.settle(runs.seal(session_id, run.id, terminal["type"], expect={"running"}), terminal)
    assert status_of(sessions.get(session_id)) == status
    begin(runs, session_id, said)
    assert status_of(sessions.get(session_id)) == "processing"


def test_a_turn_nobody_looks_after_is_overdue_and_a_renewed_one_is_not(runs, connection, session_id, said):
    run = begin(runs, session_id, said)
    assert runs.leases.overdue() == []
    connection.zadd("leases", {f"{session_id} {run.id}": 1})
    assert runs.leases.overdue() == [(session_id, run.id)]
    runs.leases.renew(session_id, run.id)
    assert runs.leases.overdue() == []


def test_every_key_has_its_pattern_its_type_and_an_end_to_its_life(runs, sessions, store, connection, session_id, said):
    sessions.create("made-by-hand", {"public_key": "0xabc"})
    run = begin(runs, session_id, said)
    runs.start(session_id, said("waits"))
    runs.append([(session_id, run.id, 1, [sse.text("a")])])
    StepToolCalls(store).record(StepToolCall(session_id, run.id, "c1", run.thread_id, "default", "T", {}))
    ended = begin(runs, "other-session", said)
    end(runs, ended)
    patterns = {
        re.compile(re.sub(r"<\w+>", "[^:}]+", re.escape(k.pattern).replace(r"\<", "<").replace(r"\>", ">"))): k
        for k in redis_schema.SCHEMA
    }
    for raw in connection.scan_iter():
        name = raw.decode()
        (found,) = [key for pattern, key in patterns.items() if pattern.fullmatch(name)]
        assert connection.type(raw).decode() == found.type, name
        if name != redis_keys.LEASES:
            assert connection.ttl(raw) > 0, name
    assert 0 < connection.ttl(redis_keys.log("other-session", ended.id)) <= store.settings.log_ttl


def test_a_message_is_of_the_client_that_its_session_belongs_to_unless_it_names_one(runs, store, session_id, said):
    store.redis.set(f"session:{{{session_id}}}:client", "the session's")
    of_session = runs.start(session_id, said()).run_id
    named = runs.start(session_id, said(principal=Principal("another"))).run_id
    assert [runs.get(session_id, run).principal.client for run in (of_session, named)] == [
        "the session's",
        "another",
    ]


def test_the_model_call_for_a_title_is_claimed_once(runs, said):
    run_id = runs.start("s", said()).run_id
    assert runs.claim_title("s", run_id).id == run_id
    assert runs.claim_title("s", run_id) is None
    assert runs.claim_title("s", "run_gone") is None
