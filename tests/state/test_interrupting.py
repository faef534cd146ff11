"""Messages with `on_busy: interrupt` that arrive at once: the newest wins, whichever process is faster."""

from __future__ import annotations

import threading

import pytest

from app.events import sse
from app.metrics.instruments import Metrics
from app.state.scripts import Store
from app.state.turns.run_status import UNFINISHED
from app.state.turns.runs import RunStore
from app.turns.queue import Jobs
from app.turns.service import TurnService
from tests.state.conftest import Repeated
from tests.support.moments import now


class GatedRuns(RunStore):
    """A web process that is held up after a message was accepted, until its gate opens."""

    def __init__(self, store):
        super().__init__(store)
        self.accepted, self.gate = threading.Event(), threading.Event()

    def start(self, *args):
        accepted = super().start(*args)
        self.accepted.set()
        assert self.gate.wait(60)
        return accepted


class Web:
    """Sends a message, in a thread."""

    def __init__(self, store, jobs, request):
        self._runs = GatedRuns(store)
        turns = TurnService(self._runs, jobs, Metrics(now))
        self._thread = threading.Thread(target=lambda: turns.send("s", request), daemon=True)
        self._thread.start()
        assert self._runs.accepted.wait(60)

    def go_on(self):
        self._runs.gate.set()
        self._thread.join(60)


@pytest.fixture
def jobs(queue, settings):
    return Jobs(queue, settings.failed_job_ttl)


def of(runs, text):
    """The session's turns with this message, by status."""
    names = [name.decode() for name in runs._redis.zrange("session:{s}:kept", 0, -1)]
    found = [runs.get("s", name.removeprefix("run:")) for name in names if name.startswith("run:")]
    return [run.status for run in found if run.message["content"] == text]


@pytest.mark.parametrize("store_of", [Store, Repeated])
@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_two_messages_that_interrupt_the_newer_one_runs(connection, settings, runs, jobs, said, store_of, order):
    store = store_of(connection, settings)
    running = runs.start("s", said("running"))
    runs.claim("s", running.run_id, "worker")
    webs = [Web(store, jobs, said(text, on_busy="interrupt")) for text in ("older", "newer")]
    for number in order:
        webs[number].go_on()
    assert (of(runs, "running"), of(runs, "older"), of(runs, "newer")) == (["interrupted"], ["interrupted"], ["queued"])
    newer = runs.seal("s", runs.current("s"), "complete", expect=UNFINISHED)
    assert runs.settle(newer, sse.complete()) is None


def test_a_message_that_only_waits_is_not_superseded(runs, jobs, said):
    turns = TurnService(runs, jobs, Metrics(now))
    turns.send("s", said("running"))
    patient = turns.send("s", said("patient"))
    hasty = turns.send("s", said("hasty", on_busy="interrupt"))
    assert runs.current("s") == hasty.run_id
    assert runs.get("s", patient.run_id).status == "waiting"


def test_a_message_that_is_sent_again_interrupts_if_it_has_not(runs, jobs, said):
    """Redis was away after it was accepted: its first request got 503."""
    turns, hasty = TurnService(runs, jobs, Metrics(now)), said("hasty", on_busy="interrupt", idempotency_key="key")
    running = turns.send("s", said("running"))
    accepted = runs.start("s", hasty)
    assert turns.send("s", hasty).outcome == "again"
    assert runs.get("s", running.run_id).status == "interrupted"
    assert runs.current("s") == accepted.run_id
    assert turns.send("s", hasty).outcome == "again"
    assert runs.get("s", accepted.run_id).status == "queued"


def test_a_worker_that_does_not_know_of_the_interrupt_yet_sends_no_model_the_later_message(runs, jobs, sessions, said):
    turns = TurnService(runs, jobs, Metrics(now))
    claimed = runs.claim("s", turns.send("s", said("first")).run_id, "worker")
    turns.send("s", said("hasty", on_busy="interrupt"))
    assert [message["content"] for message in sessions.histories.history(claimed)] == ["first"]


def test_a_superseded_turn_says_so_to_the_worker_that_takes_it_nevertheless(runs, said):
    """As when the process that accepted the newer message dies before it ends the older one."""
    running = runs.start("s", said())
    older = runs.start("s", said("older", on_busy="interrupt"))
    newer = runs.start("s", said("newer", on_busy="interrupt"))
    for run_id in (running.run_id, newer.run_id):
        runs.settle(runs.seal("s", run_id, "interrupted", expect=UNFINISHED), sse.complete(interrupted=True))
    assert runs.claim("s", older.run_id, "worker").superseded
