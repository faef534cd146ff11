"""Servers that are away, hang, die or differ by client; their processes."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from app.catalog import McpServer
from tests.mcp.conftest import SERVER, app_of, http_server, serving
from tests.support.backend import free_port
from tests.support.patience import meanwhile, patient, until
from workers.mcp import pool
from workers.secrets import Secrets
from workers.tools import ToolContext, ToolError


def stdio_server(**env):
    return McpServer(command=SERVER[0], args=SERVER[1:], env=env)


@pytest.mark.parametrize(
    ("server", "words"),
    [
        (McpServer(command="no-such-program-of-ours"), "its program cannot be started"),
        (McpServer(command=sys.executable, args=("-c", "pass")), "its process has ended"),
        (McpServer(url=f"http://127.0.0.1:{free_port()}/mcp"), "it cannot be reached"),
        (McpServer(url="http://127.0.0.1:1/mcp", headers={"X": "os.environ/NEVER_SET"}), "has not set NEVER_SET"),
    ],
    ids=["no program", "ends at once", "nobody listens", "no variable"],
)
def test_a_server_that_is_away_leaves_a_notice_for_the_model_and_no_tools(server, words):
    with serving({"away": server}) as running:
        offer = running.offer("mcp:away/*")
        assert offer.tools == {}
        assert words in offer.notices[0]


@pytest.mark.long
def test_a_server_that_hangs_delays_a_turn_once_and_no_turn_of_another_app():
    hung = McpServer(command=sys.executable, args=("-c", "import time; time.sleep(600)"))
    with serving({"hung": hung, "tests": stdio_server()}, patience=0.5) as running:
        (notice,) = running.offer("mcp:hung/*").notices
        assert "it does not answer" in notice
        assert running.call("tests__add", a=1, b=2) == {"result": 3}
        began = time.monotonic()
        for _ in range(20):
            running.offer("mcp:hung/*")
        assert time.monotonic() - began < patient(5)  # twenty waits would take 10 s


WAITS_FOR_A_FILE = """
import os, runpy, sys, time
file = sys.argv.pop()
while not os.path.exists(file):
    time.sleep(0.02)
