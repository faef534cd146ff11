"""Slots: so many turns at once for a key or an address, each given back by whatever ends its turn."""

from __future__ import annotations

import pytest
from redis.exceptions import ResponseError

from app.events import sse
from app.state import redis_keys
from app.state.scripts import Store
from app.state.turns.leases import RunningTurn
from app.state.turns.run_records import EventBatch
from app.state.turns.run_status import UNFINISHED
from app.state.turns.runs import RunStore
from app.state.turns.slots import ConcurrencyLimit
from tests.state.conftest import Repeated
from tests.state.test_reaper import parts  # noqa: F401
from tests.support.moments import now_ms

KEY, ADDRESS = ConcurrencyLimit("key", "ab12", 2), ConcurrencyLimit("address", "2001:db8::/64", 2)


@pytest.fixture(params=[Store, Repeated])
def runs(request, connection, settings) -> RunStore:
    return RunStore(request.param(connection, settings))


def slots(connection, limit):
    return [raw.decode() for raw in connection.zrange(limit.redis_key, 0, -1)]


def end(runs, session_id, run_id):
    sealed = runs.seal(session_id, run_id, "complete", expect=UNFINISHED)
    runs.settle(sealed, sse.complete())


def test_a_turn_holds_its_slots_from_its_acceptance_to_its_end(runs, connection, said):
    run_id = runs.start("s", said(limits=(KEY, ADDRESS))).run_id
    assert slots(connection, KEY) == slots(connection, ADDRESS) == [f"s {run_id}"]
    assert 0 < connection.pttl(KEY.redis_key) <= runs.leases.slot_ttl * 1000
    end(runs, "s", run_id)
    assert not connection.exists(KEY.redis_key, ADDRESS.redis_key)


def test_a_turn_beyond_is_refused_and_one_more_is_accepted_when_one_has_ended(runs, connection, said):
    first, _ = (runs.start(session, said(limits=(KEY,))).run_id for session in ("a", "b"))
    before = sorted(connection.scan_iter()), slots(connection, KEY)
    refused = runs.start("c", said(limits=(KEY,)))
    assert (refused.outcome, refused.exceeded, refused.run_id) == ("limit_reached", KEY, "")
    assert (sorted(connection.scan_iter()), slots(connection, KEY)) == before
    end(runs, "a", first)
    assert runs.start("c", said(limits=(KEY,))).outcome == "started"


def test_who_lacks_one_slot_keeps_no_other(runs, connection, said):
    narrow = ConcurrencyLimit("key", "ab12", 1)
    runs.start("a", said(limits=(narrow,)))
    assert runs.start("b", said(limits=(ADDRESS, narrow))).exceeded == narrow
    assert slots(connection, ADDRESS) == []


def test_who_is_refused_a_slot_by_redis_keeps_no_other(runs, connection, said):
    connection.set(KEY.redis_key, "no slots")
    with pytest.raises(ResponseError):
        runs.start("s", said(limits=(ADDRESS, KEY)))
    assert slots(connection, ADDRESS) == []


def test_turns_that_wait_in_one_session_count_as_the_one_that_runs(runs, said):
    one = ConcurrencyLimit("key", "ab12", 1)
    assert [runs.start("a", said(limits=(one,))).outcome for _ in range(3)] == ["started", "waiting", "waiting"]
    assert runs.start("b", said(limits=(one,))).outcome == "limit_reached"


def test_a_message_that_is_refused_gives_its_slot_back(runs, connection, said):
    run_id = runs.start("a", said(limits=(KEY,))).run_id
    assert runs.start("a", said(limits=(KEY,), on_busy="reject")).outcome == "busy"
    assert slots(connection, KEY) == [f"a {run_id}"]


def test_a_message_that_is_sent_again_attaches_to_its_turn_although_no_slot_is_left(runs, connection, said):
    one = ConcurrencyLimit("key", "ab12", 1)
    message = said(limits=(one,), idempotency_key="k", body=b"hello")
    run_id = runs.start("a", message).run_id
    again = runs.start("a", message)
    assert (again.outcome, again.run_id) == ("again", run_id)
    assert slots(connection, one) == [f"a {run_id}"]


def test_and_so_it_does_when_its_turn_has_ended_and_others_have_all_slots(runs, connection, said):
    one = ConcurrencyLimit("key", "ab12", 1)
    message = said(limits=(one,), idempotency_key="k", body=b"hello")
    run_id = runs.start("a", message).run_id
    end(runs, "a", run_id)
    runs.start("b", said(limits=(one,)))
    assert (again := runs.start("a", message)).outcome == "again"
    assert again.run_id == run_id


def test_a_slot_whose_lease_ran_out_is_free(runs, connection, said):
    one = ConcurrencyLimit("key", "ab12", 1)
    connection.zadd(one.redis_key, {"dead run_dead": now_ms() - 1})
    assert runs.start("a", said(limits=(one,))).outcome == "started"


def test_a_slot_is_renewed_with_the_lease_of_its_turn_and_outlasts_it(runs, connection, said):
    run_id = runs.start("a", said(limits=(KEY,))).run_id
    connection.zadd(KEY.redis_key, {f"a {run_id}": 1})
    assert runs.claim("a", run_id, "worker").slots == (KEY.redis_key,)
    runs.leases.renew("a", run_id, (KEY.redis_key,))
    lease = connection.zscore(redis_keys.LEASES, f"a {run_id}")
    assert connection.zscore(KEY.redis_key, f"a {run_id}") >= lease + 1000


def test_a_renewal_that_comes_late_takes_no_slot_of_a_turn_that_has_ended(runs, connection, said):
    run_id = runs.start("a", said(limits=(KEY,))).run_id
    end(runs, "a", run_id)
    runs.leases.renew("a", run_id, (KEY.redis_key,))
    assert slots(connection, KEY) == []


def overdue(connection):
    for lease in connection.zrange(redis_keys.LEASES, 0, -1):
        connection.zadd(redis_keys.LEASES, {lease: now_ms() - 1})


def test_what_a_dead_worker_held_is_given_back_by_the_reaper(parts, connection, said):  # noqa: F811
    run_id = parts.turns.send("a", said(limits=(KEY,))).run_id
    parts.runs.claim("a", run_id, "worker")
    parts.runs.append([EventBatch("a", run_id, 1, [sse.text("so far")])])
    overdue(connection)
    parts.reaper().run_once()
    assert slots(connection, KEY) == []


def test_the_reaper_keeps_the_slots_of_turns_that_run_here_and_of_those_that_wait(parts, connection, said):  # noqa: F811
    runs_here, waits = (parts.turns.send(session, said(limits=(KEY,))).run_id for session in ("a", "b"))
    parts.runs.claim("a", runs_here, "worker")
    for member in (f"a {runs_here}", f"b {waits}"):
        connection.zadd(KEY.redis_key, {member: now_ms() + 1})
    overdue(connection)
    parts.reaper(lambda: [RunningTurn("a", runs_here, (KEY.redis_key,))]).run_once()
    assert all(end > now_ms() + 1000 for _, end in connection.zrange(KEY.redis_key, 0, -1, withscores=True))


def test_an_end_whose_author_died_before_its_slot_was_dropped_is_finished(parts, connection, said):  # noqa: F811
    run_id = parts.turns.send("a", said(limits=(KEY,))).run_id
    parts.turns.interrupt("a")
    connection.zadd(KEY.redis_key, {f"a {run_id}": now_ms() + 5000})
    connection.zadd(redis_keys.LEASES, {f"a {run_id}": now_ms() - 1})
    parts.reaper().run_once()
    assert slots(connection, KEY) == []
