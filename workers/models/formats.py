"""The formats in which a model answers, as litellm knows them."""

from __future__ import annotations

import litellm

from app.catalog import Model
from app.state.model_abilities import JSON_OBJECT, JSON_SCHEMA
from workers.models import pricing, routes

_DEMO = "demo"
"""Its replies are always text. litellm assumes of every custom provider that it takes all parameters."""

_TOLD_BY_LITELLM = frozenset(["openai", "azure"])
"""Providers whose models of before 2024 refuse a schema. For others litellm translates it, or they ignore it."""


def formats_of(model: Model) -> frozenset[str]:
    """The types of `response_format` that the model takes."""
    params, provider = model.litellm_params, routes.provider_of(model)
    if provider == _DEMO:
        return frozenset()
    name = params["model"].removeprefix(f"{provider}/").removeprefix("responses/")
    if "response_format" not in _supported(name, provider) or "response_format" in params.get(
        "additional_drop_params", ()
    ):
        return frozenset()
    known = pricing.facts_of(model)
    refuses_schemas = provider in _TOLD_BY_LITELLM and bool(known) and not known.get("supports_response_schema")
    told = model.model_info.get("supports_response_schema", not refuses_schemas)
    return frozenset([JSON_OBJECT, JSON_SCHEMA] if told else [JSON_OBJECT])


def _supported(name: str, provider: str) -> list[str]:
    """The parameters that litellm takes for the model."""
    try:
        return litellm.get_supported_openai_params(model=name, custom_llm_provider=provider) or []
    except Exception:  # some of its providers fail for a name that they do not know
        return []
