"""Calls of multi-step tools: what has not begun when its turn ends never begins, and one job at a time runs a call."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.events import sse
from app.state import redis_keys
from app.state.tools.step_calls import StepToolCall, StepToolCalls
from app.state.tools.tool_places import TooManyTools
from tests.state.conftest import Repeated
from tests.support.patience import until


@pytest.fixture(params=["sent once", "every script sent twice"])
def calls(request, store, connection, settings):
    return StepToolCalls(store if request.param == "sent once" else Repeated(connection, settings))


@pytest.fixture
def run(runs, said):
    """A running turn."""
    return runs.claim("s", runs.start("s", said()).run_id, "worker")


@pytest.fixture
def end(runs, run):
    """Ends the turn."""

    def settled(terminal=None):
        terminal = terminal or sse.complete(interrupted=True)
        runs.settle(runs.seal("s", run.id, sse.outcome(terminal), expect={"running"}), terminal)

    return settled


def call_of(run, call_id="c1"):
    return StepToolCall("s", run.id, call_id, run.thread_id, "default", "T", {})


@pytest.fixture
def settings(settings):
    return settings.model_copy(update={"tools_per_session": 3, "tools_per_address": 4})


def of_address(run, call_id):
    return replace(call_of(run, call_id), address="digest")


def claimed(calls, run):
    return calls.claim("s", run.id, "c1")


def test_a_call_of_a_turn_that_is_being_ended_is_not_recorded(runs, calls, run, connection):
    runs.seal("s", run.id, "interrupted", expect={"running"})
    assert not calls.record(call_of(run))
    assert not connection.exists(call_of(run).redis_key)


@pytest.mark.parametrize("terminal", [sse.complete(), sse.complete(interrupted=True), sse.LOST], ids=str)
def test_a_call_that_no_job_has_claimed_when_its_turn_ends_never_begins(calls, run, end, terminal):
    assert calls.record(call_of(run))
    end(terminal)
    assert claimed(calls, run) is None
    assert calls.get("s", run.id, "c1") is None


def test_a_job_that_has_not_begun_the_first_step_when_the_turn_ends_does_not_begin_it(calls, run, end):
    calls.record(call_of(run))
    call = claimed(calls, run)
    assert calls.may_step(call)
    end()
    assert not calls.may_step(call)
    assert not calls.set_first_step(call, "late")
    assert calls.first_step(call) is None


def test_a_call_whose_first_step_was_delivered_goes_on_when_its_turn_has_ended(sessions, calls, run, end):
    calls.record(call_of(run))
    assert calls.set_first_step(claimed(calls, run), "first")
    end()
    call = claimed(calls, run)
    assert (call.steps, calls.may_step(call)) == (1, True)
    assert calls.deliver(call, 2, "second", True)
    assert sessions.histories.messages("s", run.thread_id)[-1]["tool_results"][0]["result"] == "second"


def test_a_job_that_lost_its_call_to_another_begins_and_delivers_nothing_more(calls, run):
    """Its worker hung until the job was given to another one."""
    calls.record(call_of(run))
    late = claimed(calls, run)
    now = claimed(calls, run)
    assert (calls.may_step(late), calls.may_step(now)) == (False, True)
    assert not calls.set_first_step(late, "late")
    assert calls.set_first_step(now, "now")
    assert not calls.deliver(late, 2, "late", False)
    calls.finish(late)
    assert calls.deliver(now, 2, "now", False)
    assert (calls.first_step(now), calls.get("s", run.id, "c1").steps) == (["now"], 2)


def test_a_call_that_its_turn_no_longer_waits_for_ends_and_its_worker_is_told(calls, run, subscribe):
    listener = subscribe(redis_keys.CONTROL)
    calls.record(call_of(run))
    call = claimed(calls, run)
    calls.withdraw(call)
    assert (calls.may_step(call), calls.set_first_step(call, "late"), claimed(calls, run)) == (False, False, None)

    def of_this_run():  # the channel is the site's: a message of the test before may be late on a cluster
        message = listener.get_message(timeout=1)
        return message and run.id.encode() in message["data"] and message["data"].decode()

    assert until(of_this_run, what="the message") == f"drop steps {run.id} c1"


def test_a_call_whose_first_step_was_there_is_not_withdrawn(calls, run):
    calls.record(call_of(run))
    call = claimed(calls, run)
    calls.set_first_step(call, "first")
    assert not calls.withdraw(call)
    assert calls.may_step(call)


def test_a_call_that_the_last_version_recorded_goes_on(calls, run, end, connection):
    """It has no claim."""
    calls.record(call_of(run))
    connection.hset(call_of(run).redis_key, mapping={"first": '"first"', "steps": 1})
    end()
    assert calls.may_step(claimed(calls, run))


@pytest.mark.parametrize("way", ["finished", "withdrawn"])
def test_a_session_runs_no_more_tools_in_the_background_than_it_may(calls, run, way):
    for number in (1, 2, 3):
        calls.record(call_of(run, f"c{number}"))
    with pytest.raises(TooManyTools, match="at most 3 of one session"):
        calls.record(call_of(run, "c4"))
    if way == "withdrawn":
        calls.withdraw(call_of(run))
    else:
        calls.finish(claimed(calls, run))
    assert calls.record(call_of(run, "c4"))


def test_an_address_runs_no_more_tools_than_it_may_in_all_its_sessions(sessions, runs, calls, run, said):
    other = runs.claim("s2", runs.start("s2", said()).run_id, "worker")
    there = [replace(of_address(other, f"c{number}"), session_id="s2") for number in (1, 2)]
    for call in (*there, of_address(run, "c1"), of_address(run, "c2")):
        calls.record(call)
    with pytest.raises(TooManyTools, match="at most 4 of one address"):
        calls.record(of_address(run, "c3"))
    sessions.delete("s2")
    assert calls.record(of_address(run, "c3"))


def test_a_call_that_is_refused_holds_no_place_of_its_address(runs, calls, run, end, connection):
    end()
    assert not calls.record(of_address(run, "c1"))
    assert not connection.exists(redis_keys.tools_of_address("digest"))


def test_a_place_that_a_crash_left_behind_is_free_when_its_time_is_over(calls, run, connection):
    for number in (1, 2, 3):
        calls.record(call_of(run, f"c{number}"))
    connection.zadd(redis_keys.tools("s"), {f"{run.id}:c2": 1})
    assert calls.record(call_of(run, "c4"))


@pytest.fixture
def asleep(calls, run):
    """A call that sleeps behind its first step, for the second time."""
    calls.record(call_of(run))
    call = claimed(calls, run)
    calls.set_first_step(call, "first")
    calls.suspend(call, 2, 3600)
    return call


def wake(connection, call):
    """Let the call's time come."""
    connection.hset(call.redis_key, "wake", 1)
    connection.zadd(redis_keys.SLEEPING_CALLS, {call.member: 1})


