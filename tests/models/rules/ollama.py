"""What Ollama refuses: its server reads each message into a fixed form."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.models.rules.openai import calls_of
from tests.models.rules.request import Refused, Request, check_name


def _functions(request: Request) -> Iterator[dict[str, Any]]:
    for message in request.body["messages"]:
        yield from (call["function"] for call in calls_of(message))


def names_are_legal(request: Request) -> None:
    for function in _functions(request):
        check_name(function.get("name"))


def arguments_are_an_object(request: Request) -> None:
    for function in _functions(request):
        if not isinstance(function.get("arguments"), dict):
            raise Refused("json: cannot unmarshal string into Go struct field of type api.ToolCallFunctionArguments")


def content_is_a_string(request: Request) -> None:
    for message in request.body["messages"]:
        if not isinstance(message.get("content"), str):
            raise Refused("json: cannot unmarshal the content of a message into Go value of type string")
