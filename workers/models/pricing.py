"""Prices and context windows of models: from aomi.yaml, or else from litellm."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

import litellm

from app.catalog import Model, prices_of
from app.usage import Prices, Usage, nano

UNKNOWN_WINDOW = 32_768
"""Tokens a model is taken to read when neither litellm nor `model_info.max_input_tokens` says."""


def window_of(model: Model) -> int:
    """Tokens that the model reads."""
    told = model.model_info.get("max_input_tokens") or model.litellm_params.get("num_ctx")  # Ollama's own window
    return told or facts_of(model).get("max_input_tokens") or UNKNOWN_WINDOW


def prices(model: Model) -> Prices | None:
    """The prices of a token; None if they are unknown."""
    if model.litellm_params["model"].startswith("demo/"):
        return Prices("0", "0")
    return model.prices or prices_of(facts_of(model))


def facts_of(model: Model) -> Mapping[str, Any]:
    """litellm's facts about the model; empty for one that it does not know."""
    return _known(_priced_as(model))


def cost(model: Model, usage: Usage) -> int | None:
    """Nano-dollars, None if the price is unknown. litellm knows what hangs on a prompt's length, or on the hour."""
    known = prices(model)
    if known is None or known.is_free or model.prices:
        return known.cost(usage) if known else None
    try:
        return _cost_by_litellm(_priced_as(model), usage)
    except Exception:  # litellm has prices of models whose provider it cannot name
        return known.cost(usage)


def known_of(model: Model) -> Mapping[str, Any]:
    """litellm's facts about a model, {} if it has none."""
    return _known(_priced_as(model))


def _priced_as(model: Model) -> str:
    """The name by which litellm knows the price: that of an API is not a part of it."""
    return model.priced_as.replace("/responses/", "/", 1)


@lru_cache(maxsize=256)
def _known(model: str) -> Mapping[str, Any]:
    """litellm's facts about a model; empty for a model that it does not know, or would ask a server about."""
    if model.startswith("ollama"):
        return {}
    try:
        return litellm.get_model_info(model)
    except Exception:  # litellm raises a bare Exception for a model it does not know
        return {}


def _cost_by_litellm(model: str, usage: Usage) -> int:
    used = litellm.Usage(
        prompt_tokens=usage.input,
        completion_tokens=usage.output,
        total_tokens=usage.input + usage.output,
        cache_read_input_tokens=usage.cached,
        cache_creation_input_tokens=usage.written,
    )
    sent, said = litellm.cost_per_token(model=model, usage_object=used)
    return nano(Decimal(str(sent)) + Decimal(str(said)))
