"""A Redis whose memory is full (`maxmemory`, `noeviction`): what ends a turn or frees memory still works."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from redis.exceptions import OutOfMemoryError

from app.events import sse
from app.metrics.instruments import Metrics
from app.state.accounts.ledger import Ledger
from app.state.accounts.rates import Rate, Rates
from app.state.connection.cluster import Cluster
from app.state.tools.client_requests import ClientRequests
from app.state.tools.open_requests import open_requests
from app.state.turns.runs import RunStore
from app.state.turns.slots import ConcurrencyLimit
from app.state.turns.turn_requests import BranchPoint
from app.state.webhooks.deliveries import Deliveries
from app.state.write_check import WriteCheck
from app.turns.lost_turns import LostTurns
from app.turns.queue import Jobs
from app.turns.service import TurnService
from app.turns.usage_recovery import UsageRecovery
from tests.state.conftest import WEBHOOK, without_prefix
from tests.state.test_deletion import erased
from tests.support.moments import now
from tests.support.remains import standing_in

pytestmark = pytest.mark.parametrize("connection", ["redis", "valkey", "cluster"], indirect=True)


@contextmanager
def full_memory(*clients) -> Iterator[None]:
    """Not one more byte fits into any server of these clients."""

    def limit(most: int) -> None:
        for client in clients:
            options = {"target_nodes": "primaries"} if isinstance(client, Cluster) else {}
            without_prefix(client).execute_command("CONFIG", "SET", "maxmemory", most, **options)

    limit(1)
    try:
        yield
    finally:
        limit(0)


def test_a_session_with_turns_that_run_and_wait_is_erased(full, sessions, runs, settings, connection, queue, said):
    with full_memory(connection, queue):
        with pytest.raises(OutOfMemoryError):
            runs.start("s", said())
        erased(sessions, runs, settings, queue)
    assert standing_in(connection, "{s}", "0xabc", full[0].id) == []


def test_a_message_that_is_refused_keeps_no_slot(runs, connection, said):
    limit = ConcurrencyLimit("address", "a", 1)
    with full_memory(connection), pytest.raises(OutOfMemoryError):
        runs.start("s", said(limits=(limit,)))
    assert runs.start("another", said(limits=(limit,))).outcome == "started"


def test_a_page_loads_an_answer_that_is_being_made(full, runs, connection):
    with full_memory(connection):
        runs.half_loaded.note("s", full[0].id)
    assert not runs.half_loaded.take("s", full[0].id)


def test_an_end_that_a_receiver_is_told_of_is_told(store, connection, said):
    runs, webhooks = RunStore(store, lambda app: WEBHOOK), Deliveries(store)
    run = runs.claim("s", runs.start("s", said()).run_id, "worker")
    with full_memory(connection):
        runs.settle(runs.seal("s", run.id, "interrupted", expect={"running"}), sse.complete(interrupted=True))
    ((place, _),) = webhooks.due("default")
    assert webhooks.get(place).type == "turn.interrupted"


def test_an_interrupt_ends_its_turn_and_the_reaper_enqueues_the_next_one(
    runs, store, settings, connection, queue, said
):
    jobs = Jobs(queue, settings.failed_job_ttl, connection)
    turns = TurnService(runs, jobs, Metrics(now))
    running, following = turns.send("s", said()), turns.send("s", said())
    runs.claim("s", running.run_id, "worker")
    with full_memory(connection, queue):
        assert turns.interrupt("s")
    assert runs.get("s", running.run_id).terminal == sse.complete(interrupted=True)
    assert not jobs.has_turn("s", following.run_id)
    LostTurns(runs, turns, jobs, UsageRecovery(runs, Ledger(store), store.clock, settings.lease)).handle(
        "s", following.run_id
    )
    assert jobs.has_turn("s", following.run_id)


def test_a_reply_to_a_client_request_is_refused_whole(runs, sessions, store, connection, said):
    """Not accepted without a lease: nobody would find its turn."""
    asking = runs.claim("s", runs.start("s", said()).run_id, "worker")
    ClientRequests(store).ask(asking, "call_1", "Send", "wallet_tx_request", {})
    runs.settle(runs.seal("s", asking.id, "complete", expect={"running"}), sse.complete())
    (request,) = open_requests(sessions.get("s"))
    with full_memory(connection), pytest.raises(OutOfMemoryError):
        runs.start("s", said("done", answers=(request.id,)))
    assert runs.current("s") == ""
    assert len(open_requests(sessions.get("s"))) == 1
    assert runs.start("s", said("done", answers=(request.id,))).outcome == "started"


def test_no_rate_refuses_what_frees_memory(store, connection):
    with full_memory(connection):
        assert Rates(store).take([Rate("address", "192.0.2.1", 1)] * 3) is None


def test_the_check_of_writes_says_why_they_are_refused_and_writes_nothing(connection, queue):
    check = WriteCheck(connection, queue, "rq:failed:turns")
    assert check.refusal() is None
    assert list(connection.scan_iter()) == []
    with full_memory(connection):
        assert check.refusal() == "OOM, its memory is full (maxmemory)"
    with full_memory(queue):
        assert check.refusal() == "OOM, its memory is full (maxmemory)"


def test_an_interrupt_opens_the_branch_of_an_edit_that_waits_and_a_withdrawal_gives_the_old_one_back(
    talk, talk_turns, connection, queue
):
    before = talk.shown
    talk.send("running")
    edit = talk.send("uno", BranchPoint("edit", talk.id_of("one")))
    talk.runs.claim("s", talk.runs.current("s"), "worker")
    with full_memory(connection, queue):
        assert talk_turns.interrupt("s")
        assert talk.contents == ["uno"]
        assert talk_turns.withdraw("s", edit.run_id) == "withdrawn"
    assert talk.shown[:-1] == before
