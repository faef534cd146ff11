"""The parameters of OpenAI's that an app does not leave to its clients: refused, unless they say what holds anyway."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from app.errors import BadRequest

_OPERATORS = "the operator of the app decides it; leave it out"
_RUNS_HERE = "the tools of the app run here; leave it out"
_ELSEWHERE = "tools that the client runs need POST /v1/responses; leave it out"

EQUAL_TO_NONE: Mapping[str, Sequence[Any]] = {
    "n": (1,),
    "temperature": (1,),
    "top_p": (1,),
    "frequency_penalty": (0,),
    "presence_penalty": (0,),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "logit_bias": ({},),
    "max_tokens": (),
    "max_completion_tokens": (),
    "max_output_tokens": (),
    "max_tool_calls": (),
    "stop": ([],),
    "seed": (),
    "modalities": (["text"],),
    "audio": (),
    "prediction": (),
    "moderation": (),
    "reasoning_effort": (),
    "reasoning": ({}, {"summary": "auto"}, {"summary": "concise"}, {"summary": "detailed"}),
    "verbosity": (),
    "instructions": ("",),
    "prompt": (),
    "truncation": ("auto",),
    "service_tier": ("auto", "default"),
    "context_management": ([],),
}
"""Parameters that change a reply, with the values that change nothing."""

TOOLS: Mapping[str, Sequence[Any]] = {"tools": ([],)}
OF_TOOLS: Mapping[str, Sequence[Any]] = {
    "functions": ([],),
    "tool_choice": ("auto", "none"),
    "function_call": ("auto", "none"),
    "parallel_tool_calls": (True,),
    "web_search_options": (),
}

_ADVICE = {
    "n": "one reply is made for each request",
    "instructions": "the app has its own; say what matters in 'input'",
    "modalities": "replies are text",
    "audio": "replies are text",
}


def check_params(sent: Mapping[str, Any], *, takes_tools: bool) -> None:
    """Raises `BadRequest` for a parameter that would have to change the reply. Names that nobody knows are left out."""
    tools = {} if takes_tools else TOOLS
    for names, advice in ((tools, _ELSEWHERE), (EQUAL_TO_NONE, _OPERATORS), (OF_TOOLS, _RUNS_HERE)):
        for name, same in names.items():
            value = sent.get(name)
            if value is not None and not any(map(partial(_is_same, value), same)):
                raise BadRequest(f"{name!r} cannot be chosen here: {_ADVICE.get(name, advice)}")
    if sent.get("tools") and sent.get("tool_choice") == "none":
        raise BadRequest("'tool_choice' cannot be 'none' beside 'tools': leave both out")
    text = sent.get("text")
    if isinstance(text, dict) and text.get("verbosity") is not None:
        raise BadRequest(f"'text' cannot have a 'verbosity' here: {_OPERATORS}")


def _is_same(value: Any, other: Any) -> bool:
    """Python takes True for 1."""
    return bool(value == other) and isinstance(value, bool) == isinstance(other, bool)
