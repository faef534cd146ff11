"""An entry of `mcp_servers:`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from pydantic import BaseModel, ConfigDict, Field

from app.checks.mcp_servers import MAX_TIMEOUT, REFERENCE
from app.checks.references import FROM_ENVIRONMENT


class McpServer(BaseModel):
    """An MCP server: at an address (`url`), or a process that the worker starts (`command`)."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    url: str = Field("", description="the address of a server that speaks streamable HTTP")
    headers: dict[str, str] = Field(
        {},
        description="headers of each request to `url`: values may be `os.environ/NAME` or `secret/NAME`, with a word "
        "such as `Bearer` in front",
    )
    command: str = Field("", description="the program of a server that speaks over its standard input and output")
    args: tuple[str, ...] = Field((), description="arguments of `command`")
    env: dict[str, str] = Field(
        {}, description="variables of its environment: values may be `os.environ/NAME`; of ours, it gets PATH and HOME"
    )
    tools: tuple[str, ...] = Field((), description="the tools that apps may use; all of them if it is left out")
    long: tuple[str, ...] = Field(
        (), description="the tools that run [in the background](mcp.md#long-tools); `*`: all of them"
    )
    timeout: float = Field(
        60.0,
        gt=0,
        le=MAX_TIMEOUT,
        description="seconds for one call; never more than `AOMI_TOOL_TIMEOUT`, unless the tool is `long`",
    )

    @property
    def secrets(self) -> list[str]:
        """The names of the client's secrets in the headers: with one, each client has a connection of its own."""
        return [name for source, name in self._references() if source == "secret"]

    def missing(self, environment: Mapping[str, str]) -> list[str]:
        """The variables it names that are not set."""
        return [
            name for source, name in self._references() if source == FROM_ENVIRONMENT[:-1] and not environment.get(name)
        ]

    def offers(self, tool: str) -> bool:
        """Whether apps may use the tool, if the server has it."""
        return not self.tools or tool in self.tools

    def is_long(self, tool: str) -> bool:
        """Whether the tool runs in the background."""
        return tool in self.long or "*" in self.long

    def _references(self) -> Iterator[tuple[str, str]]:
        for value in (*self.headers.values(), *self.env.values()):
            if found := REFERENCE.fullmatch(value):
                yield found["source"], found["name"]


def resolved(values: Mapping[str, str], lookup: Callable[[str, str], str]) -> dict[str, str]:
    """Headers or variables with each reference replaced by `lookup(source, name)`: `source` is `os.environ` or
    `secret`."""

    def value(text: str) -> str:
        found = REFERENCE.fullmatch(text)
        return f"{found['word'] or ''}{lookup(found['source'], found['name'])}" if found else text

    return {name: value(text) for name, text in values.items()}
