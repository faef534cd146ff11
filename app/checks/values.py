"""Values of a model's entry that mean something to this program."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from app.checks.keys import named
from app.checks.problems import Problem
from app.checks.references import FROM_ENVIRONMENT
from app.checks.yaml_file import YamlFile

Rule = tuple[Callable[[Any], bool], str]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_TEXT: Rule = (lambda value: isinstance(value, str), "must be text; put it in quotes")
_TRUTH: Rule = (lambda value: isinstance(value, bool), "must be true or false, without quotes")
_COUNT: Rule = (
    lambda value: isinstance(value, int) and _is_number(value) and value >= 1,
    "must be a whole number above 0",
)
_SECONDS: Rule = (lambda value: _is_number(value) and value > 0, "must be a number of seconds above 0")

RULES: dict[tuple[str, str], Rule] = {
    ("model_info", "byok"): _TRUTH,
    ("model_info", "supports_vision"): _TRUTH,
    ("model_info", "supports_pdf_input"): _TRUTH,
    ("model_info", "supports_image_url"): _TRUTH,
    ("model_info", "display_name"): _TEXT,
    ("model_info", "provider"): _TEXT,
    ("model_info", "base_model"): _TEXT,
    ("model_info", "max_input_tokens"): _COUNT,
    ("litellm_params", "api_key"): _TEXT,
    ("litellm_params", "api_base"): (
        lambda value: isinstance(value, str) and "://" in value,
        "must be a URL: http://...",
    ),
    ("litellm_params", "api_version"): _TEXT,
    ("litellm_params", "max_tokens"): _COUNT,
    ("litellm_params", "max_completion_tokens"): _COUNT,
    ("litellm_params", "num_ctx"): _COUNT,
    ("litellm_params", "timeout"): _SECONDS,
    ("litellm_params", "temperature"): (lambda value: _is_number(value) and 0 <= value <= 2, "must be from 0 to 2"),
    ("litellm_params", "top_p"): (lambda value: _is_number(value) and 0 <= value <= 1, "must be from 0 to 1"),
}


def problems(file: YamlFile) -> Iterator[Problem]:
    """Each value that has the wrong type, or is out of its bounds. References to the environment are not values."""
    entries = file.data.get("model_list")
    for index, entry in enumerate(entries if isinstance(entries, list) else ()):
        for (part, name), (holds, right) in RULES.items():
            inside = entry.get(part) if isinstance(entry, dict) else None
            value = inside.get(name) if isinstance(inside, dict) else None
            if value is None or (isinstance(value, str) and value.startswith(FROM_ENVIRONMENT)) or holds(value):
                continue
            at = ("model_list", index, part, name)
            yield Problem(file.place(*at), f"{named(file.data, at)}: {right}")
