"""Turns that nobody looks after: ended, or started again, by whichever process sees them first."""

from __future__ import annotations

import pytest
from redis.exceptions import OutOfMemoryError

from app import services
from app.config import Settings
from app.events import sse
from app.state.connection.cluster import Cluster
from app.state.scripts import Store
from app.state.turns.leases import RunningTurn
from app.state.turns.run_records import EventBatch
from app.state.turns.turn_requests import Principal
from app.turns.lost_turns import WORKER_LOST, LostTurns
from app.turns.queue import Jobs
from app.turns.rq_queue import turn_job_id
from app.usage import ModelCall, Prices, Totals
from app.usage.report import total
from tests.support.backend import DEMO_ALONE
from tests.support.moments import now_ms, this_month, today


@pytest.fixture
def parts(connection, queue, tmp_path):
    """The parts of a worker on an aomi.yaml of the demo alone."""
    config = tmp_path / "aomi.yaml"
    config.write_text(DEMO_ALONE)
    return services.build(Settings(config=config, lease=60), connection, connection, queue)


@pytest.fixture
def round_of_care(parts, connection):
    """One round, as if every lease had run out; the given turns run in this process."""

    def go(*running):
        for lease in connection.zrange("leases", 0, -1):
            connection.zadd("leases", {lease: now_ms() - 1})
        parts.reaper(lambda: running).run_once()

    return go


def events(parts, session_id, run_id):
    return [sse.parse(entry.frame) for entry in parts.runs.entries(session_id, run_id, 0)]


def begin(parts, session_id, run_id):
    """A worker claims the turn and gets a part of its answer."""
    parts.runs.claim(session_id, run_id, "worker")
    parts.runs.append([EventBatch(session_id, run_id, 1, [sse.text("so far")])])


def test_a_running_turn_without_a_worker_is_lost_and_the_next_one_runs(parts, round_of_care, said):
    lost = parts.turns.send("s", said("lost"))
    begin(parts, "s", lost.run_id)
    following = parts.turns.send("s", said("next"))
    round_of_care()
    assert events(parts, "s", lost.run_id) == [sse.text("so far"), WORKER_LOST]
    assert [m["content"] for m in parts.sessions.histories.messages("s", lost.thread_id)] == ["lost", "so far", "next"]
    assert parts.jobs.has_turn("s", following.run_id)


def test_a_turn_that_is_begun_after_a_long_wait_is_not_taken_for_lost(parts, connection, said):
    run_id = parts.turns.send("s", said()).run_id
    connection.zadd("leases", {f"s {run_id}": now_ms() - 1})
    parts.runs.claim("s", run_id, "worker")
    parts.reaper().run_once()
    assert parts.runs.get("s", run_id).status == "running"


def test_a_turn_that_runs_here_is_renewed(parts, round_of_care, said):
    run_id = parts.turns.send("s", said()).run_id
    parts.runs.claim("s", run_id, "worker")
    round_of_care(RunningTurn("s", run_id))
    assert parts.runs.get("s", run_id).status == "running"
    assert parts.runs.leases.overdue() == []


@pytest.mark.parametrize(
    ("outcome", "terminal"),
    [("complete", sse.complete()), ("interrupted", sse.complete(interrupted=True)), ("error", WORKER_LOST)],
)
def test_an_end_that_was_begun_is_finished(parts, round_of_care, said, outcome, terminal):
    run_id = parts.turns.send("s", said()).run_id
    parts.runs.seal("s", run_id, outcome, expect={"queued"})
    round_of_care()
    assert events(parts, "s", run_id) == [terminal]
    assert "run" not in parts.sessions.get("s")


def test_a_queued_turn_whose_job_is_gone_gets_a_new_one_and_others_are_left_alone(parts, round_of_care, said, queue):
    lost, fine = (turn_job_id(name, parts.turns.send(name, said()).run_id) for name in ("lost", "fine"))
    queue.delete("rq:queue:turns", f"rq:job:{lost}")
    queue.rpush("rq:queue:turns", fine)
    round_of_care()
    assert sorted(queue.lrange("rq:queue:turns", 0, -1)) == sorted([fine.encode(), lost.encode()])


