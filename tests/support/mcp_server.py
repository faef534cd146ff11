"""An MCP server made with the official SDK: `python -m tests.support.mcp_server` speaks over stdio, with a port over
streamable HTTP. It notes in the file MCP_JOURNAL what happens to it."""

from __future__ import annotations

import asyncio
import base64
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from mcp.server.mcpserver import Context, Image, MCPServer
from mcp.server.request_state import RequestStateSecurity
from mcp.types import (
    CallToolResult,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitRequestURLParams,
    EmbeddedResource,
    ImageContent,
    InputRequiredResult,
    ListRootsRequest,
    ResourceLink,
    TextContent,
    TextResourceContents,
)

from tests.support.images import PNG


class JournalServer(MCPServer):
    """Notes that it was asked for its tools."""

    async def list_tools(self, *args: Any, **more: Any) -> Any:
        journal("lists")
        return await super().list_tools(*args, **more)


STATE = RequestStateSecurity(keys=["a key of this server, for all its processes"], ttl=86400)

server = JournalServer("tests", request_state_security=STATE)


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
    journal(f"waits {os.getpid()}")
    try:
        await asyncio.sleep(seconds)
    except BaseException:
        journal("cancelled")
        raise
    return "waited"


@server.tool()
async def climb(steps: int, seconds: float, context: Context) -> str:
    """Climb a number of steps, and tell of each."""
    journal(f"climbs {os.getpid()}")
    try:
        for step in range(1, steps + 1):
            await context.report_progress(step, steps, f"step {step}")
            await asyncio.sleep(seconds)
    except BaseException:
        journal("cancelled")
        raise
    return "on top"


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


def question(message: str, **properties: Any) -> ElicitRequest:
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    return ElicitRequest(params=ElicitRequestFormParams(message=message, requested_schema=schema))


@server.tool()
async def book(city: str, context: Context) -> str | InputRequiredResult:
    """Book a table: asks for two things at once, then by a page, and ends with what was said."""
    journal(f"books {os.getpid()}")
    if context.request_state is None:
        wanted = {
            "seats": question(f"How many seats in {city}?", seats={"type": "integer", "minimum": 1, "maximum": 8}),
            "name": question("Your name?", name={"type": "string", "minLength": 2}),
        }
        return InputRequiredResult(input_requests=wanted, request_state=f"asked {city}")
    answers = {name: answer.action for name, answer in (context.input_responses or {}).items()}
    if context.request_state.startswith("asked") and set(answers.values()) == {"accept"}:
        said = {**context.input_responses["seats"].content, **context.input_responses["name"].content}
        page = ElicitRequestURLParams(message="Please pay", url="https://pay.example.com/1")
        state = f"paying {said['seats']} {said['name']} {city}"
        return InputRequiredResult(input_requests={"pay": ElicitRequest(params=page)}, request_state=state)
    return f"{context.request_state}: {answers}"


@server.tool()
async def demand(what: str) -> str | InputRequiredResult:
    """Ask for what no client can give."""
    wrong = {
        "roots": ListRootsRequest(),
        "nested": question("Who?", who={"type": "object", "properties": {}}),
        "long": question("x" * 5000),
        "large": question("Who?", **{f"f{number}": {"type": "string", "title": "x" * 500} for number in range(50)}),
        "script": ElicitRequest(params=ElicitRequestURLParams(message="Open it", url="javascript:alert(1)")),
        "disguise": ElicitRequest(
            params=ElicitRequestURLParams(message="Pay", url="https://bank.example@evil.example/")
        ),
    }
    if what == "later":
        return InputRequiredResult(request_state="later")
    state = "x" * 70_000 if what == "state" else None
    return InputRequiredResult(input_requests={"q": wrong.get(what) or question("Who?")}, request_state=state)


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
        try:
            server.run("stdio")
        finally:
            if os.environ.get("MCP_STUBBORN"):
                stay()


def stay() -> None:
    """Do not end on a closed input, nor on SIGTERM."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        time.sleep(1)


if __name__ == "__main__":
    main(sys.argv[1:])
