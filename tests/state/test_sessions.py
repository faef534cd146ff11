"""Sessions, threads, titles and the update stream."""

from __future__ import annotations

import json

import pytest

from app.events import sse
from app.state.scripts import Store
from app.state.sessions import Sessions
from app.state.tools.step_calls import StepToolCall, StepToolCalls
from tests.state.conftest import ALL, Repeated


def updates(sessions, session_id, after=0):
    return [sse.parse(entry.frame) for entry in sessions.read_updates(session_id, after)]


def test_a_session_is_made_once_and_keeps_what_it_had(sessions):
    assert sessions.create("s", {"title": "First"})
    assert not sessions.create("s", {"title": "Second"})
    assert sessions.get("s")["title"] == "First"
    assert sessions.get("nobody") is None


def test_a_change_tells_the_listeners_with_rising_numbers(sessions):
    sessions.create("s", {})
    sessions.change("s", {"model": "a"}, [sse.model_changed("s", "a")])
    sessions.change("s", {"model": "b"}, [sse.model_changed("s", "b")])
    assert [entry.number for entry in sessions.read_updates("s", 0)] == [1, 2]
    assert [event["model"] for event in updates(sessions, "s", 1)] == ["b"]
    assert sessions.get("s")["updates"] == "2"


def test_a_change_of_nothing_makes_nothing(sessions, connection):
    assert not sessions.change("nobody", {"model": "a"}, [sse.model_changed("nobody", "a")])
    assert not sessions.rename_thread("nobody", "thread_x", "T")
    assert not list(connection.scan_iter())


def test_a_model_titles_what_has_the_first_words_and_never_what_a_person_named(sessions, runs, said):
    thread = runs.start("s", said("the first words")).thread_id
    sessions.suggest_title("s", thread, "By a model")
    assert sessions.get("s")["title"] == sessions.thread("s", thread)["title"] == "By a model"
    sessions.rename("s", "By a person")
    sessions.rename_thread("s", thread, "By a person")
    sessions.suggest_title("s", thread, "By a model again")
    assert sessions.get("s")["title"] == sessions.thread("s", thread)["title"] == "By a person"


def test_a_title_for_a_later_thread_leaves_the_session_alone(sessions, runs, said):
    runs.start("s", said("first"))
    other = sessions.open_thread("s", "")["id"]
    runs.start("s", said("second", thread_id=other))
    sessions.suggest_title("s", other, "By a model")
    assert (sessions.get("s")["title"], sessions.thread("s", other)["title"]) == ("first", "By a model")


def test_messages_go_to_the_newest_thread(sessions, runs, said):
    first = runs.start("s", said()).thread_id
    opened = sessions.open_thread("s", "Other")["id"]
    assert runs.start("s", said()).thread_id == opened != first
    assert runs.start("s", said(thread_id=first)).thread_id == first
    assert [thread["id"] for thread in sessions.threads("s", ALL).items[::-1]] == [first, opened]


def test_an_opened_thread_is_told_once_with_the_status_of_the_session(connection, settings, runs, said):
    sessions = Sessions(Repeated(connection, settings))
    sessions.create("s", {})
    opened = [sessions.open_thread("s", "")["id"]]
    runs.start("s", said())
    opened.append(sessions.open_thread("s", "Other")["id"])
    told = [sse.parse(entry.frame) for entry in sessions.read_updates("s", 0)]
    states = [(state["thread_id"], state["status"]) for state in told if "thread_id" in state]
    assert states == [(opened[0], "idle"), (opened[1], "processing")]


def test_a_snapshot_of_the_unknown(sessions):
    assert sessions.histories.snapshot("nobody", None) is None
    sessions.create("s", {})
    assert (sessions.histories.snapshot("s", None).thread_id, sessions.histories.snapshot("s", None).messages) == (
        "",
        [],
    )
    assert sessions.histories.snapshot("s", "thread_x").thread_id is None


def test_sessions_of_a_key_leave_its_list_when_they_are_gone(sessions, connection):
    for name in ("one", "two"):
        sessions.create(name, {"public_key": "0xabc"})
    connection.delete("session:{one}")
    assert [session["id"] for session in sessions.owned_by("0xabc", ALL).items] == ["two"]
    assert connection.zrange("sessions-of:0xabc", 0, -1) == [b"two"]


def test_deleting_removes_every_key_of_the_session_and_of_no_other(sessions, runs, connection, said):
    sessions.create("s", {"public_key": "0xabc"})
    runs.start("s", said())
    runs.start("s2", said())
    sessions.delete("s")
    left = {key.decode() for key in connection.scan_iter()}
    assert not [key for key in left if "{s}" in key or key.startswith("sessions-of")]
    assert [key for key in left if "{s2}" in key]


def step(store, session_id, run, number, done=False):
    call = StepToolCall(session_id, run.run_id, "c1", run.thread_id, "default", "T", {})
    if number == 1:
        StepToolCalls(store).record(call)
        StepToolCalls(store).set_first_step(call, "first")
        return None
    return StepToolCalls(store).deliver(call, number, {"n": number}, done)


