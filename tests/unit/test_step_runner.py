"""A multi-step tool: each step once, the last one marked, a failure told, a stop obeyed, a restart continued."""

from __future__ import annotations

import threading

import pytest

from app.state.tools.step_calls import StepToolCall
from tests.support.patience import patient
from workers.cancellation import ENDED_ELSEWHERE, SHUTDOWN, CancelToken, Stopped
from workers.step_runner import MAX_UNDELIVERED, StepRunner
from workers.tools import Tool, ToolContext, ToolError, resumable

SOON = patient(10)


def Count(to: int):
    """Count."""
    yield from range(1, to + 1)


@resumable
def CountOn(ctx: ToolContext, to: int):
    """Count on from where it was."""
    yield from range(ctx.step + 1, to + 1)


def CountFor(ctx: ToolContext, to: int):
    """Count, with the context for something else."""
    assert ctx.user_state == {}
    yield from range(1, to + 1)


def Break():
    """Break after one step."""
    yield 1
    raise RuntimeError("secret")


def Refuse():
    """Refuse after one step."""
    yield 1
    raise ToolError("The market is closed")


def Flood():
    """Say too much, then something."""
    yield "x" * 1000
    yield 2


def Sleep(ctx: ToolContext):
    """One step and a long wait."""
    yield 1
    ctx.sleep(3600)
    yield 2


def always():
    """No step is refused."""


def stepper(function, args=None, delivered=0, token=None, check=always):
    name = function.__name__
    call = StepToolCall(
        session_id="s",
        run_id="run_1",
        call_id="call_1",
        thread_id="thread_1",
        app="default",
        name=name,
        args=args or {},
        steps=delivered,
    )
    context = ToolContext(step=delivered, token=token or CancelToken())
    return StepRunner(Tool(function, "tests"), call, context, 100, check)


def steps(*args, **options):
    return list(stepper(*args, **options).steps(CancelToken()))


@pytest.mark.parametrize(
    ("to", "expected"),
    [
        (3, [(1, False), (2, False), (3, True)]),
        (1, [(1, False), (None, True)]),
        (0, [(None, True)]),
        (
            3 * MAX_UNDELIVERED,
            [(number, number == 3 * MAX_UNDELIVERED) for number in range(1, 3 * MAX_UNDELIVERED + 1)],
        ),
    ],
)
def test_the_last_step_is_marked(to, expected):
    assert steps(Count, {"to": to}) == expected


def test_a_generator_that_is_not_through_holds_no_step_back_and_ends_with_an_empty_one():
    through = threading.Event()

    def Linger():
        """Two steps, then work that yields nothing."""
        yield 1
        yield 2
        through.wait(SOON)

    results = stepper(Linger).steps(CancelToken())
    assert [next(results), next(results)] == [(1, False), (2, False)]
    through.set()
    assert list(results) == [(None, True)]


@pytest.mark.parametrize(
    ("function", "error"),
    [(Break, "The tool Break failed; the server's log says why"), (Refuse, "The market is closed")],
)
def test_a_failure_is_the_last_step(function, error):
    assert steps(function) == [(1, False), ({"error": error}, True)]


def test_the_second_step_begins_when_the_first_one_is_delivered():
    """A turn that ends before that ends the tool."""
    begun = []

    def Act():
        """Do something at each step."""
        for number in (1, 2):
            begun.append(number)
            yield number

    results = stepper(Act).steps(CancelToken())
    assert next(results) == (1, False)
    assert begun == [1]
    assert list(results) == [(2, True)]


@pytest.mark.parametrize("allowed", [0, 1, 2])
def test_a_step_that_may_not_begin_stops_the_tool(allowed):
    """Another worker has taken the call over, or the turn was over before the first step."""
    begun, checks = [], iter([None] * allowed)

    def check():
        if next(checks, "refused"):
            raise Stopped(ENDED_ELSEWHERE)

    def Act():
        """Do something at each step."""
        for number in (1, 2, 3):
            begun.append(number)
            yield number

    token = CancelToken()
    with pytest.raises(Stopped, match=ENDED_ELSEWHERE):
        list(stepper(Act, check=check).steps(token))
    assert begun == [1, 2][:allowed]
    assert token.cancelled


def test_wrong_arguments_are_the_only_step():
    [(result, is_last)] = steps(Count, {"to": "x"})
    assert result["error"].startswith("Invalid arguments for Count: to: ")
    assert not is_last


def test_a_step_that_is_too_large_is_an_error_and_does_not_end_the_tool():
    assert steps(Flood) == [
        ({"error": "The result has 1,002 bytes; at most 100 are allowed; ask for less"}, False),
        (2, True),
    ]


@pytest.mark.parametrize("function", [Count, CountFor, CountOn])
@pytest.mark.parametrize(
    ("delivered", "expected"), [(0, [(1, False), (2, False), (3, True)]), (2, [(3, True)]), (3, [(None, True)])]
)
def test_steps_that_were_delivered_before_a_restart_are_not_delivered_again(function, delivered, expected):
    """They are skipped, also when the tool takes a context; a resumable tool starts behind them by itself."""
    assert steps(function, {"to": 3}, delivered=delivered) == expected


def test_a_stop_ends_a_tool_that_sleeps():
    token = CancelToken()
    results = stepper(Sleep, token=token).steps(token)
    assert next(results) == (1, False)
    token.cancel(SHUTDOWN)
    with pytest.raises(Stopped, match=SHUTDOWN):
        next(results)


def test_a_stop_waits_for_no_tool_that_does_not_heed_it():
    token, release, ended = CancelToken(), threading.Event(), threading.Event()

    def Hang():
        """Be stopped and go on."""
        token.cancel(SHUTDOWN)
        release.wait(SOON)
        ended.set()
        yield 1

    with pytest.raises(Stopped):
        next(stepper(Hang).steps(token))
    assert not ended.is_set()
    release.set()


def test_under_a_stopped_token_no_step_comes():
    token = CancelToken()
    token.cancel(SHUTDOWN)
    with pytest.raises(Stopped):
        next(stepper(Count, {"to": 3}).steps(token))
