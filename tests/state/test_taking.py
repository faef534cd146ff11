"""A worker takes the next turn and claims it in one round trip; a turn that it did nothing for can be given back."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest
from redis.exceptions import OutOfMemoryError

from app.events import sse
from app.state import redis_keys
from app.state.clock import iso
from app.state.script_source import source
from app.state.turns.run_records import EventBatch, Known, Run
from app.state.turns.taking import MOST_PUT_BACK, Taken
from app.state.turns.withdrawal import seal_unbegun
from app.turns.lost_turns import WORKER_LOST
from app.turns.rq_queue import TURNS, open_queue, turn_job_id
from app.usage import ModelCall, Usage
from tests.state.conftest import without_prefix
from tests.state.test_round_trips import client, made_message, parts, trips  # noqa: F401
from tests.support.moments import now_ms, today
from workers.turn_worker import TurnWorker

KNOWN = Known(["default"], ["demo"])
UUID = "00000000-0000-4000-8000-00000000000a"


@pytest.fixture
def queue(parts, client):  # noqa: F811
    """The queue of turns, empty. Redis has the script."""
    queue = open_queue(TURNS, client)
    parts.runs.taking.next(client, queue.lists, 1, "worker", KNOWN)
    client.delete(*queue.lists[:3])
    return queue


@pytest.fixture
def take(parts, client, queue):  # noqa: F811
    """Takes the next turn, as a worker with this configuration."""

    def taking(known=KNOWN, seconds=0.1):
        return parts.runs.taking.next(client, queue.lists, seconds, "worker", known)

    return taking


def lengths(client, queue):  # noqa: F811
    return [client.llen(name) for name in queue.lists[:3]]


@pytest.mark.parametrize("session_id", [UUID, "a:b.c_d-e", "x" * 128])
def test_a_turn_is_taken_and_claimed_in_one(parts, client, queue, take, trips, session_id):  # noqa: F811
    job_id = turn_job_id(session_id, parts.turns.send(session_id, made_message()).run_id)
    trips.clear()
    taken = take()
    assert len(trips) == 1
    run = Run.read_claimed(session_id, taken.claimed)
    assert (taken.job_id, run.id, run.status, run.newest.left) == (job_id, job_id.partition("-")[0], "running", 0)
    assert [b"hello" in stored for stored in run.newest.stored] == [True]
    stored = parts.runs.get(session_id, run.id)
    assert (stored.claim, stored.status) == (run.claim, "running")
    assert abs(datetime.fromisoformat(run.started_at) - datetime.now(UTC)).total_seconds() < 5
    assert client.zscore("leases", f"{session_id} {run.id}") > now_ms() + 9_000
    assert lengths(client, queue) == [0, 0, 0]
    assert not client.exists(f"rq:job:{job_id}")


def test_a_turn_that_comes_while_the_worker_waits_is_claimed_at_once(parts, take):  # noqa: F811
    sender = threading.Timer(0.1, lambda: parts.turns.send("s", made_message()))
    sender.start()
    assert take(seconds=0.7).claimed
    sender.join()


def test_nothing_is_taken_where_nothing_waits(take):
    assert take() is None


def test_a_new_redis_is_given_the_script(parts, client, take):  # noqa: F811
    client.script_flush()
    parts.turns.send("s", made_message())
    assert take().claimed


def withdraw(parts, client, run_id):  # noqa: F811
    seal_unbegun(parts.runs._store, "s", run_id)


def go_on_with_answers(parts, client, run_id):  # noqa: F811
    client.hset(f"session:{{s}}:run:{run_id}", "goes_on", "{}")


def break_record(parts, client, run_id):  # noqa: F811
    client.delete(f"session:{{s}}:run:{run_id}")
    client.set(f"session:{{s}}:run:{run_id}", "broken")


@pytest.mark.parametrize(
    ("known", "before"),
    [
        (Known(["another"], ["demo"]), lambda *_: None),
        (Known(["default"], ["another"]), lambda *_: None),
        (KNOWN, withdraw),
        (KNOWN, go_on_with_answers),
        (KNOWN, break_record),
    ],
    ids=["app", "model", "ended", "answers", "broken"],
)
def test_a_turn_that_cannot_be_claimed_is_left_to_its_job(parts, client, queue, take, known, before):  # noqa: F811
    job_id = turn_job_id("s", parts.turns.send("s", made_message()).run_id)
    before(parts, client, job_id.partition("-")[0])
    assert take(known) == Taken(job_id)
    assert client.lrange(queue.lists.intermediate, 0, -1) == [job_id.encode()]
    assert client.exists(f"rq:job:{job_id}")
    assert lengths(client, queue) == [0, 0, 1]


def test_a_turn_that_breaks_while_it_is_claimed_is_as_before(parts, client, queue, take):  # noqa: F811
    accepted = parts.turns.send("s", made_message())
    messages = redis_keys.messages("s", accepted.thread_id)
    client.delete(messages)
    client.set(messages, "broken")
    assert take() == Taken(turn_job_id("s", accepted.run_id))
    stored = parts.runs.get("s", accepted.run_id)
    assert (stored.status, stored.claim, "started_at" in stored.times) == ("queued", "", False)


def test_a_job_of_the_last_version_is_left_to_itself(client, queue, take):  # noqa: F811
    queue.enqueue_call("workers.jobs.run_turn", ("s", "run_1"), job_id="run_1")
    taken = take()
    assert (taken, list(queue.job_of(taken).args)) == (Taken("run_1"), ["s", "run_1"])
    assert lengths(client, queue) == [0, 0, 1]


def test_a_job_that_a_lost_connection_has_left_is_taken_first_also_if_no_other_comes(parts, client, queue, take):  # noqa: F811
    left, later = (turn_job_id(name, parts.turns.send(name, made_message()).run_id) for name in ("left", "later"))
    client.lmove(*queue.lists[:2])
    assert [take().job_id, take().job_id] == [left, later]
    assert take() is None
    assert lengths(client, queue) == [0, 0, 0]


def test_a_job_that_a_lost_connection_has_left_goes_with_its_session(parts, client, queue):  # noqa: F811
    parts.turns.send("s", made_message())
    client.lmove(*queue.lists[:2])
    parts.erase("s")
    assert lengths(client, queue) == [0, 0, 0]


def test_a_full_redis_loses_no_job(parts, client, queue, take):  # noqa: F811
    job_id = turn_job_id("s", parts.turns.send("s", made_message()).run_id)
    server = without_prefix(client)
    server.config_set("maxmemory", 1)
    try:
        with pytest.raises(OutOfMemoryError):
            take()
    finally:
        server.config_set("maxmemory", 0)
    assert take().job_id == job_id


# Given back


@pytest.fixture
def claimed(parts, take):  # noqa: F811
    """A turn that a worker has just claimed."""
    parts.turns.send(UUID, made_message())
    return Run.read_claimed(UUID, take().claimed)


def test_a_turn_that_is_put_back_is_as_before(parts, client, take, claimed):  # noqa: F811
    assert parts.runs.taking.put_back(claimed) == "queued"
    stored = parts.runs.get(UUID, claimed.id)
    assert (stored.status, stored.claim, "started_at" in stored.times) == ("queued", "", False)
    assert parts.runs.taking.put_back(claimed) == "queued"  # sent twice
    parts.jobs.turn(UUID, claimed.id)
    again = Run.read_claimed(UUID, take().claimed)
    assert (again.id, again.message) == (claimed.id, claimed.message)
    assert again.claim != claimed.claim
    assert parts.runs.append([EventBatch(UUID, claimed.id, 1, [sse.text("a")], claim=claimed.claim)]) == [False]


def say_something(parts, run):  # noqa: F811
    parts.runs.append([EventBatch(run.session_id, run.id, 1, [sse.text("a")])])


def ask_a_model(parts, run):  # noqa: F811
    parts.ledger.open(run.session_id, run.id, a_call())


def settle_a_call(parts, run):  # noqa: F811
    ask_a_model(parts, run)
    parts.ledger.settle(run.session_id, run.id, a_call().charge(Usage(5, 7), None))


def stop(parts, run):  # noqa: F811
    parts.turns.interrupt(run.session_id)


def be_put_back_and_claimed(parts, run):  # noqa: F811
    parts.runs.taking.put_back(run)
    parts.runs.claim(run.session_id, run.id, "another")


def a_call():
    return ModelCall("1", str(today()), "none", "default", "demo", 10, None)


@pytest.mark.parametrize(
    ("done", "outcome"),
    [
        (say_something, "begun"),
        (ask_a_model, "begun"),
        (settle_a_call, "begun"),
        (stop, "over"),
        (be_put_back_and_claimed, "over"),
    ],
)
def test_a_turn_that_has_begun_is_not_put_back(parts, claimed, done, outcome):  # noqa: F811
    done(parts, claimed)
    before = parts.runs.get(UUID, claimed.id)
    assert parts.runs.taking.put_back(claimed) == outcome
    assert parts.runs.get(UUID, claimed.id) == before


def test_a_late_worker_learns_at_its_model_call_that_the_turn_is_anothers(parts, claimed):  # noqa: F811
    """It hung after its claim. Its request is out: it must begin no tool of the reply, and spoil no record."""
    parts.runs.taking.put_back(claimed)
    assert parts.ledger.open(UUID, claimed.id, a_call(), claimed.claim) is None
    assert not parts.runs.taking.is_still_claimed(claimed)
    later = parts.runs.claim(UUID, claimed.id, "another")
    assert (parts.runs.taking.is_still_claimed(claimed), parts.runs.taking.is_still_claimed(later)) == (False, True)
    assert parts.ledger.open(UUID, claimed.id, a_call(), claimed.claim) is None
    assert parts.ledger.unsettled_calls(UUID, claimed.id) == parts.ledger.overdue() == []
    assert parts.ledger.open(UUID, claimed.id, a_call(), later.claim) == "running"


def test_a_turn_that_runs_on_with_answers_is_not_put_back(parts, client, claimed):  # noqa: F811
    client.hset(f"session:{{{UUID}}}:run:{claimed.id}", "goes_on", "{}")
    assert parts.runs.taking.put_back(claimed) == "begun"


def test_a_turn_whose_workers_die_before_they_begin_is_run_again_and_ends_at_last(parts, client, take, claimed):  # noqa: F811
    for _ in range(MOST_PUT_BACK):
        client.zadd("leases", {f"{UUID} {claimed.id}": now_ms() - 1})
        parts.reaper().run_once()
        assert take().job_id == turn_job_id(UUID, claimed.id)
    client.zadd("leases", {f"{UUID} {claimed.id}": now_ms() - 1})
    parts.reaper().run_once()
    assert parts.runs.get(UUID, claimed.id).terminal == WORKER_LOST


def test_the_reaper_leaves_a_turn_alone_that_another_worker_has_by_now(parts, claimed):  # noqa: F811
    lost = next(duty for duty in parts.duties if duty.subject == "turn")
    parts.runs.taking.put_back(claimed)
    later = parts.runs.claim(UUID, claimed.id, "another")
    parts.ledger.open(UUID, claimed.id, a_call(), later.claim)
    parts.runs.leases.drop(UUID, claimed.id)
    parts.runs._redis.zadd("leases", {f"{UUID} {claimed.id}": 1})
    lost._end(claimed)
    assert parts.runs.get(UUID, claimed.id).status == "running"
    assert parts.ledger.unsettled_calls(UUID, claimed.id) == [a_call()]


def test_a_worker_that_stops_gives_a_turn_back_that_it_has_just_claimed(parts, client, queue, take):  # noqa: F811
    first, second = (turn_job_id(name, parts.turns.send(name, made_message()).run_id) for name in (UUID, "second"))
    worker = TurnWorker(queue, "worker-turns", threads=1, lease=10, taking=parts.runs.taking)
    job = queue.job_of(take())
    assert worker.put_back(job)
    assert client.lrange(queue.key, 0, -1) == [first.encode(), second.encode()]
    assert parts.runs.get(*job.args).status == "queued"


@pytest.mark.parametrize(("done", "is_dropped"), [(say_something, False), (stop, True)])
def test_a_worker_that_stops_keeps_what_has_begun_and_drops_what_has_ended(parts, queue, take, done, is_dropped):  # noqa: F811
    parts.turns.send(UUID, made_message())
    worker = TurnWorker(queue, "worker-turns", threads=1, lease=10, taking=parts.runs.taking)
    job = queue.job_of(take())
    done(parts, parts.runs.get(*job.args))
    assert worker.put_back(job) == is_dropped
    assert not queue.get_job_ids()


@pytest.mark.parametrize(
    "moment",
    [
        datetime(1970, 1, 1, tzinfo=UTC),
        datetime(2000, 2, 29, 23, 59, 59, 999_000, tzinfo=UTC),
        datetime(2024, 12, 31, 12, 0, 0, 5_000, tzinfo=UTC),
        datetime(2026, 3, 1, 0, 0, 1, tzinfo=UTC),
        datetime(2100, 2, 28, 23, 0, tzinfo=UTC),
        datetime(2100, 3, 1, tzinfo=UTC),
    ],
    ids=str,
)
def test_scripts_write_times_as_processes_do(client, moment):  # noqa: F811
    definition = source("take_turn").partition("local function iso_time")[2].partition("\nend\n")[0]
    script = f"local function iso_time{definition}\nend\nreturn iso_time(tonumber(ARGV[1]))"
    assert client.eval(script, 0, int(moment.timestamp() * 1000)).decode() == iso(moment)
