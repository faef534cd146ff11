"""The summary of a thread: claimed by one job at a time, stored in one step with the news of it."""

from __future__ import annotations

import pytest

from app.events import sse
from app.state.conversation.export import Export
from app.state.conversation.summary import Summary
from app.state.scripts import Store
from app.state.sessions import Sessions
from app.state.turns.runs import RunStore
from tests.state.conftest import Repeated

HOLD = 600
SUMMARY = Summary("They spoke of ETH.", "msg_1", "m", "2026-01-15T10:30:00.000Z")


@pytest.fixture(params=[Store, Repeated])
def state(request, connection, settings):
    """Sends each script once, or twice as after a lost reply."""
    return request.param(connection, settings)


@pytest.fixture
def runs(state):
    return RunStore(state)


@pytest.fixture
def sessions(state):
    return Sessions(state)


def end_turn(runs, said):
    run = runs.claim("s", runs.start("s", said("first")).run_id, "worker")
    runs.settle(runs.seal("s", run.id, "complete", expect={"running"}), sse.complete())
    return run


def compacted(sessions):
    events = [sse.parse(entry.frame) for entry in sessions.read_updates("s", 0)]
    return [event for event in events if event["type"] == "history_compacted"]


def test_a_summary_comes_with_the_next_turn_and_is_told_once(runs, sessions, said):
    run = end_turn(runs, said)
    job = runs.claim_compaction("s", run.id, HOLD)
    assert [message["content"] for message in sessions.histories.history(job)] == ["first"]
    assert job.summary is None
    assert sessions.end_compaction(job, SUMMARY)
    assert compacted(sessions) == [sse.history_compacted("s", run.thread_id, "msg_1", "m")]
    assert runs.claim("s", runs.start("s", said("next")).run_id, "worker").summary == SUMMARY


def test_a_thread_has_one_job_at_a_time_and_each_turn_one(runs, sessions, said):
    first, second = end_turn(runs, said), end_turn(runs, said)
    job = runs.claim_compaction("s", first.id, HOLD)
    assert runs.claim_compaction("s", first.id, HOLD) is None
    assert runs.claim_compaction("s", second.id, HOLD) is None
    sessions.end_compaction(job, None)
    assert runs.claim_compaction("s", first.id, HOLD) is None
    assert runs.claim_compaction("s", second.id, HOLD).id == second.id


def test_a_job_whose_worker_died_holds_the_thread_for_a_while_and_stores_nothing_after_that(runs, sessions, said):
    first, second = end_turn(runs, said), end_turn(runs, said)
    late = runs.claim_compaction("s", first.id, 0)
    job = runs.claim_compaction("s", second.id, HOLD)
    assert not sessions.end_compaction(late, Summary("late", "msg_0", "m", ""))
    assert sessions.end_compaction(job, SUMMARY)
    assert compacted(sessions) == [sse.history_compacted("s", first.thread_id, "msg_1", "m")]
    assert end_turn(runs, said).summary == SUMMARY


def test_a_new_summary_replaces_the_old_one(runs, sessions, said):
    for text in ("old", "new"):
        job = runs.claim_compaction("s", end_turn(runs, said).id, HOLD)
        sessions.end_compaction(job, Summary(text, f"msg_{text}", "m", ""))
    assert end_turn(runs, said).summary.text == "new"


def test_a_summary_is_no_news_for_people(runs, sessions, said):
    job = runs.claim_compaction("s", end_turn(runs, said).id, HOLD)
    before = sessions.get("s")["news"]
    sessions.end_compaction(job, SUMMARY)
    assert sessions.get("s")["news"] == before


@pytest.mark.parametrize("deleted", ["session", "thread"])
def test_nothing_is_stored_for_what_was_deleted(runs, sessions, said, connection, deleted):
    run = end_turn(runs, said)
    job = runs.claim_compaction("s", run.id, HOLD)
    sessions.delete("s") if deleted == "session" else sessions.delete_thread("s", run.thread_id)
    assert not sessions.end_compaction(job, SUMMARY)
    assert runs.claim_compaction("s", run.id, HOLD) is None
    assert not [name for name in connection.scan_iter() if b":thread:" in name]


def test_an_export_has_the_summary(runs, sessions, said, state):
    sessions.end_compaction(runs.claim_compaction("s", end_turn(runs, said).id, HOLD), SUMMARY)
    (thread,) = Export(state).session("s")["threads"]
    assert thread["summary"]["text"] == "They spoke of ETH."
