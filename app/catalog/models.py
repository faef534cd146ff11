"""An entry of `model_list:`, in LiteLLM's format."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from app import own_keys
from app.checks.references import FROM_ENVIRONMENT
from app.usage import Prices

DEMO = "demo/assistant"
DEMO_INFO = {"display_name": "Demo assistant (no key needed)", "provider": "demo"}


class Model(BaseModel):
    """An entry of `model_list:` in LiteLLM's format. `model_info` may have `display_name`, `provider` and `byok`."""

    model_config = ConfigDict(protected_namespaces=(), frozen=True)

    model_name: str = Field(min_length=1, description="the name that apps and clients use")
    litellm_params: dict[str, Any] = Field(
        description="the arguments of the LiteLLM call: `model`, `api_key`, `api_base`, `max_tokens`, `temperature`, "
        "and whatever else [LiteLLM](https://docs.litellm.ai/docs/providers) takes"
    )
    model_info: dict[str, Any] = Field({}, description="[what is known of the model](#about-a-model)")

    @field_validator("litellm_params")
    @classmethod
    def _names_a_model(cls, params: dict[str, Any]) -> dict[str, Any]:
        if not isinstance(params.get("model"), str):
            raise ValueError("needs `model`, such as `anthropic/claude-sonnet-4-5`")
        return params

    @model_validator(mode="after")
    def _has_prices(self) -> Self:
        fields = self.litellm_params | self.model_info
        for name in PRICES.values():
            if fields.get(name) is not None and not _is_price(fields[name]):
                raise ValueError(f"`{name}` must be US$ per token, such as 0.0000025, not {fields[name]!r}")
        if sum(fields.get(PRICES[name]) is not None for name in ("input", "output")) == 1:
            raise ValueError(f"needs both {PRICES['input']} and {PRICES['output']}, or neither")
        return self

    @property
    def display_name(self) -> str:
        """The name that people see."""
        return self.model_info.get("display_name") or self.model_info.get("name") or self.model_name

    @property
    def provider(self) -> str:
        """The provider that serves it."""
        named = self.model_info.get("provider") or self.model_info.get("litellm_provider")
        prefix, slash, _ = self.litellm_params["model"].partition("/")
        return named or self.litellm_params.get("custom_llm_provider") or (prefix if slash else "openai")

    @property
    def priced_as(self) -> str:
        """The model name that LiteLLM knows prices for: `base_model`, else the called model."""
        return str(self.model_info.get("base_model") or self.litellm_params["model"])

    @property
    def prices(self) -> Prices | None:
        """The prices of a token in the file, or None."""
        return prices_of(self.litellm_params | self.model_info)

    @property
    def takes_own_keys(self) -> bool:
        """Whether it is offered even without an operator's key, because clients bring their own."""
        return self.model_info.get("byok") is True and not self.own_key_refusal

    @cached_property
    def own_key_refusal(self) -> str:
        """Why no client's own key is used for it; '' if one is."""
        return own_keys.refusal(self.litellm_params, os.environ, byok=self.model_info.get("byok") is True)

    def own_key(self, keys: Mapping[str, str]) -> str | None:
        """The one of a client's own keys, by provider, that is used for it."""
        return None if self.own_key_refusal else keys.get(self.provider)

    @property
    def variables(self) -> list[str]:
        """The environment variables that it names."""
        return [value.removeprefix(FROM_ENVIRONMENT) for value in _references(self.litellm_params)]

    def missing(self, environment: Mapping[str, str]) -> list[str]:
        """The environment variables that it needs and that are not set."""
        return [name for name in self.variables if not environment.get(name)]

    def params(self, environment: Mapping[str, str]) -> dict[str, Any]:
        """The arguments for litellm, with `os.environ/NAME` values replaced. No key of the environment goes to an
        address of the operator's, unless the entry says so."""
        params = {name: _filled(value, environment) for name, value in self.litellm_params.items()}
        return params | ({"api_key": own_keys.NO_KEY} if own_keys.lacks_key(params) else {})


PRICES = {
    "input": "input_cost_per_token",
    "output": "output_cost_per_token",
    "cached": "cache_read_input_token_cost",
    "written": "cache_creation_input_token_cost",
}
"""LiteLLM's names of prices, in US$ a token."""


def prices_of(info: Mapping[str, Any]) -> Prices | None:
    """The prices in LiteLLM's (or aomi.yaml's) data of a model; None unless input and output both have one."""
    prices = {name: str(info[field]) for name, field in PRICES.items() if info.get(field) is not None}
    return Prices(**prices) if {"input", "output"} <= prices.keys() else None


def _is_price(value: Any) -> bool:
    """Whether it is a number, or text such as 3e-6, which YAML reads as text."""
    try:
        return not isinstance(value, bool) and 0 <= float(value) < 1000
    except (TypeError, ValueError):
        return False


def _references(value: Any) -> list[str]:
    """Every `os.environ/NAME` in a value, at any depth."""
    if isinstance(value, dict):
        return [name for part in value.values() for name in _references(part)]
    if isinstance(value, list):
        return [name for part in value for name in _references(part)]
    return [value] if isinstance(value, str) and value.startswith(FROM_ENVIRONMENT) else []


def _filled(value: Any, environment: Mapping[str, str]) -> Any:
    """The value with every `os.environ/NAME` in it replaced."""
    if isinstance(value, dict):
        return {name: _filled(part, environment) for name, part in value.items()}
    if isinstance(value, list):
        return [_filled(part, environment) for part in value]
    return environment.get(value.removeprefix(FROM_ENVIRONMENT)) if _references(value) else value