def test_a_turn_whose_new_job_is_refused_is_found_by_the_next_round(parts, round_of_care, said, queue, monkeypatch):
    run_id = parts.turns.send("s", said()).run_id
    queue.delete("rq:queue:turns", f"rq:job:{turn_job_id('s', run_id)}")

    def refuse(*_):
        raise OutOfMemoryError

    with monkeypatch.context() as full:
        full.setattr(Jobs, "turn", refuse)
        with pytest.raises(OutOfMemoryError):
            round_of_care()
    assert parts.runs.leases.overdue() == [("s", run_id)]
    parts.reaper().run_once()
    assert parts.jobs.has_turn("s", run_id)


def test_leases_of_turns_that_are_over_are_dropped(parts, round_of_care, said, connection):
    over = parts.turns.send("s", said()).run_id
    parts.turns.interrupt("s")
    parts.runs.leases.renew("s", over)
    parts.runs.leases.renew("s", "run_that_never_was")
    round_of_care()
    assert connection.zcard("leases") == 0


def test_a_client_request_that_is_broken_in_redis_keeps_nobody_from_their_end(parts, round_of_care, said, connection):
    lost = parts.turns.send("s", said()).run_id
    begin(parts, "s", lost)
    connection.hset("session:{broken}", mapping={"id": "broken", "request:1": '{"of": "another version"}'})
    connection.zadd("client-requests", {"broken 1": 1})
    round_of_care()
    assert events(parts, "s", lost)[-1] == WORKER_LOST
    assert parts.duties[0].overdue() == []


def opened(parts, said, number="1", prompt=10):
    """A running turn that has asked a model, which nobody hears of again."""
    run_id = parts.turns.send("s", said(principal=Principal(api_key_id="key1"))).run_id
    parts.runs.claim("s", run_id, "worker")
    call = ModelCall(number, str(today()), "key1", "default", "demo", prompt, Prices("0.001", "0.002"))
    parts.ledger.open("s", run_id, call)
    return run_id


def used(parts):
    return total(parts.ledger.of_key("key1", this_month()))


def test_what_a_lost_workers_turn_used_is_billed_with_its_end_by_the_prompt_and_the_text_that_came(
    parts, round_of_care, said
):
    run_id = opened(parts, said)
    parts.runs.append([("s", run_id, 1, [sse.text("eight letters, and more: 40 bytes of it.")])])
    round_of_care()
    assert used(parts) == Totals(turns=1, calls=1, input=10, output=10, cost=30_000_000, estimated=1)
    round_of_care()
    assert used(parts).calls == 1


def test_the_reply_before_a_lost_call_is_not_billed_again(parts, round_of_care, said):
    run_id = opened(parts, said, "2")
    before = [sse.text("of the first call"), sse.tool_call("c1", "T", {}), sse.tool_result("c1", "T", 1)]
    parts.runs.append([("s", run_id, 1, before)])
    round_of_care()
    assert (used(parts).input, used(parts).output) == (10, 0)


def test_a_titles_call_is_not_billed_for_the_turns_text(parts, round_of_care, said):
    run_id = opened(parts, said, "title")
    parts.runs.append([("s", run_id, 1, [sse.text("the turn's own text")])])
    round_of_care()
    assert (used(parts).turns, used(parts).input, used(parts).output) == (0, 10, 0)


def test_a_worker_has_its_time_to_say_what_an_ended_turn_used(parts, connection, said):
    run_id = opened(parts, said)

    def look():
        connection.zadd("model-calls", {f"s {run_id} 1": 1})
        parts.reaper().run_once()

    look()
    parts.turns.interrupt("s")
    look()
    assert used(parts).calls == 0
    connection.hset(f"session:{{s}}:run:{run_id}", "ended_at", "2025-01-15T10:30:00.000Z")
    look()
    assert used(parts).calls == 1
    assert parts.ledger.unsettled_turns("s") == set()


def test_calls_of_turns_that_are_gone_are_forgotten(parts, connection):
    connection.zadd("model-calls", {"s run_that_never_was 1": 1})
    parts.reaper().run_once()
    assert connection.zcard("model-calls") == 0


def test_a_session_that_is_to_be_deleted_is_billed_before(parts, said):
    opened(parts, said)
    parts.turns.interrupt_all("s")
    parts.usage_recovery.close_all("s")
    assert used(parts).calls == 1


