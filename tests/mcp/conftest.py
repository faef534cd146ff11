"""MCP servers as a worker has them: the test server over both transports, real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest

from app.catalog import App, McpServer
from app.config import Settings
from tests.support import processes
from tests.support.backend import answers, free_port
from tests.support.patience import patient, until
from workers.mcp.servers import McpServers
from workers.tools import ToolContext, ToolError

SERVER = (sys.executable, "-m", "tests.support.mcp_server")


def app_of(*tools):
    return App(id="app", model="m", tools=tools)


class Servers:
    """`McpServers`, asked as a turn asks."""

    def __init__(self, servers, patience):
        self.mcp = McpServers(servers, Settings(tool_timeout=patient(20)), {}, patience or patient(15))
        self.mcp.start()

    def offer(self, *tools, taken=(), client="", **context):
        return self.mcp.offer(app_of(*tools), taken, client, ToolContext(**context))

    def tool(self, name, **more):
        """The tool, once its server has listed it."""
        wanted = f"mcp:{name.partition('__')[0]}/*"
        return until(lambda: self.offer(wanted, **more).tools.get(name), 60, what=name)

    def call(self, name, context=None, **args):
        """The result, or the words of the error."""
        try:
            return self.tool(name).run(args, context or ToolContext())
        except ToolError as error:
            return {"error": str(error)}


@contextmanager
def serving(servers, patience=0.0):
    running = Servers(servers, patience)
    try:
        yield running
    finally:
        running.mcp.stop()


@contextmanager
def http_server(port=0, **environment):
    """The test server at an address; yields its URL and its process."""
    port = port or free_port()
    process = processes.start([*SERVER, str(port)], stderr=subprocess.DEVNULL, env={**os.environ, **environment})
    try:
        until(lambda: answers(port), 60, what="the MCP server")
        yield f"http://127.0.0.1:{port}/mcp", process
    finally:
        processes.stop(process, signal.SIGKILL)  # it would wait for the end of our stream of its notifications


@pytest.fixture(scope="module", params=[pytest.param("stdio", marks=pytest.mark.long), "http"])
def servers(request, tmp_path_factory):
    journal = tmp_path_factory.mktemp("mcp") / "journal"
    variables = {"MCP_JOURNAL": str(journal), "MCP_TOKEN": "token-of-the-server"}
    if request.param == "stdio":
        with serving({"tests": McpServer(command=SERVER[0], args=SERVER[1:], env=variables)}) as running:
            running.journal = journal
            yield running
    else:
        with http_server(**variables) as (url, _), serving({"tests": McpServer(url=url)}) as running:
            running.journal = journal
            yield running
