"""Running the calls of one reply: side by side, and whatever a tool does, the model gets a result."""

from __future__ import annotations

import threading

import pytest

from tests.support.patience import patient
from workers.cancellation import ENDED_ELSEWHERE, INTERRUPTED, CancelToken, Stopped
from workers.toolbox import Toolbox, ToolLimits
from workers.tools import Tool, ToolContext, ToolError
from workers.turn import ToolRequest

SOON = patient(10)


def Echo(ctx: ToolContext, word: str = "") -> dict:
    """Say it again."""
    return {"said": word, "session": ctx.session_id}


def Refuse():
    """Refuse."""
    raise ToolError("The market is closed")


def Break():
    """Break."""
    raise RuntimeError("secret")


def Flood():
    """Say too much."""
    return "x" * 1000


def Steps(to: int):
    """Count."""
    yield from range(to)


def no_steps(request, tool, token):
    pytest.fail("began a multi-step tool")


@pytest.fixture
def release():
    """Lets go, at the latest at the end of the test, what a tool waits for."""
    event = threading.Event()
    yield event
    event.set()


def no_client(request, wanted):
    pytest.fail("asked the client")


def toolbox(*functions, begin_steps=no_steps, timeout=SOON, check_running=lambda: None):
    tools = {function.__name__: Tool(function, "tests") for function in functions}
    limits = ToolLimits(timeout, 100)
    return Toolbox(tools, ToolContext(session_id="s"), begin_steps, limits, no_client, check_running)


def call(name, arguments="{}", call_id="call_1"):
    return ToolRequest(call_id, name, arguments)


def result_of(box, request):
    ((_, result),) = box((request,), CancelToken())
    return result


def test_a_call_gets_its_arguments_and_the_context():
    assert result_of(toolbox(Echo), call("Echo", '{"word":"hi"}')) == {"said": "hi", "session": "s"}


def test_calls_run_side_by_side():
    barrier = threading.Barrier(3)

    def Meet() -> int:
        """Wait for the others."""
        barrier.wait(SOON)
        return 1

    calls = tuple(call("Meet", call_id=f"call_{number}") for number in range(3))
    assert [result for _, result in toolbox(Meet)(calls, CancelToken())] == [1, 1, 1]


def test_each_result_comes_as_it_finishes_with_its_call(release):
    def Slow() -> str:
        """Wait."""
        release.wait(SOON)
        return "slow"

    slow, quick = call("Slow", call_id="call_1"), call("Echo", call_id="call_2")
    results = toolbox(Slow, Echo)((slow, quick), CancelToken())
    assert next(results) == (quick, {"said": "", "session": "s"})
    release.set()
    assert next(results) == (slow, "slow")


def test_a_tool_that_does_not_end_in_time_is_left_behind(release):
    def Hang():
        """Wait."""
        release.wait(SOON)

    hang, quick = call("Hang", call_id="call_1"), call("Echo", call_id="call_2")
    timeout = patient(0.2)
    late = {"error": f"The tool did not finish within {timeout:g} seconds"}
    assert list(toolbox(Hang, Echo, timeout=timeout)((hang, quick), CancelToken())) == [
        (quick, {"said": "", "session": "s"}),
        (hang, late),
    ]


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (call("Sing"), "There is no tool 'Sing'; there are: Echo, Refuse, Break, Flood, Steps"),
        (call("Echo", "{"), "The arguments are not a JSON object"),
        (call("Echo", "[]"), "The arguments are not a JSON object"),
        (call("Echo", '{"word":1}'), "Invalid arguments for Echo: word: Input should be a valid string"),
        (call("Steps"), "Invalid arguments for Steps: to: Field required"),
        (call("Refuse"), "The market is closed"),
        (call("Break"), "The tool Break failed; the server's log says why"),
        (call("Flood"), "The result has 1,002 bytes; at most 100 are allowed; ask for less"),
    ],
)
def test_what_goes_wrong_is_a_result_that_the_model_reads(request_, error):
    assert result_of(toolbox(Echo, Refuse, Break, Flood, Steps), request_) == {"error": error}


def test_a_tool_that_breaks_leaves_its_traceback_in_the_log(caplog):
    result_of(toolbox(Break), call("Break"))
    assert "RuntimeError: secret" in caplog.text


def test_a_multi_step_tool_is_begun_elsewhere_and_its_first_step_is_the_result():
    begun = []

    def begin_steps(request, tool, token):
        begun.append((request.args(), tool.name))
        return {"step": 1}

    assert result_of(toolbox(Steps, begin_steps=begin_steps), call("Steps", '{"to":3}')) == {"step": 1}
    assert begun == [({"to": 3}, "Steps")]


def test_a_stop_waits_for_no_tool(release):
    token, ended = CancelToken(), threading.Event()

    def Hang():
        """Be interrupted."""
        token.cancel(INTERRUPTED)
        release.wait(SOON)
        ended.set()

    with pytest.raises(Stopped):
        list(toolbox(Hang)((call("Hang"),), token))
    assert not ended.is_set()


def test_no_tool_begins_when_the_turn_was_ended_elsewhere():
    """The worker hung until its turn was lost: it does not know, Redis does."""
    begun = []

    def Act():
        """Do something."""
        begun.append(1)

    def check_running():
        raise Stopped(ENDED_ELSEWHERE)

    token = CancelToken()
    with pytest.raises(Stopped, match=ENDED_ELSEWHERE):
        list(toolbox(Act, check_running=check_running)((call("Act"),), token))
    assert (begun, token.cancelled) == ([], True)


def test_a_stop_between_two_results_gives_no_more(release):
    def Hang():
        """Wait."""
        release.wait(SOON)

    token = CancelToken()
    results = toolbox(Echo, Hang)((call("Echo"), call("Hang", call_id="call_2")), token)
    next(results)
    token.cancel(INTERRUPTED)
    with pytest.raises(Stopped):
        next(results)


def test_a_stop_that_ends_the_wait_for_a_first_step_ends_the_turn():
    def begin_steps(request, tool, token):
        token.cancel(INTERRUPTED)
        token.check()

    with pytest.raises(Stopped):
        list(toolbox(Steps, begin_steps=begin_steps)((call("Steps", '{"to":3}'),), CancelToken()))


def test_the_schemas_are_those_of_the_tools():
    assert [schema["function"]["name"] for schema in toolbox(Echo, Steps).schemas] == ["Echo", "Steps"]