def test_an_end_that_a_dead_master_took_with_it_is_brought_about_again(parts, round_of_care, said, connection):
    """On one server the lease and the end of a turn are lost together; of a cluster they are on two masters."""
    run_id = parts.turns.send("s", said()).run_id
    begin(parts, "s", run_id)
    before = {key: connection.dump(key) for key in connection.scan_iter("session:{s}*")}
    leases = connection.dump("leases")
    parts.turns.end("s", run_id, sse.complete(), expect={"running"})
    for key in connection.scan_iter("session:{s}*"):
        connection.delete(key)
    for key, value in before.items():
        connection.restore(key, 0, value)
    if not isinstance(connection, Cluster):
        connection.restore("leases", 0, leases, replace=True)
    round_of_care()
    assert events(parts, "s", run_id)[-1] == WORKER_LOST
    assert "run" not in parts.sessions.get("s")


@pytest.fixture
def lost(parts, said, connection):
    """A running turn whose lease has run out."""
    run_id = parts.turns.send("s", said()).run_id
    begin(parts, "s", run_id)
    connection.zadd("leases", {f"s {run_id}": 1})
    return lambda: parts.runs.get("s", run_id).status == "error"


def forget_passes(connection):
    for key in connection.scan_iter("{leases}:pass:*"):
        connection.delete(key)


def set_passes_back(connection):
    for key in connection.scan_iter("{leases}:pass:*"):
        connection.set(key, int(connection.get(key)) - 1)


@pytest.mark.parametrize("forget", [forget_passes, set_passes_back])
def test_nothing_is_lost_for_one_lease_after_redis_has_lost_its_last_writes(parts, lost, connection, forget):
    """A failover: the turn's worker may have renewed its lease, on a master that is gone."""
    reaper, other = parts.reaper(), parts.reaper()
    parts.passes.note()
    forget(connection)
    reaper.run_once()
    reaper.run_once()
    assert not lost()
    other.run_once()
    assert lost()


def test_a_reaper_that_redis_has_kept_waiting_gives_every_process_a_lease(parts, lost, connection, monkeypatch):
    """A worker's client waits for Redis and raises nothing."""
    parts.passes.note()
    long_ago = parts.passes._last - 46_000_000
    monkeypatch.setattr(parts.passes, "_last", long_ago)
    for key in connection.scan_iter("{leases}:pass:*"):
        connection.set(key, long_ago)
    parts.reaper().run_once()
    assert not lost()


def test_a_message_whose_web_died_before_it_interrupted_is_not_left_waiting(parts, round_of_care, said):
    running = parts.turns.send("s", said("running"))
    claimed = parts.runs.claim("s", running.run_id, "worker")
    hasty = parts.runs.start("s", said("hasty", on_busy="interrupt"))
    patient = parts.runs.start("s", said("patient"))
    round_of_care(RunningTurn(claimed.session_id, claimed.id))
    assert events(parts, "s", running.run_id) == [sse.complete(interrupted=True)]
    assert parts.jobs.has_turn("s", hasty.run_id)
    assert parts.runs.get("s", patient.run_id).status == "waiting"


def test_a_turn_that_is_claimed_after_it_was_found_overdue_is_not_lost(parts, connection, said):
    run_id = parts.turns.send("s", said()).run_id
    connection.zadd("leases", {f"s {run_id}": now_ms() - 1})
    (found,) = parts.runs.leases.overdue()
    parts.runs.claim("s", run_id, "worker")
    LostTurns(parts.runs, parts.turns, parts.jobs, parts.usage_recovery).handle(*found)
    assert parts.runs.get("s", run_id).status == "running"


def test_the_leases_of_all_turns_of_a_process_are_renewed_with_one_call(parts, said, monkeypatch):
    """One by one, a busy process with many turns takes longer than a lease lasts."""
    runs = [RunningTurn(f"s{number}", parts.turns.send(f"s{number}", said()).run_id) for number in range(100)]
    calls, proceed = [], Store.call_each

    def counted(store, name, *args):
        calls.append(name)
        return proceed(store, name, *args)

    monkeypatch.setattr(Store, "call_each", counted)
    parts.runs._redis.zadd("leases", {f"{session_id} {run_id}": 1 for session_id, run_id, _ in runs})
    parts.runs.leases.renew_all(runs)
    assert calls == ["set_due"]
    assert parts.runs.leases.overdue() == []
