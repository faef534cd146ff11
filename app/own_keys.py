"""Whether a client's own key may be used for a model: only where it is all that opens the model.

Elsewhere the operator's credentials would be sent beside it or instead of it, and the call would be booked as the
client's. Read without litellm; `tests/models/test_own_keys.py` compares it with what litellm sends.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from app.checks.references import FROM_ENVIRONMENT


def _names(words: str) -> frozenset[str]:
    return frozenset(words.split())


OPENED_BY_A_KEY = _names(
    """ai21 anthropic cerebras codestral cohere cohere_chat custom_openai dashscope deepinfra deepseek featherless_ai
    fireworks_ai friendliai galadriel gemini github groq huggingface hyperbolic inception lambda_ai meta_llama minimax
    mistral moonshot morph nebius novita nvidia_nim openai openrouter perplexity sambanova text-completion-openai
    together_ai v0 vercel_ai_gateway volcengine wandb xai zai"""
)
"""LiteLLM's providers with an address of their own, which `api_key` alone opens."""

SERVERS = frozenset(["hosted_vllm", "litellm_proxy", "llamafile", "lm_studio", "ollama", "ollama_chat"])
"""LiteLLM's providers that are servers of the operator."""

_HARMLESS = _names(
    """model custom_llm_provider api_key api_base base_url api_version timeout stream_timeout request_timeout
    max_retries num_retries rpm tpm weight order tags drop_params additional_drop_params allowed_openai_params
    modify_params merge_reasoning_content_in_choices temperature top_p top_k min_p max_tokens max_completion_tokens n
    stop seed presence_penalty frequency_penalty repetition_penalty logit_bias logprobs top_logprobs reasoning_effort
    reasoning thinking verbosity response_format tool_choice parallel_tool_calls service_tier store include truncation
    modalities num_ctx num_predict keep_alive format safety_settings cache_control_injection_points provider transforms
    models route plugins"""
)
"""Parameters of a model's entry that hold no credential. (Prices are not sent.)"""

_MAY_BE_SET_OUTSIDE = frozenset(["model", "custom_llm_provider", "api_key", "api_base", "base_url", "api_version"])
"""Parameters that are no credential although their value is a variable of the environment."""

_HARMLESS_HEADERS = frozenset(
    ["http-referer", "referer", "x-title", "user-agent", "anthropic-beta", "anthropic-version", "openai-beta"]
)

_ADDRESS_ENDINGS = ("_API_BASE", "_BASE_URL")

_OF_OPENAI = re.compile(r"(gpt-|chatgpt-|o\d)")
_OF_ANTHROPIC = re.compile(r"claude-")
_IN_THE_ADDRESS = re.compile(r"[@?]")
MIN_KEY_CHARACTERS = 20

NO_KEY = "none"
"""The key that is sent to an address of the operator's for which none is given."""


def provider_of(params: Mapping[str, Any]) -> str:
    """LiteLLM's provider of a model's entry, '' where only LiteLLM's own table of names says it."""
    prefix, slash, _ = str(params["model"]).partition("/")
    if named := params.get("custom_llm_provider"):
        return str(named)
    if slash:
        return prefix
    return "openai" if _OF_OPENAI.match(prefix) else "anthropic" if _OF_ANTHROPIC.match(prefix) else ""


def refusal(params: Mapping[str, Any], environment: Mapping[str, str], *, byok: bool) -> str:
    """Why no client's own key is taken for a model with these arguments for LiteLLM; '' if one is. `byok`: the operator
    says that clients bring their own."""
    provider = provider_of(params)
    if provider not in OPENED_BY_A_KEY | SERVERS:
        return f"models of {provider or params['model']} are not opened by a key alone"
    others = [name for name, value in params.items() if value is not None and not _is_harmless(name, value)]
    if others:
        return f"the operator's entry sends more than a key ({', '.join(sorted(others))})"
    is_elsewhere = address(params) or provider in SERVERS or _address_variables(provider, environment)
    if is_elsewhere and not (byok or _is_key(params.get("api_key"), environment)):
        return "the operator's server asks for no key"
    return ""


def lacks_key(params: Mapping[str, Any]) -> bool:
    """Whether LiteLLM would send the provider's key of the environment to an address that is not the provider's."""
    return bool(address(params)) and not params.get("api_key") and provider_of(params) in OPENED_BY_A_KEY


def address(params: Mapping[str, Any]) -> str:
    """The address in a model's entry, '' for the provider's own."""
    return str(params.get("api_base") or params.get("base_url") or "")


def _address_variables(provider: str, environment: Mapping[str, str]) -> list[str]:
    """The variables that are set and from which LiteLLM takes the provider's address, such as `OPENAI_BASE_URL`."""
    words = provider.upper() + (" OPENAI" if provider == "ai21" else "")
    return [
        name
        for name, value in environment.items()
        if value and name.endswith(_ADDRESS_ENDINGS) and name.partition("_")[0] in words
    ]


def _is_key(value: Any, environment: Mapping[str, str]) -> bool:
    """Whether an entry's `api_key` is one, and not a word such as `none` for a server that reads no key."""
    key = str(value or "")
    if key.startswith(FROM_ENVIRONMENT):
        key = environment.get(key.removeprefix(FROM_ENVIRONMENT), "")
        return not key or len(key) >= MIN_KEY_CHARACTERS  # one that is not set makes the model unusable
    return len(key) >= MIN_KEY_CHARACTERS


def _is_harmless(name: str, value: Any) -> bool:
    if str(value).startswith(FROM_ENVIRONMENT) and name not in _MAY_BE_SET_OUTSIDE:
        return False
    if name in ("api_base", "base_url"):
        return not _IN_THE_ADDRESS.search(str(value))
    if name in ("extra_headers", "headers"):
        return isinstance(value, dict) and all(header.lower() in _HARMLESS_HEADERS for header in value)
    return name in _HARMLESS or "_cost_per_" in name or not value
