"""By which of litellm's routes a model is asked."""

from __future__ import annotations

from functools import lru_cache

import litellm

from app.catalog import Model


def provider_of(model: Model) -> str:
    """litellm's name of the provider, such as `anthropic`, or `openai` (also for servers that speak its wire)."""
    params = model.litellm_params
    return provider_named(params["model"], params.get("custom_llm_provider"))


def route_of(model: Model) -> tuple[str, str, bool]:
    """The part of litellm's code that asks for a model, as far as its name tells: the provider, the prefix of the name
    (`openai/responses`, `bedrock/converse`), and whether it is Claude, which some providers serve on another wire."""
    name = model.litellm_params["model"]
    return provider_of(model), name.rpartition("/")[0], "claude" in name


@lru_cache(maxsize=256)
def provider_named(model: str, provider: str | None) -> str:
    """The same for litellm's arguments `model` and `custom_llm_provider`."""
    prefix, slash, _ = model.partition("/")
    try:
        return litellm.get_llm_provider(model=model, custom_llm_provider=provider)[1]
    except litellm.BadRequestError:  # a custom provider, or a name that litellm does not know
        return provider or (prefix if slash else "openai")
