"""Bodies that answer calls which wait for a person, and tools that a client runs."""

from __future__ import annotations

from typing import Annotated, Any, NotRequired

from pydantic import BeforeValidator, ConfigDict, Field, with_config
from typing_extensions import TypedDict

from app.web import parsing
from app.web.bodies import expected
from app.web.messages import client_tools

MOST_ANSWERS = 64

_CallId = Annotated[str, Field(min_length=1, max_length=parsing.CALL_ID_CHARACTERS)]


def _args(value: Any) -> dict[str, Any] | None:
    return None if value is None else parsing.object_of(value, "args", parsing.ARGS_BYTES)


@with_config(ConfigDict(json_schema_extra={"examples": [{"call_id": "call_1", "approve": True}]}))
class Answer(TypedDict):
    """An answer to one call. `approve` runs the tool, with `args` in the place of the model's if they are given, or
    declines the call; the model reads `message` then. `result` is that of a tool that the client runs."""

    call_id: _CallId
    approve: NotRequired[Annotated[bool, Field(strict=True)] | None]
    args: NotRequired[Annotated[dict[str, Any] | None, BeforeValidator(_args)]]
    result: NotRequired[Any]
    message: NotRequired[Annotated[str, Field(max_length=parsing.ANSWER_CHARACTERS)] | None]


@with_config(ConfigDict(json_schema_extra={"examples": [{"answers": [{"call_id": "call_1", "approve": True}]}]}))
class Answers(TypedDict):
    """Answers to calls that wait, instead of a message. Without a `thread_id` they are looked for in all threads."""

    answers: Annotated[
        list[Answer],
        Field(min_length=1, max_length=MOST_ANSWERS),
        expected(f'a list of 1 to {MOST_ANSWERS} answers such as {{"call_id": "call_1", "approve": true}}'),
    ]
    thread_id: NotRequired[
        Annotated[str, Field(max_length=parsing.THREAD_CHARACTERS, pattern=parsing.NOT_BLANK.pattern)] | None
    ]


@with_config(ConfigDict(json_schema_extra={"examples": [{"name": "ShowMap", "parameters": {"type": "object"}}]}))
class ClientTool(TypedDict):
    """A tool that the client runs. `parameters` is the JSON schema of its arguments."""

    name: Annotated[str, Field(pattern=client_tools.NAME.pattern)]
    description: NotRequired[str]
    parameters: NotRequired[dict[str, Any]]


ClientTools = Annotated[
    list[ClientTool],
    BeforeValidator(client_tools.tools_of),
    Field(
        max_length=client_tools.MOST,
        description="Tools that the client runs, if the app allows them: they have their calls wait for a `result`",
    ),
]
