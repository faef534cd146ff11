"""Types of what AG-UI's clients send, and of the responses that are no streams, in AG-UI's names."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired

from pydantic import ConfigDict, Field, with_config
from typing_extensions import TypedDict

from app.openapi.schemas.requests import open_schema
from app.web import parsing

THREAD = "550e8400-e29b-41d4-a716-446655440000"
RUN = "run_0a1b2c3d4e5f60718293a4b5c6d7e8f9"
CLIENT_RUN = "9b2d0f6e-6a55-4d5f-9d3c-0c4f6f8f2a11"

InputThread = Annotated[str, Field(description="A session's id")]
InputRun = Annotated[
    str,
    Field(
        min_length=1,
        max_length=parsing.IDEMPOTENCY_KEY_CHARACTERS,
        description="A new one for each run, and the same for its retries",
    ),
]


class InputSource(TypedDict):
    """Where the content of a part is: `data` (base64), `url`, or `file` (the id of a file of the session)."""

    type: str
    value: str


class InputPart(TypedDict):
    """A part of a message: `text`, or a file (`image`, `document`, ...) with a `source`. `binary` is the form of
    clients before 0.0.48."""

    type: str
    text: NotRequired[str | None]
    source: NotRequired[InputSource | None]
    id: NotRequired[str | None]
    url: NotRequired[str | None]
    data: NotRequired[str | None]
    filename: NotRequired[str | None]


@open_schema(id="u1", role="user", content="What is the price of ETH?")
class InputMessage(TypedDict):
    """A message of the client's history."""

    id: NotRequired[str | None]
    role: str
    content: NotRequired[str | list[InputPart] | dict[str, Any] | None]


@open_schema(description="The page that the user sees", value="/portfolio")
class InputContext(TypedDict):
    """Something that the page says of itself."""

    description: str
    value: str


class SentResult(TypedDict):
    """A message with the result of a tool that the client ran."""

    toolCallId: str
    content: Any
    error: NotRequired[str | None]


@open_schema(interruptId=f"{RUN}-0:call_1", status="resolved", payload={"approved": True})
class ResumeEntry(TypedDict):
    """An answer to an interrupt. `payload` has `approved`, and perhaps `editedArgs`, or a `message` for the model."""

    interruptId: str
    status: Literal["resolved", "cancelled"]
    payload: NotRequired[Any]


@open_schema(model="claude-sonnet")
class ForwardedProps(TypedDict):
    """Of the properties that a client forwards, those that are read: the model of this turn, and what becomes of a turn
    that runs already."""

    model: NotRequired[Annotated[str, Field(max_length=parsing.MODEL_CHARACTERS)] | None]
    on_busy: NotRequired[parsing.OnBusy | None]


@open_schema(
    threadId=THREAD,
    runId=CLIENT_RUN,
    messages=[{"id": "u1", "role": "user", "content": "What is the price of ETH?"}],
    state={},
    tools=[],
    context=[],
    forwardedProps={},
)
class RunAgentInput(TypedDict):
    """A client's request to run an agent. Of `messages` the last one of the user counts, or, at the end, the results of
    the client's tools. `state` is the user state of the session, `context` joins it. `tools` count if the app lets
    clients have tools. `resume` answers interrupts, instead of a message."""

    threadId: InputThread
    runId: InputRun
    messages: list[dict[str, Any]]
    protocolVersion: NotRequired[str | None]
    state: NotRequired[Any]
    tools: NotRequired[list[dict[str, Any]] | None]
    context: NotRequired[list[InputContext] | None]
    resume: NotRequired[list[ResumeEntry] | None]
    forwardedProps: NotRequired[Any]


@open_schema(threadId=THREAD, runId=CLIENT_RUN, messages=[])
class ConnectInput(TypedDict):
    """CopilotKit's request to load a thread: a `RunAgentInput`, of which only these are read."""

    threadId: InputThread
    runId: NotRequired[str | None]
    protocolVersion: NotRequired[str | None]
    state: NotRequired[Any]


@with_config(ConfigDict(json_schema_extra={"examples": [{"runId": CLIENT_RUN}], "additionalProperties": False}))
class StopInput(TypedDict):
    """The run to stop; without one, the thread's current run."""

    runId: NotRequired[InputRun]


class EndpointParams(TypedDict):
    """Parts of the path where each method has a path of its own."""

    agentId: NotRequired[str]
    threadId: NotRequired[str]


@open_schema(method="info")
class EndpointCall(TypedDict):
    """A call in CopilotKit's single-endpoint form. `body` is that of the method's own path."""

    method: Literal["info", "agent/run", "agent/connect", "agent/stop"]
    params: NotRequired[EndpointParams | None]
    body: NotRequired[dict[str, Any] | None]


class AgentDescription(TypedDict):
    """An app as CopilotKit's clients know it. `capabilities` are AG-UI's."""

    name: str
    description: str
    className: Literal["App"]
    capabilities: dict[str, Any]


class RuntimeInfo(TypedDict):
    """The agents by their ids, and what of CopilotKit's runtime there is."""

    version: str
    mode: Literal["sse"]
    agents: dict[str, AgentDescription]
    audioFileTranscriptionEnabled: bool
    suggestions: bool
    a2uiEnabled: bool
    openGenerativeUIEnabled: bool
    telemetryDisabled: bool


class StoppedRun(TypedDict):
    """Whether a turn was stopped; `message` says why not."""

    stopped: bool
    message: NotRequired[str]


class AgentError(TypedDict):
    """Why a request was refused. Both fields say the same: CopilotKit's clients show `message`."""

    error: str
    message: str
