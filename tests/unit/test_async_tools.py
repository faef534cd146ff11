"""Async tools: the same stop, time limit and steps as others have, and no tool holds up the others for ever."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
import time
from types import SimpleNamespace

import pytest

from tests.support.patience import patient, until
from tests.unit.test_step_runner import stepper
from workers.cancellation import INTERRUPTED, SHUTDOWN, CancelToken, Stopped
from workers.step_pace import StepPace, Suspended
from workers.toolbox import Toolbox, ToolLimits
from workers.tools import ClientRequest, Tool, ToolContext, ToolError, resumable
from workers.tools.async_loop import ToolLoop, _ToolThread
from workers.turn import ToolRequest

SOON = patient(10)

WHO: contextvars.ContextVar[str] = contextvars.ContextVar("who", default="nobody")


@pytest.fixture
def loop():
    """A loop that gives up what blocks it after two checks."""
    loop = ToolLoop(SOON, blocked_seconds=1.5)
    yield loop
    loop.stop()


@pytest.fixture
def run(loop):
    """Runs a tool as a turn does; returns its result."""

    def run(function, args="{}", token=None, timeout=SOON, asked=None):
        token = token or CancelToken()
        context = ToolContext(session_id="s", token=token)
        tools = {function.__name__: Tool(function, "tests", loop)}
        box = Toolbox(tools, context, None, ToolLimits(timeout, 1000), asked)
        ((_, result),) = box((ToolRequest("call_1", function.__name__, args),), token)
        return result

    return run


def threads():
    return [thread for thread in threading.enumerate() if thread.name == "async tools"]


async def Echo(ctx: ToolContext, word: str) -> dict[str, str]:
    """Say it again."""
    await ctx.async_sleep(0.001)
    return {"said": word, "session": ctx.session_id}


def test_a_coroutine_gets_its_arguments_and_its_context(run):
    assert run(Echo, '{"word":"hi"}') == {"said": "hi", "session": "s"}


def test_bad_arguments_and_errors_are_told_to_the_model(run):
    async def Refuse():
        """Refuse."""
        raise ToolError("The market is closed")

    async def Break():
        """Break."""
        raise TimeoutError("secret")

    assert run(Echo)["error"].startswith("Invalid arguments for Echo: word")
    assert run(Refuse) == {"error": "The market is closed"}
    assert run(Break) == {"error": "The tool Break failed; the server's log says why"}


def test_an_executor_passes_on_context_variables(run):
    async def Ask():
        """Ask in a thread."""
        WHO.set("the caller")
        return await asyncio.get_running_loop().run_in_executor(None, WHO.get)

    assert run(Ask) == "the caller"


def test_a_function_that_returns_a_coroutine_counts_as_one(run):
    def Wrapped():
        """Say it later."""
        return asyncio.sleep(0, "later")

    assert run(Wrapped) == "later"


def test_a_client_request_may_come_from_a_coroutine(run):
    async def Ask() -> ClientRequest:
        """Ask."""
        return ClientRequest("photo", {})

    assert run(Ask, asked=lambda call, wanted: {"asked": wanted.kind}) == {"asked": "photo"}


def test_context_variables_of_the_call_are_there(run):
    async def Who() -> str:
        """Tell."""
        return WHO.get()

    WHO.set("ada")
    assert run(Who) == "ada"


def test_one_thread_runs_all_and_only_from_the_first_call_on(run, loop):
    async def Where() -> int:
        """Tell."""
        return threading.get_ident()

    before = threads()
    ToolLoop().stop()
    assert threads() == before
    assert run(Where) == run(Where)
    assert len(threads()) == len(before) + 1
    loop.stop()
    assert threads() == before


@pytest.mark.parametrize("sleep", ["ctx.async_sleep", "asyncio.sleep"])
def test_a_stop_cancels_the_coroutine(run, sleep):
    token, cancelled = CancelToken(), threading.Event()

    async def Hang(ctx: ToolContext):
        """Be interrupted."""
        threading.Timer(0.05, token.cancel, (INTERRUPTED,)).start()
        try:
            await (ctx.async_sleep(3600) if sleep == "ctx.async_sleep" else asyncio.sleep(3600))
        finally:
            cancelled.set()

    with pytest.raises(Stopped, match=INTERRUPTED):
        run(Hang, token=token)
    assert cancelled.wait(SOON)


def test_a_coroutine_that_exceeds_its_time_is_cancelled(run, loop):
    cancelled = threading.Event()
    loop._timeout = timeout = 0.1

    async def Hang():
        """Wait."""
        try:
            await asyncio.sleep(3600)
        finally:
            cancelled.set()

    assert run(Hang, timeout=timeout) == {"error": "The tool did not finish within 0.1 seconds"}
    assert cancelled.wait(SOON)


def test_a_coroutine_that_swallows_its_cancel_holds_nobody(run):
    token, done = CancelToken(), threading.Event()

    async def Stubborn():
        """Go on."""
        token.cancel(INTERRUPTED)
        while not done.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0.01)

    with pytest.raises(Stopped):
        run(Stubborn, token=token)
    until(lambda: not [one for one in threading.enumerate() if one.name == "Stubborn"], what="the end of its thread")
    done.set()


def test_the_sleep_of_other_tools_is_refused(run, caplog):
    async def Block(ctx: ToolContext):
        """Sleep the wrong way."""
        ctx.sleep(3600)

    assert "failed" in run(Block)["error"]
    assert "await ctx.async_sleep" in caplog.text


@pytest.mark.parametrize("kind", ["async", "plain"])
def test_a_tool_that_exits_ends_its_call_alone(run, kind):
    async def Exit():
        """Exit."""
        raise SystemExit(3)

    def Leave():
        """Exit."""
        raise SystemExit(3)

    assert "failed" in run(Exit if kind == "async" else Leave)["error"]
    assert run(Echo, '{"word":"hi"}')["said"] == "hi"


def test_a_loop_that_is_blocked_is_given_up_and_the_others_go_on(run, loop, caplog):
    """What blocks it cannot be killed: its thread goes on alone, and ends when it returns."""
    blocks, release = threading.Event(), threading.Event()

    async def Block():
        """Block."""
        blocks.set()
        release.wait(SOON)

    async def Innocent():
        """Wait."""
        blocker.start()
        await asyncio.sleep(3600)

    before, results = threads(), []
    blocker = threading.Thread(target=lambda: results.append(run(Block)))
    results.append(run(Innocent))
    blocker.join(SOON)
    assert [result["error"] for result in results] == [
        "The tool was ended: an async tool blocks the worker; the server's log says where"
    ] * 2
    assert "in Block" in caplog.text
    assert run(Echo, '{"word":"hi"}')["said"] == "hi"
    release.set()
    until(lambda: len(threads()) == len(before) + 1, what="the blocked thread to end")


def test_a_process_that_was_frozen_gives_nothing_up(monkeypatch):
    """After it the clock says that the loop was silent for an hour."""
    clock = iter([0, 1, 3600, 3601])
    monkeypatch.setattr("workers.tools.async_loop.time", SimpleNamespace(monotonic=lambda: next(clock)))
    thread = _ToolThread()  # not started: it never responds
    assert [thread.is_blocked(3.5) for _ in range(4)] == [False, False, False, True]


# Multi-step tools


async def Count(to: int):
    """Count."""
    for number in range(1, to + 1):
        await asyncio.sleep(0)
        yield number


def stepped(function, loop, args=None, delivered=0, token=None):
    runner = stepper(function, args, delivered, token)
    runner._tool = Tool(function, "tests", loop)
    return runner


@pytest.mark.parametrize(("delivered", "numbers"), [(0, [1, 2, 3]), (2, [3])])
def test_an_async_generator_has_steps(loop, delivered, numbers):
    assert Tool(Count, "tests").has_steps
    found = list(stepped(Count, loop, {"to": 3}, delivered).steps(CancelToken()))
    assert found == [(number, number == 3) for number in numbers]


def test_a_generator_runs_in_one_task(loop):
    """So it may hold timeouts and task groups open over a `yield`, and keeps its context variables."""

    async def Held():
        """Count."""
        async with asyncio.timeout(3600), asyncio.TaskGroup():
            WHO.set("ada")
            yield 1
            yield WHO.get()

    assert list(stepped(Held, loop).steps(CancelToken())) == [(1, False), ("ada", True)]


def test_a_failure_is_the_last_step(loop):
    async def Break():
        """Break after one step."""
        yield 1
        raise RuntimeError("secret")

    failed = {"error": "The tool Break failed; the server's log says why"}
    assert list(stepped(Break, loop).steps(CancelToken())) == [(1, False), (failed, True)]


@pytest.mark.parametrize("where", ["at a yield", "in a sleep"])
def test_a_stop_ends_the_generator_with_its_finally(loop, where):
    token, ended = CancelToken(), threading.Event()

    async def Hang(ctx: ToolContext):
        """Be stopped."""
        try:
            yield 1
            yield 2
            if where == "in a sleep":
                await ctx.async_sleep(3600)
            for number in range(100):
                yield number
        finally:
            ended.set()

    results = stepped(Hang, loop, token=token).steps(token)
    assert [next(results), next(results)] == [(1, False), (2, False)]
    token.cancel(SHUTDOWN)
    with pytest.raises(Stopped, match=SHUTDOWN):
        next(results)
    assert ended.wait(SOON)


def test_a_long_sleep_of_a_resumable_generator_gives_its_job_back(loop):
    @resumable
    async def Recur(ctx: ToolContext):
        """Count on."""
        for number in range(ctx.step + 1, 3):
            if number > 1:
                await ctx.async_sleep(3600)
            yield number

    runner = stepped(Recur, loop)
    pace = StepPace(runner._call, CancelToken(), lambda: None, 10, 5)
    runner._context = ToolContext(sleeper=pace)
    runner._check = pace.begin_step
    results = runner.steps(CancelToken())
    assert next(results) == (1, False)
    with pytest.raises(Suspended) as asleep:
        next(results)
    assert (asleep.value.seconds, asleep.value.slept) == (3600, 1)


def test_a_thread_that_an_async_tool_leaves_behind_does_not_hold_up_the_stop(run, loop):
    release = threading.Event()

    async def Delegate():
        """Block a thread."""
        await asyncio.to_thread(release.wait, SOON)

    token = CancelToken()
    threading.Timer(0.05, token.cancel, (INTERRUPTED,)).start()
    with pytest.raises(Stopped):
        run(Delegate, token=token)
    began = time.monotonic()
    loop.stop()
    assert time.monotonic() - began < SOON / 2
    release.set()
