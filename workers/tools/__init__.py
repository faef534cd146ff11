"""Tools: a typed function with a docstring each. What it takes comes from its signature, what it is for from its
docstring. A generator is a multi-step tool: its first `yield` answers the model, later ones reach the client while
the conversation goes on."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, get_type_hints

import docstring_parser
from pydantic import BaseModel, ConfigDict, Field, PydanticUserError, ValidationError, create_model

from app import exact_json
from app.errors import ConfigError
from workers.cancellation import CancelToken
from workers.secrets import Secrets, UnknownSecret

BUILT_IN = {
    "GetTokenPrice": "workers.tools.prices:GetTokenPrice",
    "WatchTokenPrice": "workers.tools.prices:WatchTokenPrice",
    "GetCurrentTime": "workers.tools.clock:GetCurrentTime",
    "SendTransactionToWallet": "workers.tools.wallet:SendTransactionToWallet",
    "SignTypedData": "workers.tools.wallet:SignTypedData",
}


class ToolError(Exception):
    """What a tool raises to tell the model, in plain words, why it cannot answer."""


@dataclass(frozen=True)
class ClientRequest:
    """What a client tool returns: something that the client is to do, described by `body`, JSON of at most 16 KiB.

    `kind` is a word by which the client knows what to do. The model gets `{"status": "requested",
    "id": 1}`, and the client's answer in a turn of its own, when it comes.
    """

    kind: str
    body: dict[str, Any]

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,63}", self.kind):
            raise ValueError(f"the kind of a client request must be a word such as photo, not {self.kind!r}")


@dataclass(frozen=True)
class ToolContext:
    """What a tool may know of its call: a parameter of this type is filled in, and hidden from the model.

    `step` is the number of steps that a multi-step tool has delivered before (it is above 0 when a worker's restart
    broke it off); `price_api_url` is the base of the price API. `secrets` are put into the arguments before a tool
    sees them, and taken out of its result.
    """

    session_id: str = ""
    user_state: dict[str, Any] = field(default_factory=dict)
    step: int = 0
    price_api_url: str = ""
    token: CancelToken = field(default_factory=CancelToken)
    secrets: Secrets = field(default_factory=lambda: Secrets({}), repr=False)

    def sleep(self, seconds: float) -> None:
        """Wait, but end at once with the worker."""
        self.token.sleep(seconds)


class Tool:
    """One tool as a model sees it and as it is run."""

    def __init__(self, function: Callable[..., Any], path: str) -> None:
        self.name: str = function.__name__
        self.path = path
        self._function = function
        hints = get_type_hints(function, include_extras=True)
        self._context = next((name for name, hint in hints.items() if hint is ToolContext), None)
        self._arguments = _arguments_model(function, hints, self._context)

    @property
    def has_steps(self) -> bool:
        """Whether it is a multi-step tool."""
        return inspect.isgeneratorfunction(self._function)

    @property
    def resumes(self) -> bool:
        """Whether it can go on from `ToolContext.step` by itself."""
        return self._context is not None

    @cached_property
    def schema(self) -> dict[str, Any]:
        """The tool in the form of OpenAI's chat API."""
        described = docstring_parser.parse(inspect.getdoc(self._function) or "")
        about = "\n".join(filter(None, (described.short_description, described.long_description)))
        parameters = self._arguments.model_json_schema()
        parameters.pop("title", None)
        return {"type": "function", "function": {"name": self.name, "description": about, "parameters": parameters}}

    def run(self, args: dict[str, Any], context: ToolContext) -> Any:
        """Call the function: its result, or the generator of a multi-step tool. Raises `ToolError` for bad
        arguments, and whatever the function raises."""
        try:
            checked = self._arguments.model_validate(context.secrets.reveal(args))
        except UnknownSecret as error:
            raise ToolError(str(error)) from None
        except ValidationError as error:
            wrong = "; ".join(f"{'.'.join(map(str, part['loc']))}: {part['msg']}" for part in error.errors())
            raise ToolError(f"Invalid arguments for {self.name}: {wrong}") from None
        given = {str(known.alias): getattr(checked, place) for place, known in type(checked).model_fields.items()}
        if self._context:
            given[self._context] = context
        return self._function(**given)


def load(name: str, place: str) -> Tool:
    """The tool that aomi.yaml names: a built-in one, or `package.module:Function`.

    Raises `ConfigError`, which says `place` and what would be right.
    """
    path = BUILT_IN.get(name, name)
    module_name, colon, function_name = path.partition(":")
    if not colon:
        known = ", ".join(BUILT_IN)
        raise ConfigError(f"{place}: there is no tool {name!r}; built in are {known}; or give package.module:Function")
    try:
        function = getattr(importlib.import_module(module_name), function_name)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"{place}: the tool {name!r} cannot be imported: {error}") from error
    if not inspect.isfunction(function) or inspect.iscoroutinefunction(function) or not inspect.getdoc(function):
        raise ConfigError(f"{place}: the tool {name!r} must be a plain function or generator with a docstring")
    try:
        return Tool(function, path)
    except (TypeError, NameError, ValueError, PydanticUserError) as error:
        wrong = str(error).partition("\n")[0]
        raise ConfigError(f"{place}: the tool {name!r} needs a type on each parameter: {wrong}") from error


def bounded(result: Any, most_bytes: int) -> Any:
    """The result as plain JSON, or an error where it is larger than `most_bytes`."""
    try:
        data = exact_json.checked(result)
    except exact_json.TooDeep:
        return {"error": "The result is nested too deeply"}
    if len(data) > most_bytes:
        return {"error": f"The result has {len(data):,} bytes; at most {most_bytes:,} are allowed; ask for less"}
    return exact_json.loads(data)


def _arguments_model(function: Callable[..., Any], hints: dict[str, Any], context: str | None) -> type[BaseModel]:
    described = {
        param.arg_name: param.description for param in docstring_parser.parse(inspect.getdoc(function) or "").params
    }
    fields: dict[str, Any] = {}
    for name, parameter in inspect.signature(function).parameters.items():
        if name == context:
            continue
        if name not in hints or parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise TypeError(f"parameter {name!r}")
        default = ... if parameter.default is parameter.empty else parameter.default
        about = described.get(name)
        fields[f"p{len(fields)}"] = (hints[name], Field(default, alias=name, description=about, title=None))
    return create_model(function.__name__, __config__=ConfigDict(extra="forbid"), **fields)
