"""Which sessions and threads have something that no person has seen."""

from __future__ import annotations

import pytest

from app.events import sse
from app.state.session_fields import has_news, seen_event, thread_status
from app.state.sessions import Sessions
from app.state.tools.step_calls import StepToolCall, StepToolCalls
from tests.state.conftest import ALL, Repeated


def end_turn(runs, said, outcome="complete", **more):
    run = runs.claim("s", runs.start("s", said(**more)).run_id, "worker")
    runs.settle(runs.seal("s", run.id, outcome, expect={"running"}), sse.complete(interrupted=outcome != "complete"))
    return run


def see_all(sessions, thread_id=""):
    return sessions.mark_seen("s", int(sessions.get("s")["updates"]), thread_id)


def unread(sessions):
    return has_news(sessions.get("s"))


def unread_threads(sessions):
    whole = seen_event(sessions.get("s"))
    return {thread["id"] for thread in sessions.threads("s", ALL).items if has_news(thread, whole)}


def test_the_end_of_a_turn_is_news_until_it_is_seen(sessions, runs, said):
    runs.start("s", said())
    assert not unread(sessions)
    runs.claim("s", runs.current("s"), "worker")
    runs.settle(runs.seal("s", runs.current("s"), "complete", expect={"running"}), sse.complete())
    assert unread(sessions)
    assert see_all(sessions)
    assert not unread(sessions)
    end_turn(runs, said)
    assert unread(sessions)


def test_what_is_no_answer_is_no_news(sessions, runs, said):
    end_turn(runs, said)
    see_all(sessions)
    sessions.rename("s", "Title")
    sessions.change("s", {"model": "b"}, [sse.model_changed("s", "b")])
    runs.start("s", said("and now?"))
    assert not unread(sessions)


def test_an_answer_that_comes_after_what_the_client_read_stays_news(sessions, runs, said):
    """The client marks the event that it knows, not the moment of its request."""
    run = runs.claim("s", runs.start("s", said()).run_id, "worker")
    known = int(sessions.get("s")["updates"])
    runs.settle(runs.seal("s", run.id, "complete", expect={"running"}), sse.complete())
    sessions.mark_seen("s", known)
    assert unread(sessions)


def test_an_event_that_does_not_exist_yet_hides_no_later_one(sessions, runs, said):
    end_turn(runs, said)
    sessions.mark_seen("s", 10**14)
    assert not unread(sessions)
    end_turn(runs, said)
    assert unread(sessions)


def test_a_late_mark_does_not_bring_news_back(sessions, runs, said):
    end_turn(runs, said)
    see_all(sessions)
    sessions.mark_seen("s", 1)
    assert not unread(sessions)


def test_a_turn_that_is_ended_while_it_waits_is_no_news(sessions, runs, said):
    runs.start("s", said())
    waiting = runs.start("s", said()).run_id
    runs.settle(runs.seal("s", waiting, "interrupted", expect={"waiting"}), sse.complete(interrupted=True))
    assert not unread(sessions)


def test_a_later_step_of_a_tool_is_news(sessions, runs, store, said):
    run = runs.claim("s", runs.start("s", said()).run_id, "worker")
    call = StepToolCall("s", run.id, "c1", run.thread_id, "default", "T", {})
    StepToolCalls(store).record(call)
    StepToolCalls(store).set_first_step(call, "first")
    runs.settle(runs.seal("s", run.id, "complete", expect={"running"}), sse.complete())
    see_all(sessions)
    assert StepToolCalls(store).deliver(call, 2, {"n": 2}, True)
    assert unread(sessions)
    assert unread_threads(sessions) == {run.thread_id}


def test_threads_have_news_of_their_own_and_see_what_was_seen_of_the_session(sessions, runs, said):
    first = end_turn(runs, said).thread_id
    second = sessions.open_thread("s", "")["id"]
    assert unread_threads(sessions) == {first}
    end_turn(runs, said, outcome="interrupted")
    assert unread_threads(sessions) == {first, second}
    assert see_all(sessions, first)
    assert unread_threads(sessions) == {second}
    see_all(sessions)
    assert unread_threads(sessions) == set()
    statuses = {thread["id"]: thread_status(thread, is_current=False) for thread in sessions.threads("s", ALL).items}
    assert statuses == {first: "idle", second: "interrupted"}


def test_the_end_of_a_turn_brings_no_deleted_thread_back(sessions, runs, said, connection):
    run = runs.claim("s", runs.start("s", said()).run_id, "worker")
    sessions.delete_thread("s", run.thread_id)
    runs.settle(runs.seal("s", run.id, "interrupted", expect={"running"}), sse.complete(interrupted=True))
    assert not [name for name in connection.scan_iter() if run.thread_id.encode() in name]


@pytest.mark.parametrize("thread_id", ["", "thread_x"])
def test_nothing_is_seen_of_what_does_not_exist(sessions, connection, thread_id):
    assert not sessions.mark_seen("nobody", 3, thread_id)
    assert not list(connection.scan_iter())


def test_a_mark_that_is_sent_twice_is_one(connection, settings, runs, said):
    sessions = Sessions(Repeated(connection, settings))
    end_turn(runs, said)
    assert see_all(sessions)
    assert not unread(sessions)
