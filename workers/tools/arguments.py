"""The arguments of a tool, by its function's signature; and why a function cannot be a tool."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

import docstring_parser
from pydantic import BaseModel, ConfigDict, Field, PydanticUserError, TypeAdapter, create_model

ALLOWED_TYPES = "str, int, float, bool, Literal, list, dict, a dataclass or a pydantic model"

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
"""The names of functions that providers take: https://platform.openai.com/docs/api-reference/chat/create"""


class NotATool(TypeError):
    """The function cannot be a tool. The message says why; the tool's name goes before it."""


def refuse_unusable(function: Any) -> None:
    """Raises `NotATool` if it is no function, has no docstring, or has a name that providers refuse."""
    if not inspect.isfunction(function):
        raise NotATool("must be a function or generator")
    if not inspect.getdoc(function):
        raise NotATool("has no docstring; the model reads it to know what the tool does")
    if not _NAME.fullmatch(function.__name__):
        raise NotATool(
            f"has the name {function.__name__!r}, which providers refuse; use at most 64 characters from A-Za-z0-9_"
        )


def context_parameter(hints: dict[str, Any], kind: type) -> str | None:
    """The name of the parameter that gets the `ToolContext`, the type `kind`. Raises `NotATool` if there are two."""
    names = [name for name, hint in hints.items() if hint is kind and name != "return"]
    if len(names) > 1:
        raise NotATool(f"has two parameters for the context ({', '.join(names)}); a tool has one ToolContext at most")
    return names[0] if names else None


def arguments_model(function: Callable[..., Any], hints: dict[str, Any], context: str | None) -> type[BaseModel]:
    """The model of the arguments; `context` is not one of them. Raises `NotATool`."""
    docstring = docstring_parser.parse(inspect.getdoc(function) or "")
    descriptions = {param.arg_name: param.description for param in docstring.params}
    fields: dict[str, Any] = {}
    for name, parameter in inspect.signature(function).parameters.items():
        if name == context:
            continue
        _refuse_parameter(name, parameter, hints)
        default = ... if parameter.default is parameter.empty else parameter.default
        about = descriptions.get(name)
        fields[f"p{len(fields)}"] = (hints[name], Field(default, alias=name, description=about, title=None))
    try:
        model = create_model(function.__name__, __config__=ConfigDict(extra="forbid"), **fields)
        model.model_json_schema()
    except PydanticUserError as error:
        raise NotATool(_unusable_type(fields) or f"has arguments without a JSON schema: {error.message}") from error
    return model


def _refuse_parameter(name: str, parameter: inspect.Parameter, hints: dict[str, Any]) -> None:
    if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
        raise NotATool(f"has {str(parameter).partition(':')[0]}; *args and **kwargs are no arguments of a tool")
    if parameter.kind is parameter.POSITIONAL_ONLY:
        raise NotATool(f"has the positional-only parameter {name!r}; remove the / from its signature")
    if name not in hints:
        raise NotATool(f"needs a type on each parameter: parameter {name!r}")


def _unusable_type(fields: dict[str, Any]) -> str:
    """The words for the first field whose type has no JSON schema; '' if each has one."""
    for hint, about in fields.values():
        try:
            TypeAdapter(hint).json_schema()
        except PydanticUserError:
            what = f"the type {getattr(hint, '__name__', None) or hint} of parameter {about.alias!r}"
            return f"cannot be used: {what} cannot be an argument; use {ALLOWED_TYPES}"
    return ""
