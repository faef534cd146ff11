"""An MCP tool as a tool of an app."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from typing import Any

from mcp_types import InputRequiredResult

from workers.cancellation import CancelToken
from workers.mcp import results
from workers.mcp.calls import Progress
from workers.mcp.elicitation import Questions, Retry
from workers.mcp.listed_tool import ListedTool
from workers.mcp.tool_calls import Called, ToolCall
from workers.secrets import UnknownSecret
from workers.tools import CallLost, ToolContext, ToolError
from workers.tools.waiting import CallWaits

Call = Callable[[ToolCall, CancelToken], Generator[Progress | Called, None, None]]
"""Makes a call of a tool of the server. Raises `ToolError`, `Stopped`."""


class McpTool:
    """`name` is the one for the model, `tool` its server's. The server checks the arguments."""

    has_steps = False
    resumable = False

    def __init__(self, name: str, listed: ListedTool, schema: dict[str, Any], call: Call) -> None:
        """`listed` is the server's description of the tool, `schema` the model's."""
        self.name = name
        self.schema = schema
        self.tool = listed.name
        self._listed = listed
        self._call = call

    @staticmethod
    def described(description: str) -> str:
        """The description for the model."""
        return description

    def run(self, args: dict[str, Any], context: ToolContext) -> Any:
        """Call it and wait for its end; its progress is reported while it runs. Raises `ToolError` when it fails or its
        server is away; `Stopped`; `CallWaits` if its server has a question for the user."""
        call = ToolCall(self.tool, _revealed(args, context), _retry(context), may_ask=True)
        result = None
        for result in self._steps(call, context):
            if isinstance(result, Progress) and context.report:
                context.report(context.call_id, self.name, context.secrets.conceal(result.plain()))
        return result

    def _steps(self, call: ToolCall, context: ToolContext) -> Iterator[Any]:
        """Each `Progress`, then the result for the model."""
        with closing(self._call(call, context.token)) as told:
            for step in told:
                if isinstance(step, InputRequiredResult):
                    raise CallWaits(Questions.of(step, context.secrets).first())
                yield step if isinstance(step, Progress) else results.plain(step, context.keep_image)


class LongMcpTool(McpTool):
    """One that runs in the background, as a multi-step tool: its progress and its result are later steps. The call is
    made after the first step was delivered, and once: a worker that takes it over says that the result is lost, unless
    the tool may be called twice."""

    has_steps = True
    resumable = True

    @staticmethod
    def described(description: str) -> str:
        """Says to the model that it will wait for the result."""
        return f"{description}\n\nIt runs in the background: its result comes later, behind your answer."

    def run(self, args: dict[str, Any], context: ToolContext) -> Iterator[Any]:
        """The steps. Raises `ToolError`, also while they are read; `Stopped`."""
        return self._later(_revealed(args, context), context)

    def _later(self, given: dict[str, Any], context: ToolContext) -> Iterator[Any]:
        if context.step == 0:
            yield {"status": "running"}
        elif not self._listed.may_be_repeated:
            raise CallLost
        for step in self._steps(ToolCall(self.tool, given), context):
            yield step.plain() if isinstance(step, Progress) else step


def _retry(context: ToolContext) -> Retry:
    """The answers of the user for a call that is made again. Raises `CallWaits` for the next question."""
    if context.replied is None:
        return Retry()
    questions = Questions.after(context.replied)
    if questions.left:
        raise CallWaits(questions.first())
    return questions.retry(context.secrets)


def _revealed(args: dict[str, Any], context: ToolContext) -> dict[str, Any]:
    try:
        return context.secrets.reveal(args)
    except UnknownSecret as error:
        raise ToolError(str(error)) from None
