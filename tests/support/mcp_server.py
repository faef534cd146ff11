"""An MCP server made with the official SDK: `python -m tests.support.mcp_server` speaks over stdio, with a port over
streamable HTTP. It notes in the file MCP_JOURNAL what happens to it."""

from __future__ import annotations

import asyncio
import base64
import os
import sys
from pathlib import Path
from typing import Any

from mcp.server.mcpserver import Context, Image, MCPServer
from mcp.types import CallToolResult, EmbeddedResource, ImageContent, ResourceLink, TextContent, TextResourceContents

from tests.support.images import PNG

server = MCPServer("tests")


def journal(line: str) -> None:
    if path := os.environ.get("MCP_JOURNAL"):
        with Path(path).open("a") as file:
            file.write(f"{line}\n")


@server.tool()
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@server.tool()
def say(text: str) -> str:
    """Say a text."""
    return text


@server.tool()
async def wait(seconds: float) -> str:
    """Wait."""
    journal("waits")
    try:
        await asyncio.sleep(seconds)
    except BaseException:
        journal("cancelled")
        raise
    return "waited"


@server.tool()
def fail(reason: str) -> str:
    """Fail."""
    raise ValueError(reason)


@server.tool()
def large(size: int) -> str:
    """Say a long text."""
    return "x" * size


@server.tool()
def draw() -> Image:
    """Draw a dot."""
    return Image(data=PNG, format="png")


@server.tool()
def mixed() -> CallToolResult:
    """Everything at once."""
    return CallToolResult(
        content=[
            TextContent(type="text", text="two dots:"),
            ImageContent(type="image", data=base64.b64encode(PNG).decode(), mime_type="image/png"),
            ImageContent(type="image", data="bm8=", mime_type="image/png"),
            EmbeddedResource(
                type="resource", resource=TextResourceContents(uri="note://1", text="a note", mime_type="text/plain")
            ),
            ResourceLink(type="resource_link", name="more", uri="https://example.com/more"),
        ]
    )


@server.tool()
def environment() -> dict[str, str]:
    """The variables of this process."""
    return dict(os.environ)


@server.tool()
def die() -> str:
    """End this process."""
    os._exit(3)


@server.tool()
async def grow(context: Context) -> str:
    """Offer another tool."""
    server.add_tool(say, name="grown", description="Say a text, too.")
    await context.notify_tools_changed()
    return "grown"


@server.tool()
async def ask(context: Context) -> str:
    """Ask the user."""
    from pydantic import BaseModel

    class Name(BaseModel):
        name: str

    answer = await context.elicit("Your name?", Name)
    return answer.action


def main(argv: list[str]) -> None:
    journal(f"started {os.getpid()}")
    print("a line for the log", os.environ.get("MCP_TOKEN", ""), file=sys.stderr)
    more: dict[str, Any] = {}
    for index in range(int(os.environ.get("MCP_MORE_TOOLS", "0"))):
        server.add_tool(say, name=f"more.{index}")
    if argv:
        more = {"host": "127.0.0.1", "port": int(argv[0])}
        server.run("streamable-http", **more)
    else:
        server.run("stdio")


if __name__ == "__main__":
    main(sys.argv[1:])
