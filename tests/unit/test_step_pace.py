"""The pace of a multi-step tool: long sleeps end the job, and those that are over return at once."""

from __future__ import annotations

import math

import pytest

from app.state.tools.step_calls import StepToolCall
from workers.cancellation import ENDED_ELSEWHERE, INTERRUPTED, CancelToken, Stopped
from workers.step_pace import StepPace, Suspended
from workers.step_runner import StepRunner
from workers.tools import Tool, ToolContext, resumable


def call_of(name="T", steps=1, slept=0, args=None):
    return StepToolCall("s", "run_1", "call_1", "thread_1", "default", name, args or {}, steps, slept=slept)


def paced(call, longest=5.0, token=None, check=lambda: None, lease=10.0):
    return StepPace(call, token or CancelToken(), check, lease, longest)


def test_a_long_sleep_ends_the_job():
    pace = paced(call_of())
    pace.begin_step()
    with pytest.raises(Suspended) as suspended:
        pace.sleep(3600)
    assert (suspended.value.seconds, suspended.value.slept) == (3600, 1)


def test_a_short_sleep_does_not():
    paced(call_of()).sleep(0.001)


def test_no_tool_swallows_it():
    assert not issubclass(Suspended, Exception)


def test_sleeps_that_are_over_return_at_once_and_the_next_one_ends_the_job():
    pace = paced(call_of(slept=2))
    pace.begin_step()
    pace.sleep(3600)
    pace.sleep(3600)
    with pytest.raises(Suspended) as suspended:
        pace.sleep(60)
    assert suspended.value.slept == 3


def test_behind_a_step_no_sleep_is_over():
    pace = paced(call_of(slept=1))
    pace.begin_step()
    pace.sleep(3600)
    pace.begin_step()
    with pytest.raises(Suspended) as suspended:
        pace.sleep(3600)
    assert suspended.value.slept == 1


def test_a_turn_that_waits_for_the_first_step_waits_for_the_sleep():
    token = CancelToken()
    token.cancel(INTERRUPTED)
    with pytest.raises(Stopped):
        paced(call_of(steps=0), token=token).sleep(3600)


def test_a_tool_that_is_not_resumable_sleeps_in_its_job():
    token = CancelToken()
    token.cancel(INTERRUPTED)
    with pytest.raises(Stopped):
        paced(call_of(), longest=math.inf, token=token).sleep(3600)


def test_a_process_that_slept_for_a_lease_asks_whether_the_call_is_still_its_own():
    def check():
        raise Stopped(ENDED_ELSEWHERE)

    with pytest.raises(Stopped, match=ENDED_ELSEWHERE):
        paced(call_of(), check=check, lease=0.001).sleep(0.002)


@resumable
def Recur(ctx: ToolContext, to: int):
    """Count with a long sleep before each number but the first."""
    for number in range(ctx.step + 1, to + 1):
        if number > 1:
            ctx.sleep(3600)
        yield number


def test_a_resumable_tool_goes_on_behind_its_sleep_in_the_next_job():
    delivered, steps, slept, jobs = [], 0, 0, 0
    while True:
        jobs += 1
        call, token = call_of("Recur", steps, slept, {"to": 3}), CancelToken()
        pace = paced(call, token=token)
        context = ToolContext(step=steps, token=token, sleeper=pace)
        try:
            for value, _ in StepRunner(Tool(Recur, "tests"), call, context, 100, pace.begin_step).steps(token):
                delivered.append(value)
                steps, slept = steps + 1, 0
            break
        except Suspended as suspended:
            slept = suspended.slept
    assert ([value for value in delivered if value], jobs) == ([1, 2, 3], 3)
