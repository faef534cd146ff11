"""The MCP project's own scenarios for clients, those that concern tools: `@modelcontextprotocol/conformance`."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from app.catalog import McpServer
from app.state.open_calls.records import Replied
from tests.clients.npm import program
from tests.mcp.conftest import serving
from tests.support import processes, servers
from workers.tools import ToolContext, ToolError
from workers.tools.waiting import CallWaits

pytestmark = pytest.mark.long

HERE = Path(__file__).parent
SCENARIOS = [
    *("tools_call", "sse-retry"),  # of the revisions up to 2025-11-25
    *("request-metadata", "http-custom-headers", "http-invalid-tool-headers", "sep-2322-client-request-state"),
]
"""Those of OAuth want a client that logs in."""

VALUES = {"number": 2, "integer": 2, "boolean": True, "array": [], "object": {}}


def value(schema):
    """One that fits, for the simple schemas of the scenarios."""
    return schema.get("enum", [VALUES.get(schema.get("type"), "text")])[0]


def use(url, wanted):
    """List the tools of the server as a worker does; make the calls that are `wanted`, else one of each tool."""
    with serving({"tested": McpServer(url=url)}) as running:
        offer = running.offer("mcp:tested/*")
        tools = {tool.tool: tool for tool in offer.tools.values()}
        for name, tool in tools.items() if not wanted else ():
            properties = tool.schema["function"]["parameters"]["properties"]
            wanted.append({"name": name, "arguments": {key: value(of) for key, of in properties.items()}})
        results = []
        for call in wanted:
            try:
                results.append(result(tools[call["name"]], call["arguments"]))
            except ToolError as error:
                results.append(str(error))
    return {"tools": list(tools), "results": results, "notices": offer.notices}


def result(tool, args):
    """Of a call; its questions are answered."""
    context = ToolContext()
    while True:
        try:
            return tool.run(args, context)
        except CallWaits as waits:
            content = {key: value(of) for key, of in waits.question.form["properties"].items()}
            context = ToolContext(replied=Replied(replace(waits.question, args=args), True, content))


def handle(request):
    order = json.loads(request.rfile.read(int(request.headers["content-length"])))
    wanted = json.loads(order["context"]).get("toolCalls", [])
    servers.answer_json(request, 200, use(order["url"], wanted))


@pytest.fixture(scope="module")
def client():
    with servers.serving(handle) as ours:
        yield f"{sys.executable} -I -S {HERE / 'conformance_client.py'} {ours}"


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_scenario_passes(client, scenario):
    runner = program("@modelcontextprotocol/conformance/dist/index.js")
    command = ["node", "--import", HERE / "node20.mjs", runner, "client", "--scenario", scenario, "--command", client]
    ran = processes.run(command)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert re.search(r"Passed: ([1-9]\d*)/\1, 0 failed", ran.stdout + ran.stderr)
