"""Deleting a thread: nothing of it stays, and nothing comes back, whatever is under way."""

from __future__ import annotations

import threading

import pytest

from app.events import sse
from app.metrics.instruments import Metrics
from app.state import redis_keys
from app.state.scripts import Store
from app.state.sessions import Sessions
from app.state.tools.step_calls import StepToolCall, StepToolCalls
from app.state.turns.run_status import UNFINISHED
from app.turns.erasing import erase_thread
from app.turns.queue import Jobs
from app.turns.service import TurnService
from tests.state.conftest import Repeated
from tests.support.moments import now
from tests.support.remains import without_life


@pytest.fixture
def jobs(queue, settings):
    return Jobs(queue, settings.failed_job_ttl)


@pytest.fixture
def turns(runs, jobs):
    return TurnService(runs, jobs, Metrics(now))


@pytest.fixture
def two_threads(sessions, runs, said):
    """A session `s` with a turn that runs in its first thread; returns that turn and the id of the second thread."""
    accepted = runs.start("s", said("in the first thread"))
    run = runs.claim("s", accepted.run_id, "worker")
    return run, sessions.open_thread("s", "second")["id"]


def remains(connection, thread_id):
    return list(connection.scan_iter(f"{redis_keys.thread('s', thread_id)}*"))


def test_the_message_of_a_waiting_turn_does_not_come_back_when_its_turn_comes(
    two_threads, sessions, runs, said, connection
):
    running, second = two_threads
    waiting = runs.start("s", said("late", thread_id=second))
    assert waiting.outcome == "waiting"
    assert sessions.delete_thread("s", second)
    runs.settle(runs.seal("s", running.id, "complete", expect=UNFINISHED), sse.complete())
    assert runs.current("s") == waiting.run_id
    runs.claim("s", waiting.run_id, "worker")
    runs.append([("s", waiting.run_id, 1, [sse.text("an answer")])])
    runs.settle(runs.seal("s", waiting.run_id, "error", expect=UNFINISHED), sse.LOST)
    assert remains(connection, second) == []
    assert without_life(connection) == []


def test_late_writers_bring_nothing_back(two_threads, sessions, runs, store, said, connection):
    run, second = two_threads
    first = run.thread_id
    call = StepToolCall("s", run.id, "c1", first, "default", "T", {})
    StepToolCalls(store).record(call)
    runs.append([("s", run.id, 1, [sse.text("so far")])])
    assert sessions.delete_thread("s", first)
    assert not sessions.delete_thread("s", first)
    assert not StepToolCalls(store).deliver(call, 2, "late", True)
    assert not sessions.rename_thread("s", first, "late")
    sessions.suggest_title("s", first, "late")
    assert runs.start("s", said("late", thread_id=first)).outcome == "no_thread"
    runs.settle(runs.seal("s", run.id, "complete", expect=UNFINISHED), sse.complete())
    assert remains(connection, first) == []
    assert sessions.get("s")["title"] == "in the first thread"
    assert runs.start("s", said("to the newest one")).thread_id == second


def test_a_deletion_that_is_sent_twice_deletes_once(two_threads, connection, settings):
    _, second = two_threads
    Sessions(Repeated(connection, settings)).delete_thread("s", second)
    assert not Sessions(Store(connection, settings)).has_thread("s", second)


@pytest.mark.parametrize("_", range(5))
def test_messages_that_arrive_during_the_deletion_end_or_are_refused(
    two_threads, sessions, runs, turns, jobs, said, connection, _
):
    running, second = two_threads
    accepted = []

    def send():
        accepted.extend(turns.send("s", said(f"{number}", thread_id=second)) for number in range(10))

    def end_the_first():
        turns.end("s", running.id, sse.complete())

    threads = [threading.Thread(target=work) for work in (send, end_the_first)]
    for thread in threads:
        thread.start()
    erase_thread(sessions, turns, jobs, "s", second)
    for thread in threads:
        thread.join()
    assert {one.outcome for one in accepted} <= {"started", "waiting", "no_thread", "full"}
    ends = [runs.get("s", one.run_id).status for one in accepted if one.outcome in ("started", "waiting")]
    assert set(ends) <= {"interrupted"}
    assert remains(connection, second) == []
    assert without_life(connection) == []
