"""The reference server of the MCP project, `@modelcontextprotocol/server-everything`, over both of its transports."""

from __future__ import annotations

import os
import subprocess

import pytest

from app.catalog import McpServer
from tests.clients.npm import program
from tests.mcp.conftest import serving
from tests.support import processes
from tests.support.backend import answers, free_port
from tests.support.patience import until
from workers.tools import ToolContext

pytestmark = pytest.mark.long


@pytest.fixture(scope="module", params=["stdio", "streamableHttp"])
def servers(request):
    script = str(program("@modelcontextprotocol/server-everything/dist/index.js"))
    if request.param == "stdio":
        with serving({"every": McpServer(command="node", args=(script, "stdio"))}) as running:
            yield running
        return
    port = free_port()
    process = processes.start(
        ["node", script, "streamableHttp"], env=os.environ | {"PORT": str(port)}, stderr=subprocess.DEVNULL
    )
    try:
        until(lambda: answers(port), 60, what="the server")
        with serving({"every": McpServer(url=f"http://127.0.0.1:{port}/mcp")}) as running:
            yield running
    finally:
        processes.stop(process)


def test_its_tools_are_offered(servers):
    servers.tool("every__echo")
    offer = servers.offer("mcp:every/*")
    assert {"every__echo", "every__get-sum", "every__get-tiny-image"} <= offer.tools.keys()
    assert offer.left_out == []


def test_texts_numbers_and_structured_content(servers):
    assert servers.call("every__echo", message="hello") == "Echo: hello"
    assert "5" in servers.call("every__get-sum", a=2, b=3)
    weather = servers.call("every__get-structured-content", location="Chicago")
    assert set(weather) == {"temperature", "conditions", "humidity"}


def test_an_image_is_kept_as_a_file(servers):
    kept = []

    def keep(image):
        kept.append(image.media_type)
        return {"file_id": "1"}

    result = servers.call("every__get-tiny-image", ToolContext(keep_image=keep))
    assert result["files"] == [{"file_id": "1"}]
    assert kept == ["image/png"]


def test_links_and_embedded_resources_are_text(servers):
    assert "demo://" in str(servers.call("every__get-resource-links", count=2))
    assert "demo://" in str(servers.call("every__get-resource-reference", resourceType="Text", resourceId=1))


def test_an_operation_with_progress_ends_with_its_result(servers):
    result = servers.call("every__trigger-long-running-operation", duration=0.3, steps=3)
    assert "completed" in result


def test_a_question_to_the_user_is_declined(servers):
    assert "decline" in str(servers.call("every__trigger-elicitation-request")).lower()
