"""One call of a server's tool: its result, or what the server must know before it has one."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from mcp import Client, MCPError
from mcp.shared.dispatcher import ProgressFnT
from mcp_types import HEADER_MISMATCH, CallToolResult, InputRequiredResult, TextContent

from workers.mcp.elicitation import NOT_ASKED, Retry
from workers.tools import ToolError

Called = CallToolResult | InputRequiredResult

PAUSES = (0.05, 0.1, 0.2, *(0.25,) * 7)
"""Seconds before a call is made again whose server puts it off without a question, as the SDK's own client waits."""

QUESTION_CHARACTERS = 300


@dataclass(frozen=True)
class ToolCall:
    """`retry` are the answers of the user, if it was made before. If it may not ask, questions are declined."""

    tool: str
    args: dict[str, Any]
    retry: Retry = field(default_factory=Retry)
    may_ask: bool = False


async def made(client: Client, call: ToolCall, on_progress: ProgressFnT | None) -> Called:
    """Make the call. Raises `ToolError`, and as the SDK."""
    if not call.may_ask:
        return await client.call_tool(call.tool, call.args, progress_callback=on_progress)
    retry = call.retry
    for pause in PAUSES:
        result = await _asked(client, call, retry, on_progress)
        if isinstance(result, CallToolResult) or result.input_requests:
            return result
        await asyncio.sleep(pause)
        retry = Retry(state=result.request_state)
    raise ToolError("The server has put this call off too often; try again later")


async def _asked(client: Client, call: ToolCall, retry: Retry, on_progress: ProgressFnT | None) -> Called:
    try:
        return await client.session.call_tool(
            call.tool,
            call.args,
            progress_callback=on_progress,
            input_responses=retry.responses,
            request_state=retry.state,
            allow_input_required=True,
        )
    except MCPError as error:
        if error.code != HEADER_MISMATCH:
            raise
    return await client.call_tool(  # lists the tools again first; the server has not run this one
        call.tool,
        call.args,
        progress_callback=on_progress,
        input_responses=retry.responses,
        request_state=retry.state,
    )


def with_notes(called: Called, declined: list[str]) -> Called:
    """The result, with a note for the model on each question that was declined while it was made."""
    if isinstance(called, InputRequiredResult) or not declined:
        return called
    notes = [NOT_ASKED.format(question=question[:QUESTION_CHARACTERS]) for question in declined]
    content = [*called.content, *(TextContent(type="text", text=note) for note in notes)]
    return called.model_copy(update={"content": content})
