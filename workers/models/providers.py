"""Whether LiteLLM can ask the models of aomi.yaml: providers that it knows, and credentials that are there."""

from __future__ import annotations

from collections.abc import Iterator

import litellm

from app import own_keys
from app.catalog import Catalog, Model
from app.checks.problems import Problem
from app.checks.spelling import hint

_KEY = "_API_KEY"
_CREDENTIALS = ("api_key", "azure_ad_token", "extra_headers", "headers")


def problems(catalog: Catalog) -> Iterator[Problem]:
    """Models of an unknown provider, and as warnings those that are called without a key, or with that of another
    server."""
    litellm.suppress_debug_info = True  # else it prints where its list of providers is
    for model in catalog.models:
        place, who = catalog.place("model", model.model_name), f"model {model.model_name!r}"
        if unknown := _unknown(model):
            yield Problem(place, f"{who}: {unknown}")
        elif doubt := _credentials(model):
            yield Problem(place, f"{who}: {doubt}", refused=False)


def _unknown(model: Model) -> str | None:
    """The mistake in the model's provider."""
    params = model.litellm_params
    name, named = params["model"], params.get("custom_llm_provider")
    provider, slash, _ = name.partition("/")
    if "demo" in (provider, named):
        return None
    try:
        litellm.get_llm_provider(model=f"{named}/{name}" if named else name, api_base=params.get("api_base"))
    except litellm.BadRequestError:
        known = sorted(str(getattr(one, "value", one)) for one in litellm.provider_list)
        if named or slash:
            wrong = named or provider
            return f"LiteLLM has no provider {wrong!r}{hint(wrong, known)}; see https://docs.litellm.ai/docs/providers"
        return f"{name!r} names no provider; write it such as openai/{name}"
    return None


def _credentials(model: Model) -> str | None:
    params = model.litellm_params
    if model.takes_own_keys or any(params.get(name) for name in _CREDENTIALS):
        return None
    if own_keys.lacks_key(params):
        return "no key is sent to its api_base; write api_key: os.environ/NAME, or `none` if that needs no key"
    missing = litellm.validate_environment(params["model"], api_base=params.get("api_base"))["missing_keys"]
    keys = [name for name in missing if name.endswith(_KEY)]
    return f"has no api_key, and {keys[0]} is not set: each call will fail" if keys else None