def test_a_step_joins_the_log_of_a_running_turn_of_its_thread_else_the_history(sessions, runs, store, said):
    run = runs.start("s", said())
    running = runs.claim("s", run.run_id, "worker")
    step(store, "s", run, 1)
    assert step(store, "s", run, 2)
    assert [sse.parse(entry.frame)["result"] for entry in runs.entries("s", run.run_id, 0)] == [{"n": 2}]
    runs.settle(runs.seal("s", running.id, "complete", expect={"running"}), sse.complete())
    assert step(store, "s", run, 3, done=True)
    results = [m["tool_results"][0] for m in sessions.histories.messages("s", run.thread_id) if m["role"] == "tool"]
    assert [(r["result"], r.get("done")) for r in results] == [({"n": 2}, None), ({"n": 3}, True)]
    kinds = [event["type"] for event in updates(sessions, "s") if event["type"].startswith(("async", "tool"))]
    assert kinds == ["async_tool_result", "tool_update", "async_tool_result", "tool_complete"]


def test_a_step_that_comes_while_the_turn_is_being_ended_stands_behind_those_of_the_turn(sessions, runs, store, said):
    run = runs.start("s", said())
    runs.claim("s", run.run_id, "worker")
    step(store, "s", run, 1)
    step(store, "s", run, 2)
    sealed = runs.seal("s", run.run_id, "complete", expect={"running"})
    call = StepToolCalls(store).get("s", run.run_id, "c1")
    slept = []

    def sleep(seconds):
        slept.append(seconds)
        runs.settle(sealed, sse.complete())

    assert StepToolCalls(store).deliver(call, 3, {"n": 3}, True, sleep=sleep)
    results = [
        m["tool_results"][0]["result"] for m in sessions.histories.messages("s", run.thread_id) if m["role"] == "tool"
    ]
    assert (results, len(slept)) == ([{"n": 2}, {"n": 3}], 1)


def test_a_call_that_is_over_is_not_run_again(runs, store, said):
    run = runs.start("s", said())
    runs.claim("s", run.run_id, "worker")
    step(store, "s", run, 1)
    calls = StepToolCalls(store)
    calls.finish(calls.get("s", run.run_id, "c1"))
    assert calls.get("s", run.run_id, "c1") is None
    assert calls.first_step(StepToolCall("s", run.run_id, "c1", run.thread_id, "default", "T", {})) == ["first"]


def test_a_step_that_is_delivered_again_changes_nothing(sessions, runs, store, said):
    run = runs.start("s", said())
    runs.claim("s", run.run_id, "worker")
    step(store, "s", run, 1)
    assert step(store, "s", run, 2)
    before = sessions.histories.messages("s", run.thread_id)
    assert step(store, "s", run, 2)
    assert sessions.histories.messages("s", run.thread_id) == before


@pytest.mark.parametrize(("count", "most_bytes", "read"), [(1, 10, 1), (64, 10, 64), (300, 10, 64), (300, 3000, 128)])
def test_of_a_long_history_only_its_end_is_read(sessions, runs, said, connection, count, most_bytes, read):
    accepted = runs.start("s", said(f"{count - 1:09}"))
    earlier = [json.dumps({"role": "user", "content": f"{n:09}"}) for n in reversed(range(count - 1))]
    if earlier:
        connection.lpush(f"session:{{s}}:thread:{accepted.thread_id}:messages", *earlier)
    run = runs.claim("s", accepted.run_id, "worker")
    numbers = [int(message["content"]) for message in sessions.histories.history(run, most_bytes)]
    assert numbers == list(range(count - read, count))
    assert len(sessions.histories.history(run)) == count


def test_a_step_for_a_deleted_session_says_so(sessions, runs, store, connection, said):
    run = runs.start("s", said())
    runs.claim("s", run.run_id, "worker")
    step(store, "s", run, 1)
    sessions.delete("s")
    assert not step(store, "s", run, 2)
    assert not [key for key in connection.scan_iter() if b"{s}" in key]


def test_the_first_step_is_there_for_the_turn_that_waits(runs, store, said):
    run = runs.start("s", said())
    runs.claim("s", run.run_id, "worker")
    call = StepToolCall("s", run.run_id, "c1", run.thread_id, "default", "T", {"a": 1})
    calls = StepToolCalls(store)
    calls.record(call)
    assert calls.first_step(call) is None
    assert calls.get("s", run.run_id, "c1") == call
    calls.set_first_step(call, None)
    assert calls.first_step(call) == [None]
    assert calls.get("s", run.run_id, "c1").steps == 1


def test_a_session_that_is_made_twice_as_the_answer_was_lost_was_made_and_is_listed(connection, settings):
    sessions = Sessions(Repeated(connection, settings))
    assert sessions.create("s", {"public_key": "0xabc"})
    assert not Sessions(Store(connection, settings)).create("s", {"public_key": "0xdef"})
    sessions.create("later", {})
    sessions.set_public_key("later", "0xabc")
    sessions.set_public_key("later", "0xdef")
    assert [session["id"] for session in sessions.owned_by("0xabc", ALL).items] == ["later", "s"]
    assert sessions.owned_by("0xdef", ALL).items == []


def test_a_session_that_was_deleted_meanwhile_is_owned_by_nobody(sessions):
    sessions.set_public_key("gone", "0xabc")
    assert (sessions.get("gone"), sessions.owned_by("0xabc", ALL).items) == (None, [])
