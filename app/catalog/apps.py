"""An entry of `apps:`."""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from app.catalog.compaction import Compaction, compaction_of
from app.catalog.examples import Examples
from app.catalog.webhooks import Webhook
from app.model_params import ModelParams

DEFAULT_APP = "default"

MCP_PREFIX = "mcp:"


class McpTool(NamedTuple):
    """A tool of an MCP server, as an app names it: `mcp:SERVER/TOOL`. `tool` may be `*`: all that the server offers."""

    server: str
    tool: str


class App(BaseModel):
    """An entry of `apps:`. A session may choose among `model` and `models`. `fallbacks` are the models to try, in
    order, when a model fails before its first token. `params` override the model's own parameters. `reasoning: hidden`
    keeps what its models think from every client. With `compact`, long conversations are summed up."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
        description="the name in `?app=`: up to 64 characters from `A-Za-z0-9._-`",
    )
    name: str = Field("", description="the name that clients show; the id if it is left out")
    model: str = Field(description="the model that replies unless the session chose another one")
    models: tuple[str, ...] = Field((), description="further models that a session may choose")
    preamble: str = Field("", description="the system prompt")
    tools: tuple[str, ...] = Field((), description="the [tools](#tools) that the model may call")
    approve: tuple[str, ...] = Field(
        (), description="those of the tools whose calls [a person approves](approval.md) before they run"
    )
    client_tools: bool = Field(
        False, description="`true` lets clients send [tools of their own](approval.md#tools-that-the-client-runs)"
    )
    title_model: str | None = Field(
        None,
        description="the model that writes the titles of sessions; without it, a title is the first words of the first "
        "message",
    )
    fallbacks: tuple[str, ...] = Field(
        (), description="the models to try, in order, when a model fails before its first token"
    )
    params: ModelParams = Field(ModelParams(), description="[parameters](#parameters) of the app's model calls")
    compact: Annotated[Compaction | None, BeforeValidator(compaction_of)] = Field(
        None,
        description="`true`, or [how](#long-conversations): what a long conversation begins with is summed up; without "
        "it, the oldest turns are left out of prompts",
    )
    reasoning: Literal["shown", "hidden"] = Field(
        "shown",
        description="`hidden` keeps what the app's models think from every client; else those get it that "
        "[ask for it](api.md#reasoning)",
    )
    examples: Examples = Field(
        (), description="at most 8 [messages to try](#examples), which front ends show in an empty conversation"
    )
    webhook: Webhook | None = Field(
        None, description="the [receiver](#webhook) that is told when a turn or a tool of the app ends"
    )

    @property
    def own_tools(self) -> tuple[str, ...]:
        """The tools that are functions: all but those of MCP servers."""
        return tuple(name for name in self.tools if not name.startswith(MCP_PREFIX))

    @property
    def mcp_tools(self) -> tuple[McpTool, ...]:
        """The tools of MCP servers."""
        names = (name.removeprefix(MCP_PREFIX) for name in self.tools if name.startswith(MCP_PREFIX))
        return tuple(McpTool(*name.split("/", 1)) for name in names)
