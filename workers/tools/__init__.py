"""Tools: each is a typed function with a docstring, which give its JSON schema and description for the model. It may be
`async def`: then it runs on the event loop of the worker's async tools, and must not block it.

A generator (plain or async) is a multi-step tool: its first `yield` is the result for the model, later ones reach the
client while the conversation goes on. After a worker's restart it runs again, and the steps that were
delivered before are skipped; a `@resumable` one starts at `ToolContext.step` by itself."""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol, TypeVar, get_type_hints

import docstring_parser
from pydantic import ValidationError

from app.checks.spelling import hint
from app.errors import ConfigError
from app.state.open_calls.records import Replied
from app.telemetry import redaction
from workers.cancellation import CancelToken
from workers.secrets import Secrets, UnknownSecret
from workers.tools import approval, arguments, importing
from workers.tools.approval import needs_approval as needs_approval
from workers.tools.arguments import NotATool
from workers.tools.async_loop import ToolLoop
from workers.tools.errors import CallLost as CallLost
from workers.tools.errors import ToolError as ToolError
from workers.tools.image import Image as Image
from workers.tools.image import KeepImage

BUILT_IN = {
    "GetTokenPrice": "workers.tools.prices:GetTokenPrice",
    "WatchTokenPrice": "workers.tools.prices:WatchTokenPrice",
    "GetCurrentTime": "workers.tools.clock:GetCurrentTime",
    "RollDice": "workers.tools.dice:RollDice",
    "SendTransactionToWallet": "workers.tools.wallet:SendTransactionToWallet",
    "SignTypedData": "workers.tools.wallet:SignTypedData",
}


@dataclass(frozen=True)
class ClientRequest:
    """Returned by a client tool: a request that the client carries out, such as signing a transaction.

    `kind` is a word that tells the client what to do; `body` is a JSON object of at most 16 KiB. The model gets
    `{"status": "requested", "id": 1}` at once, and the client's reply in a later turn of its own.
    """

    kind: str
    body: dict[str, Any]

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,63}", self.kind):
            raise ValueError(f"the kind of a client request must be a word such as photo, not {self.kind!r}")


Report = Callable[[str, str, Any], None]
"""Gets the id of the call, the name of its tool, and its progress as a JSON value without secrets."""


class Sleeper(Protocol):
    """How a tool sleeps."""

    def sleep(self, seconds: float) -> None: ...

    async def async_sleep(self, seconds: float) -> None: ...


@dataclass(frozen=True)
class ToolContext:
    """The context of a tool call. A parameter of this type gets it, and is hidden from the model.

    `step` is the number of steps that a multi-step tool has delivered before: above 0 after a worker's restart.
    `secrets` replace their handles in the arguments before the tool gets them, and are replaced by the handles in its
    result. `call_id` is the one of the events. `report` tells clients of the progress of a call that runs. `replied` is
    a person's answer to the question of an MCP server for which this call waited.
    """

    session_id: str = ""
    call_id: str = ""
    user_state: dict[str, Any] = field(default_factory=dict)
    step: int = 0
    token: CancelToken = field(default_factory=CancelToken)
    secrets: Secrets = field(default_factory=lambda: Secrets({}), repr=False)
    sleeper: Sleeper | None = field(default=None, repr=False)
    keep_image: KeepImage | None = field(default=None, repr=False)
    report: Report | None = field(default=None, repr=False)
    replied: Replied | None = field(default=None, repr=False)

    def sleep(self, seconds: float) -> None:
        """Sleep. Ends at once, by an exception that tools must not catch, when the turn or the worker stops, or when a
        resumable tool sleeps for more than AOMI_LONG_SLEEP: it goes on later, in another thread."""
        if _is_on_a_loop():
            raise RuntimeError("An async tool sleeps by `await ctx.async_sleep(...)`: ctx.sleep would block the loop")
        (self.sleeper or self.token).sleep(seconds)

    async def async_sleep(self, seconds: float) -> None:
        """`sleep` for `async def` tools: `await ctx.async_sleep(60)`."""
        await (self.sleeper or self.token).async_sleep(seconds)


def _is_on_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


Function = TypeVar("Function", bound=Callable[..., Any])


def resumable(function: Function) -> Function:
    """Declare that a multi-step tool starts at `ToolContext.step` by itself after a worker's restart and after a long
    sleep. It holds no thread during such a sleep.

    Without it the generator runs from its beginning, and the steps that were delivered before are skipped.
    """
    function.__dict__["resumable"] = True
    return function


