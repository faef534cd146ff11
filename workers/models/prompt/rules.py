"""The rules of each provider for a history. The sources are the providers' own documents and errors;
tests/models/rules has the same rules as functions that refuse."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_MISTRAL = re.compile(r"mistral|mixtral|ministral|magistral|codestral|devstral|pixtral|voxtral", re.IGNORECASE)
_WANTS_REASONING = re.compile(r"deepseek|kimi", re.IGNORECASE)
_REFUSE_REASONING = frozenset(["groq", "mistral", "cerebras", "azure", "ollama", "ollama_chat"])
_GEMINI = frozenset(["gemini", "vertex_ai", "vertex_ai_beta"])
_CLAUDE = frozenset(["anthropic", "bedrock", "vertex_ai", "azure_ai"])


@dataclass(frozen=True)
class Rules:
    """How messages are written for one model. `model` is litellm's name of it: reasoning goes back where it came from.

    Of a reply's reasoning, `thinking` is Anthropic's (blocks with signatures), `signatures` Gemini's, `reasoning_text`
    the field `reasoning_content`, `reasoning_details` OpenRouter's. `wants_reasoning`: with each call, of any model.
    """

    model: str
    nine_letter_ids: bool = False
    answers_results: bool = False
    """A user's message may not follow a tool's result directly (Mistral)."""
    no_equal_calls: bool = False
    """Of two equal calls in one reply litellm drops the second for Gemini, which then lacks a call for its result. So
    they are one call, with the results of both."""
    calls_need_tools: bool = False
    """A history with calls is refused where the request declares no tools (Anthropic, Bedrock)."""
    thinking: bool = False
    signatures: bool = False
    reasoning_text: bool = False
    reasoning_details: bool = False
    wants_reasoning: bool = False


def rules_for(model: str, provider: str, params: Mapping[str, Any]) -> Rules:
    """The rules of litellm's `model`, which `provider` (litellm's name) serves, asked with these parameters."""
    is_mistral = provider == "mistral" or bool(_MISTRAL.search(model))
    is_gemini = provider in _GEMINI and "gemini" in model
    is_claude = provider in _CLAUDE and (provider == "anthropic" or "claude" in model)
    takes_text = provider not in _REFUSE_REASONING and not (is_mistral or is_gemini or is_claude)
    return Rules(
        model,
        nine_letter_ids=is_mistral,
        answers_results=is_mistral,
        no_equal_calls=is_gemini,
        calls_need_tools=is_claude or provider == "bedrock",
        thinking=is_claude and _thinks(params),
        signatures=is_gemini,
        reasoning_text=takes_text,
        reasoning_details=provider == "openrouter",
        wants_reasoning=takes_text and (provider == "moonshot" or bool(_WANTS_REASONING.search(f"{provider} {model}"))),
    )


def _thinks(params: Mapping[str, Any]) -> bool:
    """Whether the request turns thinking on. Off, Anthropic refuses thoughts in the history."""
    thinking = params.get("thinking")
    if isinstance(thinking, Mapping):
        return thinking.get("type") != "disabled"
    return params.get("reasoning_effort") not in (None, "none", "disable")
