"""Withdrawing a message: in one step against the worker that may claim it, out of the history, whole or not at all."""

from __future__ import annotations

import threading

import pytest

from app.events import sse
from app.metrics.instruments import Metrics
from app.state.scripts import Store
from app.state.turns.runs import RunStore
from app.state.turns.turn_requests import ConcurrencyLimit
from app.turns.queue import Jobs
from app.turns.service import TurnService
from tests.state.conftest import Repeated
from tests.support.moments import now

WITHDRAWN = {"type": "complete", "interrupted": True}


@pytest.fixture(params=[Store, Repeated])
def turns(request, connection, queue, settings):
    return TurnService(
        RunStore(request.param(connection, settings)), Jobs(queue, settings.failed_job_ttl, connection), Metrics(now)
    )


def contents(sessions):
    return [message["content"] for message in sessions.histories.snapshot("s", None).messages]


def test_a_waiting_message_is_listed_and_leaves_the_history_when_it_is_withdrawn(turns, runs, sessions, said):
    runs.claim("s", turns.send("s", said("running")).run_id, "worker")
    second, third = (turns.send("s", said(text)) for text in ("second", "third"))
    waiting = sessions.histories.snapshot("s", None).waiting
    assert [(turn.run_id, turn.message["content"]) for turn in waiting] == [
        (second.run_id, "second"),
        (third.run_id, "third"),
    ]
    assert turns.withdraw("s", second.run_id) == "withdrawn"
    assert contents(sessions) == ["running", "third"]
    assert [entry.frame for entry in runs.entries("s", second.run_id, 0)] == [sse.frame(WITHDRAWN)]
    assert runs.get("s", second.run_id).terminal == WITHDRAWN
    turns.interrupt("s")
    assert runs.current("s") == third.run_id


def test_a_queued_message_is_withdrawn_and_the_next_one_is_current(turns, runs, sessions, said):
    queued, behind = turns.send("s", said("same words")), turns.send("s", said("behind"))
    assert turns.withdraw("s", queued.run_id) == "withdrawn"
    assert runs.claim("s", queued.run_id, "worker") is None
    assert contents(sessions) == ["behind"]
    assert runs.current("s") == behind.run_id


def test_only_the_message_that_is_withdrawn_leaves_the_history(turns, runs, sessions, said):
    runs.claim("s", turns.send("s", said("same words")).run_id, "worker")
    turns.interrupt("s")
    again = turns.send("s", said("same words"))
    assert turns.withdraw("s", again.run_id) == "withdrawn"
    assert contents(sessions) == ["same words"]


def test_what_has_begun_is_not_withdrawn(turns, runs, sessions, said):
    begun = turns.send("s", said("hello"))
    runs.claim("s", begun.run_id, "worker")
    assert turns.withdraw("s", begun.run_id) == "begun"
    assert runs.is_running("s", begun.run_id)
    turns.interrupt("s")
    assert turns.withdraw("s", begun.run_id) == "begun"
    assert contents(sessions) == ["hello"]


def test_withdrawing_twice_says_the_same_and_an_unknown_turn_is_unknown(turns, said):
    turns.send("s", said())
    waiting = turns.send("s", said())
    assert [turns.withdraw("s", waiting.run_id) for _ in range(2)] == ["withdrawn", "withdrawn"]
    assert turns.withdraw("s", "run_nobody") == "unknown"
    assert turns.withdraw("other", waiting.run_id) == "unknown"


def test_updates_say_it_and_the_concurrency_slot_is_free_again(turns, runs, sessions, said):
    limit = ConcurrencyLimit("address", "somebody", 1)
    running = turns.send("s", said())
    waiting = turns.send("s", said(limits=(limit,)))
    assert turns.send("other", said(limits=(limit,))).outcome == "limit_reached"
    seen = sessions.read_updates("s", 0)[-1].number
    turns.withdraw("s", waiting.run_id)
    (update,) = sessions.read_updates("s", seen)
    assert sse.parse(update.frame) == sse.state("s", "processing", withdrawn=waiting.run_id)
    assert turns.send("other", said(limits=(limit,))).outcome == "started"
    assert runs.current("s") == running.run_id


def test_the_reaper_finishes_a_withdrawal_whose_process_died(turns, runs, sessions, said):
    queued = turns.send("s", said())
    sealed = runs.withdraw("s", queued.run_id)
    assert contents(sessions) == []
    turns.finish(sealed, sse.complete(interrupted=sealed.outcome == "interrupted"))
    assert sessions.get("s").get("run") is None
    assert turns.withdraw("s", queued.run_id) == "withdrawn"


def test_a_worker_or_the_person_wins_and_never_both(turns, runs, sessions, said):
    for attempt in range(10):
        queued = turns.send("s", said(f"message {attempt}"))
        both, outcomes = threading.Barrier(2), {}

        def claim(run_id=queued.run_id, both=both, outcomes=outcomes):
            both.wait(60)
            outcomes["claimed"] = runs.claim("s", run_id, "worker") is not None

        worker = threading.Thread(target=claim)
        worker.start()
        both.wait(60)
        outcome = turns.withdraw("s", queued.run_id)
        worker.join(60)
        assert (outcome, outcomes["claimed"]) in [("withdrawn", False), ("begun", True)]
        assert (f"message {attempt}" in contents(sessions)) == outcomes["claimed"]
        turns.interrupt("s")