class Tool:
    """One tool: its schema for the model, and how to run it."""

    def __init__(self, function: Callable[..., Any], path: str, loop: ToolLoop | None = None) -> None:
        """`loop` runs the function if it is async."""
        self.name: str = function.__name__
        self._loop = loop or ToolLoop()
        self.path = path
        self._function = function
        hints = get_type_hints(function, include_extras=True)
        self._context = arguments.context_parameter(hints, ToolContext)
        self._arguments = arguments.arguments_model(function, hints, self._context)
        self._approval = approval.rule_of(function)
        approval.refuse_unusable_rule(self._approval, hints)

    @property
    def has_steps(self) -> bool:
        """Whether it is a multi-step tool."""
        return inspect.isgeneratorfunction(self._function) or inspect.isasyncgenfunction(self._function)

    @property
    def resumable(self) -> bool:
        """Whether it starts at `ToolContext.step` by itself. See `resumable`."""
        return getattr(self._function, "resumable", False)

    @property
    def takes_context(self) -> bool:
        """Whether it has a parameter for the `ToolContext`."""
        return self._context is not None

    @cached_property
    def schema(self) -> dict[str, Any]:
        """The tool in the form of OpenAI's chat API."""
        docstring = docstring_parser.parse(inspect.getdoc(self._function) or "")
        about = "\n".join(filter(None, (docstring.short_description, docstring.long_description)))
        parameters = self._arguments.model_json_schema()
        parameters.pop("title", None)
        return {"type": "function", "function": {"name": self.name, "description": about, "parameters": parameters}}

    def run(self, args: dict[str, Any], context: ToolContext) -> Any:
        """Call the function and wait for its end: its result, or the iterator of a multi-step tool, which can be
        closed. Raises `ToolError` for bad arguments, and whatever the function raises; `Stopped` if it is async."""
        kwargs = self._kwargs(args, context)
        if self._context:
            kwargs[self._context] = context
        result = self._function(**kwargs)
        if inspect.iscoroutine(result):
            return self._loop.call(result, context.token)
        if isinstance(result, AsyncGenerator):
            return self._loop.steps(result, context.token)
        return result

    def asks(self, args: dict[str, Any], context: ToolContext, *, always: bool = False) -> bool:
        """Whether a person is asked before such a call runs: `always`, or by the tool's own rule. Nobody is asked about
        arguments that the tool refuses."""
        if not (always or self._approval):
            return False
        try:
            kwargs = self._kwargs(args, context)
        except ToolError:
            return False
        return always or approval.asks(self._approval, kwargs, self.name)

    def _kwargs(self, args: dict[str, Any], context: ToolContext) -> dict[str, Any]:
        """The arguments as the function takes them. Raises `ToolError`."""
        try:
            given = self._arguments.model_validate(context.secrets.reveal(args))
        except UnknownSecret as error:
            raise ToolError(str(error)) from None
        except ValidationError as error:
            problems = "; ".join(f"{'.'.join(map(str, part['loc']))}: {part['msg']}" for part in error.errors())
            raise ToolError(f"Invalid arguments for {self.name}: {problems}") from None
        return {str(info.alias): getattr(given, name) for name, info in type(given).model_fields.items()}


def load(name: str, place: str, loop: ToolLoop | None = None, *, app: str = "") -> Tool:
    """The tool that aomi.yaml names: a built-in one, or `package.module:Function`. `loop` runs it if it is async.

    Raises `ConfigError`, which names the `place` in aomi.yaml, or in the tool's file, and the fix.
    """
    owner = f"app {app!r}: " if app else ""
    what, path = f"{owner}the tool {name!r}", BUILT_IN.get(name, name)
    if ":" not in path:
        right = f"use a built-in tool ({', '.join(BUILT_IN)}) or package.module:Function"
        raise ConfigError(f"{place}: {owner}there is no tool {name!r}{hint(name, BUILT_IN)}; {right}")
    function = importing.function(path, place, what)
    redaction.include(path.partition(":")[0].partition(".")[0])
    try:
        arguments.refuse_unusable(function)
        tool = Tool(function, path, loop)
    except NotATool as error:
        raise ConfigError(f"{place}: {what} {error}") from error
    except NameError as error:
        raise ConfigError(f"{place}: {what} has a type that is not there: {error}") from error
    except (TypeError, ValueError) as error:
        problem = str(error).partition("\n")[0]
        raise ConfigError(f"{place}: {what} needs a type on each parameter: {problem}") from error
    if tool.resumable and not (tool.has_steps and tool.takes_context):
        raise ConfigError(f"{place}: {what} is resumable, so it must be a generator with a ToolContext")
    return tool
