"""The inputs that a model takes beside text: images, PDF, and the address of an image, which its provider reads."""

from __future__ import annotations

from collections.abc import Mapping

from app.catalog import Model
from app.state.model_abilities import IMAGE, IMAGE_URL, PDF
from workers.models import pricing, routes

_TOLD = {IMAGE: "supports_vision", PDF: "supports_pdf_input", IMAGE_URL: "supports_image_url"}
"""The names in `model_info`, and of litellm's facts; the last one is ours."""

_READ_ADDRESSES = frozenset(["openai", "anthropic", "openrouter", "xai"])
"""Providers to which litellm passes an address as it is. For others it reads the image itself, from our network."""


def inputs_of(model: Model, environment: Mapping[str, str]) -> frozenset[str]:
    """The inputs of the model, from aomi.yaml or else from litellm.

    The address of an image goes to a provider's own servers alone: a server of the operator's (`api_base`) would read
    it from our network.
    """
    told, known = model.model_info, pricing.known_of(model)
    takes = {name for name in (IMAGE, PDF) if told.get(_TOLD[name], known.get(_TOLD[name])) is True}
    if IMAGE in takes and told.get(_TOLD[IMAGE_URL], _provider_reads(model, environment)) is True:
        takes.add(IMAGE_URL)
    return frozenset(takes)


def _provider_reads(model: Model, environment: Mapping[str, str]) -> bool:
    provider = routes.provider_of(model)
    elsewhere = [f"{provider.upper()}_{name}" for name in ("API_BASE", "BASE_URL")]
    bases = [model.litellm_params.get(name) for name in ("api_base", "base_url")]
    return provider in _READ_ADDRESSES and not any([*bases, *map(environment.get, elsewhere)])
