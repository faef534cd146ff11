"""A server of an older revision, without the SDK: its notifications and ours, and its long tools."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from app.catalog import McpServer
from tests.mcp.conftest import app_of, serving
from tests.mcp.test_wrong_servers import program
from tests.support.patience import meanwhile, until
from workers.cancellation import INTERRUPTED, CancelToken, Stopped
from workers.jobs.mcp_tools import mcp_tool
from workers.mcp import calls
from workers.tools import ToolContext, ToolError


@pytest.fixture
def servers():
    right = program("right").model_copy(update={"long": ("pay", "read")})
    with serving({"old": right, "away": McpServer(command="no-such-program-of-ours")}) as running:
        yield running


def test_a_long_tool_runs_once_unless_its_server_allows_two_calls(servers):
    pay, read = servers.tool("old__pay"), servers.tool("old__read")
    steps = list(pay.run({}, ToolContext()))
    assert steps[0] == {"status": "running"}
    assert steps[1].endswith("pay")
    with pytest.raises(ToolError, match="is not made again"):
        list(pay.run({}, ToolContext(step=1)))
    (again,) = read.run({}, ToolContext(step=1))
    assert again.endswith("read")
    assert again.count("pay") == 1


def test_a_question_in_a_call_is_declined_at_once_and_the_model_reads_that_nobody_was_asked(servers):
    declined, note = servers.call("old__ask").split("\n\n")
    assert json.loads(declined)["action"] == "decline"
    assert "wanted to ask the user: 'Which city?'. Nobody was asked" in note
    assert "Nobody was asked" not in list(servers.tool("old__read").run({}, ToolContext()))[-1]


def test_a_tool_that_the_server_adds_is_offered(servers):
    list(servers.tool("old__pay").run({}, ToolContext()))
    assert servers.tool("old__grown")


def test_a_stop_sends_the_notification_of_a_cancel(servers):
    token, wait, read = CancelToken(), servers.tool("old__wait"), servers.tool("old__read")

    def heard():
        return list(read.run({}, ToolContext(step=1)))[-1]

    def call():
        with pytest.raises(Stopped):
            wait.run({}, ToolContext(token=token))

    with meanwhile(call):
        until(lambda: "wait" in heard(), what="the call at the server")
        assert "notifications/cancelled" not in heard()
        token.cancel(INTERRUPTED)
    until(lambda: "notifications/cancelled" in heard(), what="the notification")


def test_the_job_of_a_long_tool_whose_server_is_away_ends_with_an_error(servers):
    runtime = SimpleNamespace(mcp_servers=servers.mcp, tools_of=lambda app: {})
    app, context = app_of("mcp:away/*", "mcp:old/*"), ToolContext()
    with pytest.raises(ToolError, match="tools of 'away' are not available"):
        mcp_tool(runtime, app, "away__report", "", context).run({}, context)
    assert mcp_tool(runtime, app, "old__pay", "", context).has_steps
    assert mcp_tool(runtime, app_of("mcp:old/*"), "old__gone", "", context) is None


def test_a_progress_without_a_number_and_with_a_long_message_is_a_bounded_step():
    told = calls.Progress(float("nan"), None, "x" * 1000).plain()
    assert told == {"message": "x" * calls.MESSAGE_CHARACTERS}
