"""The parameters of a model call that an app may set, over the model's own `litellm_params`."""

from __future__ import annotations

from typing import Annotated, Any, Literal, LiteralString

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidatorFunctionWrapHandler, WrapValidator
from pydantic_core import PydanticCustomError


def _or_else(told: LiteralString) -> WrapValidator:
    """One error with these words for a value that is none of several types. Pydantic has one for each type."""

    def validated(value: Any, validate: ValidatorFunctionWrapHandler) -> Any:
        try:
            return validate(value)
        except ValidationError:
            raise PydanticCustomError("wrong_type", told) from None

    return WrapValidator(validated)


Penalty = Annotated[float, Field(ge=-2, le=2)]
Stop = Annotated[str | list[str], _or_else("must be a text or a list of texts")]
ToolChoice = Annotated[
    Literal["auto", "none", "required"] | dict[str, Any],
    _or_else("must be auto, none, required, or a mapping that names one tool"),
]


class ModelParams(BaseModel):
    """`params:` of an app. The names are OpenAI's; LiteLLM writes them for each provider, and leaves out what one does
    not know. Parameters of the model itself (its address, its key) are not among them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    temperature: float | None = Field(None, ge=0, le=2, description="how much chance decides; 0 is the least")
    top_p: float | None = Field(None, ge=0, le=1, description="choose among the likeliest tokens of this total chance")
    max_tokens: int | None = Field(
        None, ge=1, description="the longest reply, in tokens; replaces the model's own limit"
    )
    max_completion_tokens: int | None = Field(
        None, ge=1, description="the same by OpenAI's newer name; set one of them"
    )
    stop: Stop | None = Field(None, description="a text, or several, at which the reply ends")
    seed: int | None = Field(None, description="makes replies repeatable, where a provider can")
    presence_penalty: Penalty | None = Field(None, description="above 0: new subjects are likelier")
    frequency_penalty: Penalty | None = Field(None, description="above 0: repetitions are less likely")
    reasoning_effort: str | None = Field(None, description="how long a model thinks, such as `low`")
    thinking: dict[str, Any] | None = Field(
        None, description="Anthropic's form of it, such as `{type: enabled, budget_tokens: 2048}`"
    )
    verbosity: Literal["low", "medium", "high"] | None = Field(None, description="how long replies are")
    response_format: dict[str, Any] | None = Field(
        None, description="`{type: json_object}`, or a JSON schema that replies follow"
    )
    tool_choice: ToolChoice | None = Field(
        None, description="whether tools must be called, or which one; sent only if the app has tools"
    )
    parallel_tool_calls: bool | None = Field(
        None, description="whether one reply may have several calls; sent only if the app has tools"
    )
    service_tier: str | None = Field(None, description="the provider's class of service, such as `flex`")

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
