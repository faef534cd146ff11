"""Round trips to Redis in a row before a first token and before a stop: where Redis is far away, they are the time. And
what keeps the steps right that were put together for it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rq.utils import now, utcformat

from app import services
from app.config import Settings
from app.events import sse
from app.state.connection import clients
from app.state.connection.cluster import Cluster
from app.state.scripts import commands_of
from app.state.session_choices import SessionChoice
from app.state.turns import runs as runs_module
from app.state.turns import streams
from app.state.turns.run_records import EventBatch, Known, NotKnown
from app.state.turns.run_status import UNFINISHED
from app.turns.rq_queue import TURNS, open_queue, turn_job_id, turn_of_job
from app.usage import ModelCall, Prices, user_account
from tests.state.conftest import SITE, without_prefix
from tests.state.test_reaper import DEMO_ALONE
from tests.support.moments import today

STOPPED = sse.complete(interrupted=True)


@pytest.fixture(params=["", SITE], ids=["", "prefix"])
def client(request, redis_url):
    """A client of one server that holds state and queue, as the backend has it."""
    settings = Settings(REDIS_URL=redis_url.replace("/0", "/1"), redis_prefix=request.param)
    with clients.commands(settings) as client:
        without_prefix(client).flushdb()
        yield client


@pytest.fixture
def parts(client, redis_url, tmp_path):
    config = tmp_path / "aomi.yaml"
    config.write_text(DEMO_ALONE)
    prefix = client.prefix.text if hasattr(client, "prefix") else ""
    made = services.build(Settings(config=config, redis_prefix=prefix), client, client, client)
    made.turns.interrupt("warm", made.turns.send("warm", made_message()).run_id)  # Redis has the scripts now
    return made


def made_message(**more):
    return runs_module.TurnRequest(**{"text": "hello", "app": "default", "model": "demo"} | more)


@pytest.fixture
def trips(client, monkeypatch):
    """The round trips so far: a list that grows."""
    seen = []
    get_connection = client.connection_pool.get_connection

    def counted(*args, **more):
        seen.append(1)
        return get_connection(*args, **more)

    monkeypatch.setattr(client.connection_pool, "get_connection", counted)
    return seen


def test_a_message_is_accepted_and_its_job_enqueued_in_one(parts, trips):
    run_id = parts.turns.send("s", made_message(expects=SessionChoice()), most_queued=5).run_id
    assert len(trips) == 1
    assert parts.jobs.has_turn("s", run_id)


@pytest.mark.parametrize("session_id", ["00000000-0000-4000-8000-00000000000a", "a:b.c_d-e"])
def test_the_commands_for_a_job_are_those_that_rq_writes(parts, session_id):
    jobs, turn = parts.jobs, (session_id, "run_1")
    queue = jobs.beside_state()
    assert queue.removing(*turn) == commands_of(jobs._removing_turn(*turn))
    before = utcformat(now())
    made, written = queue.enqueuing(*turn), commands_of(jobs._enqueuing_turn(*turn))
    for command, rqs in zip(made, written, strict=True):
        for part, own in zip(command, rqs, strict=True):
            assert part == own or before <= part <= own <= utcformat(now())
    assert made[-1][-1] == turn_job_id(*turn)


def test_a_worker_takes_the_job_of_a_turn_in_one_and_need_not_read_it(parts, client, trips):
    run_id = parts.turns.send("s", made_message()).run_id
    stored = client.hgetall(f"rq:job:{turn_job_id('s', run_id)}")
    client.delete("rq:job:" + turn_job_id("s", run_id))
    trips.clear()
    queue = open_queue(TURNS, client, parts.settings.failed_job_ttl)
    jobs = [queue.take(1), queue.take(1)]  # the one of the fixture is first
    assert len(trips) == 2
    taken = jobs[1].to_dict()
    assert (jobs[1].func_name, list(jobs[1].args)) == ("workers.jobs.run_turn", ["s", run_id])
    assert {name.decode() for name in stored} == taken.keys() | {"enqueued_at"}
    assert all(stored[name.encode()].decode() == str(taken[name]) for name in ("failure_ttl", "timeout", "origin"))
    assert stored[b"data"] == taken["data"]


def test_a_turn_is_claimed_and_its_job_removed_in_one(parts, client, trips):
    run_id = parts.turns.send("s", made_message()).run_id
    queue = open_queue(TURNS, client)
    queue.take(1), queue.take(1)
    with pytest.raises(NotKnown):
        parts.runs.claim("s", run_id, "worker", Known(["another"], ["demo"]), parts.jobs.beside_state())
    assert turn_job_id("s", run_id).encode() in client.lrange(queue.intermediate_queue_key, 0, -1)
    assert client.exists(f"rq:job:{turn_job_id('s', run_id)}")
    trips.clear()
    assert parts.runs.claim("s", run_id, "worker", None, parts.jobs.beside_state())
    assert len(trips) == 1
    assert len(client.lrange(queue.intermediate_queue_key, 0, -1)) == 1  # the job of the fixture
    assert not client.exists(f"rq:job:{turn_job_id('s', run_id)}")


def test_the_job_of_a_turn_that_has_ended_is_removed_by_the_claim_that_fails(parts, client):
    run_id = parts.turns.send("s", made_message()).run_id
    parts.turns.interrupt("s")
    assert client.exists(f"rq:job:{turn_job_id('s', run_id)}")
    assert parts.runs.claim("s", run_id, "worker", None, parts.jobs.beside_state()) is None
    assert not client.exists(f"rq:job:{turn_job_id('s', run_id)}")


def test_a_job_of_the_last_version_is_read(parts, client):
    queue = open_queue(TURNS, client)
    queue.empty()
    queue.enqueue_call("workers.jobs.run_turn", ("s", "run_1"), job_id="run_1")
    assert list(queue.take(1).args) == ["s", "run_1"]


def test_a_stop_takes_two(parts, trips):
    run = parts.runs.claim("s", parts.turns.send("s", made_message()).run_id, "worker")
    parts.runs.append([EventBatch("s", run.id, 1, [sse.text("hello")])])
    trips.clear()
    assert parts.turns.interrupt("s")
    assert len(trips) == 2


def test_a_model_call_is_settled_in_one(parts, trips):
    run = parts.runs.claim("s", parts.turns.send("s", made_message()).run_id, "worker")
    call = ModelCall("1", str(today()), "key1", "default", "demo", 10, Prices("0.001", "0.002"), user="ada")
    parts.ledger.open("s", run.id, call)
    parts.ledger.settle("s", run.id, call.estimated(400))
    trips.clear()
    parts.ledger.open("s", run.id, replace(call, number="2"))
    charge = parts.ledger.settle("s", run.id, replace(call, number="2").estimated(400))
    assert len(trips) == 2
    assert parts.ledger.unsettled_calls("s", run.id) == parts.ledger.overdue() == []
    month = f"{today():%Y-%m}"
    assert parts.ledger.spent("key1", month) == parts.ledger.spent(user_account("ada"), month) == 2 * charge.cost


@pytest.mark.parametrize("session_id", ["00000000-0000-4000-8000-00000000000a", "s", "a:b.c_d-e", "x" * 128])
def test_the_id_of_a_job_says_of_which_turn_it_is(session_id):
    assert turn_of_job(turn_job_id(session_id, "run_1")) == (session_id, "run_1")
    assert turn_of_job("run_1") is None


# The steps that were put together


@pytest.fixture
def own(connection, settings, queue, tmp_path):
    """The parts on each engine; where the queue is elsewhere, the job is enqueued in a step of its own."""
    config = tmp_path / "aomi.yaml"
    config.write_text(DEMO_ALONE)
    return services.build(settings.model_copy(update={"config": config}), connection, connection, queue)


def test_a_message_that_is_sent_again_has_one_job(own, queue):
    message = made_message(idempotency_key="key", body=b"hello")
    first = own.turns.send("s", message)
    assert own.turns.send("s", message).outcome == "again"
    assert queue.lrange("rq:queue:turns", 0, -1) == [turn_job_id("s", first.run_id).encode()]


def test_a_full_queue_refuses_a_message_and_nothing_has_changed(own, connection):
    for session in ("a", "b"):
        assert own.turns.send(session, made_message(), most_queued=2).outcome == "started"
    before = sorted(connection.scan_iter())
    assert own.turns.send("c", made_message(), most_queued=2).outcome == "queue_full"
    assert sorted(connection.scan_iter()) == before
    assert own.turns.send("c", made_message(), most_queued=0).outcome == "started"


def test_a_message_that_waits_has_no_job_before_its_time(own):
    own.turns.send("s", made_message())
    waiting = own.turns.send("s", made_message()).run_id
    assert not own.jobs.has_turn("s", waiting)
    own.turns.interrupt("s")
    assert own.jobs.has_turn("s", waiting)


def test_a_message_that_expects_another_choice_is_refused_and_nothing_has_changed(own, connection):
    before = sorted(connection.scan_iter())
    assert own.turns.send("s", made_message(expects=SessionChoice("", "other"))).outcome == "changed"
    assert sorted(connection.scan_iter()) == before
    own.sessions.create("s", {})
    own.sessions.change("s", {"chosen_app": "default", "model": "other"}, [])
    assert own.turns.send("s", made_message(expects=SessionChoice())).outcome == "changed"
    assert own.turns.send("s", made_message(expects=SessionChoice("default", "other"))).outcome == "started"


def test_a_stop_that_is_sent_again_stops_no_other_turn(own, monkeypatch):
    """Its reply was lost, and another process has ended the turn since."""
    running, following = (own.turns.send("s", made_message()).run_id for _ in range(2))
    store = own.runs._store
    call = store.call

    def lost(name, *args):
        call(name, *args)
        monkeypatch.undo()
        own.turns.finish(own.runs.get("s", running), STOPPED)
        return call(name, *args)

    monkeypatch.setattr(store, "call", lost)
    assert own.runs.seal("s", "", "interrupted", expect=UNFINISHED).id == running
    assert own.runs.get("s", following).status == "queued"


def test_a_log_that_is_longer_than_one_read_is_in_the_history_whole(own, monkeypatch):
    for module in (streams, runs_module):
        monkeypatch.setattr(module, "READ_AT_ONCE", 2)
    run = own.runs.claim("s", own.turns.send("s", made_message()).run_id, "worker")
    own.runs.append([EventBatch("s", run.id, number, [sse.text(f"{number} ")]) for number in range(1, 6)])
    assert own.turns.interrupt("s")
    snapshot = own.sessions.histories.snapshot("s", None)
    assert [message["content"] for message in snapshot.messages][-1] == "1 2 3 4 5 "


def test_a_cluster_has_the_queue_elsewhere(own, connection):
    assert (own.jobs.beside_state() is None) == isinstance(connection, Cluster)