def test_a_call_that_sleeps_is_claimed_by_nobody_until_its_time_has_come(calls, run, asleep, connection):
    assert (claimed(calls, run), calls.sleeping.take_due()) == (None, [])
    wake(connection, asleep)
    call = claimed(calls, run)
    assert (call.slept, call.is_asleep, connection.zcard(redis_keys.SLEEPING_CALLS)) == (2, False, 0)


def test_a_call_is_kept_for_as_long_as_it_sleeps(calls, run, asleep, store, connection):
    life = store.settings.tool_ttl + 3600
    assert life - 60 < connection.ttl(asleep.redis_key) <= life
    assert calls.get("s", run.id, "c1").is_asleep


def test_the_sleeps_before_a_step_do_not_count_behind_it(calls, run, asleep, connection):
    wake(connection, asleep)
    calls.deliver(claimed(calls, run), 2, "second", False)
    assert calls.get("s", run.id, "c1").slept == 0


def test_one_process_wakes_a_call_and_it_is_woken_again_when_no_job_has_claimed_it(store, run, asleep, connection):
    calls = StepToolCalls(store)
    wake(connection, asleep)
    assert calls.sleeping.take_due() == [("s", run.id, "c1")]
    assert calls.sleeping.take_due() == []
    assert connection.zscore(redis_keys.SLEEPING_CALLS, asleep.member) > 1
    assert claimed(calls, run)


@pytest.mark.parametrize("ended", ["its session is deleted", "its thread is deleted"])
def test_a_call_that_sleeps_goes_with_its_session_or_thread(sessions, calls, run, asleep, connection, ended):
    if ended == "its session is deleted":
        sessions.delete("s")
        assert connection.zcard(redis_keys.SLEEPING_CALLS) == 0
        calls.suspend(asleep, 3, 3600)  # a late worker
    else:
        sessions.delete_thread("s", run.thread_id)
        wake(connection, asleep)
    assert claimed(calls, run) is None
    assert connection.zcard(redis_keys.SLEEPING_CALLS) == 0


def test_a_late_job_does_not_put_a_call_to_sleep(calls, run, connection):
    calls.record(call_of(run))
    late = claimed(calls, run)
    now = claimed(calls, run)
    calls.suspend(late, 1, 3600)
    assert connection.zcard(redis_keys.SLEEPING_CALLS) == 0
    assert calls.may_step(now)