runpy.run_module("tests.support.mcp_server", run_name="__main__")
"""


@pytest.mark.long
def test_a_call_that_was_approved_waits_longer_for_its_server(tmp_path):
    started = tmp_path / "started"
    late = McpServer(command=sys.executable, args=("-c", WAITS_FOR_A_FILE, str(started)))
    with serving({"late": late}, patience=0.1) as running:
        assert running.offer("mcp:late/add").tools == {}
        with meanwhile(started.touch):
            offer = running.mcp.offer(app_of("mcp:late/add"), (), "", ToolContext(), patient(60))
        assert list(offer.tools) == ["late__add"]


def test_a_call_that_takes_too_long_is_an_error():
    with serving({"tests": stdio_server().model_copy(update={"timeout": 0.5})}) as running:
        tool = running.tool("tests__wait")
        with pytest.raises(ToolError, match=r"did not finish within 0\.5 seconds"):
            tool.run({"seconds": 600}, ToolContext())


@pytest.mark.long
def test_a_server_that_was_killed_keeps_its_tools_and_works_when_it_is_back():
    port = free_port()
    with serving({"tests": McpServer(url=f"http://127.0.0.1:{port}/mcp")}) as running:
        with http_server(port) as (_, process):
            tool = running.tool("tests__add")
            assert tool.run({"a": 1, "b": 2}, ToolContext()) == {"result": 3}
            process.send_signal(signal.SIGKILL)
            process.wait()
            assert "is not available" in running.call("tests__add", a=1, b=2)["error"]
            assert "tests__add" in running.offer("mcp:tests/*").tools
        with http_server(port):
            assert until(lambda: running.call("tests__add", a=1, b=2) == {"result": 3}, 60, what="the server")


@pytest.mark.long
def test_a_server_that_is_killed_in_a_call_is_an_error(tmp_path):
    journal = tmp_path / "journal"
    with serving({"tests": stdio_server(MCP_JOURNAL=str(journal))}) as running:
        tool = running.tool("tests__wait")
        pid = int(journal.read_text().split()[1])

        def kill_when_it_waits():
            until(lambda: "waits" in journal.read_text(), what="the call at the server")
            os.kill(pid, signal.SIGKILL)

        killer = threading.Thread(target=kill_when_it_waits)
        killer.start()
        with pytest.raises(ToolError, match="is not available"):
            tool.run({"seconds": 600}, ToolContext())
        killer.join()


def test_the_process_of_a_server_gets_no_variable_of_ours_and_ends_with_the_worker(monkeypatch):
    monkeypatch.setenv("TEST_API_KEY", "sk-of-the-operator")
    with serving({"tests": stdio_server(MCP_TOKEN="its-own")}) as running:
        variables = running.call("tests__environment")
        assert variables["MCP_TOKEN"] == "its-own"
        assert not {"TEST_API_KEY", "REDIS_URL", "AOMI_ENCRYPTION_KEY"} & variables.keys()
        children = (child for child in psutil.Process().children() if child.status() != psutil.STATUS_ZOMBIE)
        own = [child for child in children if "tests.support.mcp_server" in child.cmdline()]
        assert own
    until(lambda: not any(child.is_running() for child in own), what="the end of the process")


def test_what_a_server_says_on_stderr_is_logged_without_its_secrets(caplog):
    caplog.set_level("INFO", "workers.mcp.stdio")
    with serving({"tests": stdio_server(MCP_TOKEN="its-own-token")}) as running:
        running.tool("tests__add")
        until(lambda: "a line for the log" in caplog.text, what="the line")
    assert "its-own-token" not in caplog.text


def test_each_client_has_a_connection_with_its_own_secret(monkeypatch):
    with http_server() as (url, _):
        server = McpServer(url=url, headers={"Authorization": "Bearer secret/TOKEN"})
        with serving({"tests": server}) as running:
            notices = running.offer("mcp:tests/*", client="stranger").notices
            assert "needs the user's secret 'TOKEN'" in notices[0]
            for client in ("ann", "ben"):
                secrets = Secrets({"TOKEN": f"token-of-{client}"})
                tool = running.tool("tests__add", client=client, secrets=secrets)
                assert tool.run({"a": 1, "b": 1}, ToolContext(secrets=secrets)) == {"result": 2}
            assert len(running.mcp.pool.connections) == 2
            monkeypatch.setattr(pool, "IDLE_SECONDS", -1.0)
            running.offer("mcp:tests/*", client="ben", secrets=Secrets({"TOKEN": "token-of-ben"}))
            assert len(running.mcp.pool.connections) == 1


@pytest.mark.long
def test_a_hundred_tools_are_offered_under_legal_names():
    with serving({"tests": stdio_server(MCP_MORE_TOOLS="100")}) as running:
        running.tool("tests__more_99")
        assert sum("__more_" in name for name in running.offer("mcp:tests/*").tools) == 100


@pytest.mark.long
def test_a_server_whose_entry_changes_ends_behind_its_calls_and_the_others_stay(tmp_path, monkeypatch):
    """Turns that began before go on with the server that they know, also after a pause."""
    monkeypatch.setattr(pool, "REPLACED_SECONDS", 0.0)
    stays, before = (stdio_server(MCP_JOURNAL=str(tmp_path / name)) for name in ("stays", "before"))
    after = stdio_server(MCP_JOURNAL=str(tmp_path / "after"))
    with serving({"stays": stays, "changes": before}) as running:
        old, begun = running.mcp, running.tool("changes__wait")
        running.tool("stays__add")
        with ThreadPoolExecutor() as threads:
            call = threads.submit(begun.run, {"seconds": 2}, ToolContext())
            until(lambda: "waits" in (tmp_path / "before").read_text(), what="the call")
            running.mcp = old.with_servers({"stays": stays, "changes": after})
            assert running.call("changes__add", a=1, b=2) == {"result": 3}
            assert call.result(patient(20)) == {"result": "waited"}
        until(lambda: len(running.mcp.pool.connections) == 2, what="the end of the old connection")
        assert running.call("stays__add", a=1, b=1) == {"result": 2}
        assert begun.run({"seconds": 0}, ToolContext()) == {"result": "waited"}
    for name, sessions in (("stays", 1), ("after", 1), ("before", 2)):
        assert (tmp_path / name).read_text().count("lists") == sessions
