"""The parameters of a model call that an app may set, over the model's own `litellm_params`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Penalty = Annotated[float, Field(ge=-2, le=2)]


class ModelParams(BaseModel):
    """`params:` of an app. The names are OpenAI's; LiteLLM writes them for each provider, and leaves out what one does
    not know. Parameters of the model itself (its address, its key) are not among them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, ge=0, le=1)
    max_tokens: int | None = Field(None, ge=1)
    max_completion_tokens: int | None = Field(None, ge=1)
    stop: str | list[str] | None = None
    seed: int | None = None
    presence_penalty: Penalty | None = None
    frequency_penalty: Penalty | None = None
    reasoning_effort: str | None = None
    thinking: dict[str, Any] | None = None
    verbosity: Literal["low", "medium", "high"] | None = None
    response_format: dict[str, Any] | None = None
    tool_choice: Literal["auto", "none", "required"] | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    service_tier: str | None = None

    def over(self, own: dict[str, Any], *, has_tools: bool, after_results: bool) -> dict[str, Any]:
        """The arguments of a call: these over the model's `own`. Parameters about tools need tools. A tool that must be
        called is to be called once a turn: behind results the model may answer."""
        given = self.model_dump(exclude_none=True)
        if not has_tools:
            given = {name: value for name, value in given.items() if name not in _OF_TOOLS}
        elif after_results and given.get("tool_choice") not in (None, "auto", "none"):
            given["tool_choice"] = "auto"
        replaced = _LENGTHS if _LENGTHS & given.keys() else frozenset()
        return {name: value for name, value in own.items() if name not in replaced} | given


_OF_TOOLS = frozenset(["tool_choice", "parallel_tool_calls"])
_LENGTHS = frozenset(["max_tokens", "max_completion_tokens"])
"""Two names of one thing: providers refuse both at once."""
