"""The keys of aomi.yaml, at every level."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from app.checks.problems import Problem
from app.checks.spelling import hint, misspelt, nearest
from app.checks.yaml_file import Location, YamlFile

SECTIONS = ("model_list", "apps", "mcp_servers")
LITELLM_SECTIONS = frozenset(
    [
        *("litellm_settings", "router_settings", "general_settings", "environment_variables", "include"),
        *("credential_list", "mcp_tools", "guardrails", "prompts", "policies", "search_tools"),
        *("vector_store_registry", "files_settings", "finetune_settings", "callback_settings", "assistant_settings"),
        *("agent_list", "skills", "default_vertex_config", "sandbox_tools"),
    ]
)
"""Sections of LiteLLM's proxy, which may stay in the file and are not read."""

MODEL_KEYS = ("model_name", "litellm_params", "model_info")
LITELLM_MODEL_KEYS = frozenset(["blocked"])

LITELLM_MCP_KEYS = frozenset(
    [
        *("alias", "description", "mcp_info", "spec_version", "protocol_version", "transport", "allow_all_keys"),
        *("server_id", "access_groups", "instructions", "available_on_public_internet"),
    ]
)
"""Keys of an MCP server of LiteLLM's proxy, which may stay and are not read."""

MODEL_INFO = {
    "display_name": "the name in the lists that clients show",
    "provider": "the provider in those lists, and the one whose keys clients may bring",
    "byok": "`true` if [clients may bring their own key](keys-and-secrets.md#keys-for-model-providers)",
    "base_model": "the model whose [prices](usage.md#prices) apply, such as `azure/gpt-4o` for a deployment of it",
    "max_input_tokens": "tokens that the model reads, if LiteLLM does not know it",
    "supports_vision": "whether the model takes [images](api.md#files), if LiteLLM does not know it",
    "supports_pdf_input": "the same for PDF",
    "supports_image_url": "`true` if its server may read images at addresses of users: if it is not in your network",
    "input_cost_per_token": "[price](usage.md#prices) in US$",
    "output_cost_per_token": "price in US$",
    "cache_read_input_token_cost": "price of a token that the provider reads from its cache",
    "cache_creation_input_token_cost": "price of a token that it writes to its cache",
}
"""The keys of `model_info` that are used, and their meaning. Other keys are allowed, as in LiteLLM."""

PARAMS_TO_SPELL = (
    *("model", "custom_llm_provider", "api_key", "api_base", "base_url", "api_version", "organization"),
    *("temperature", "top_p", "max_tokens", "max_completion_tokens", "reasoning_effort", "thinking", "num_ctx"),
    *("extra_headers", "extra_body", "additional_drop_params", "drop_params", "cache_control_injection_points"),
    *("aws_access_key_id", "aws_secret_access_key", "aws_session_token", "aws_region_name", "aws_profile_name"),
    *("vertex_project", "vertex_location", "vertex_credentials", "azure_ad_token", "ensure_alternating_roles"),
    *("input_cost_per_token", "output_cost_per_token", "cache_read_input_token_cost", "response_format"),
    *("parallel_tool_calls", "tool_choice", "service_tier", "presence_penalty", "frequency_penalty"),
)
"""Parameters whose misspelling would be sent to the provider as a parameter of its own, or be lost."""

OTHER_PARAMS = frozenset(["min_tokens", "modalities", "modality", "region_name", "cache_creation_input_token_cost"])
"""Parameters that look like a misspelling of one of those, and are none."""

MEANT = {
    **dict.fromkeys(["system_prompt", "system", "prompt", "instructions", "system_message"], "preamble"),
    **dict.fromkeys(["default_model", "model_name"], "model"),
    **dict.fromkeys(["title", "display_name", "label"], "name"),
    **dict.fromkeys(["parameters", "litellm_params", "model_params"], "params"),
    **dict.fromkeys(["requires_approval", "needs_approval", "confirm", "approval"], "approve"),
    "functions": "tools",
    **dict.fromkeys(["cmd", "program"], "command"),
    **dict.fromkeys(["allowed_tools", "allow"], "tools"),
    **dict.fromkeys(["environment"], "env"),
    **dict.fromkeys(["static_headers", "extra_headers", "auth_type", "auth_value", "authentication_token"], "headers"),
}
"""The names that other programs give the keys of an app."""


@dataclass(frozen=True)
class _Level:
    """`known` keys, `others` that are not read, keys that belong to the model (`of_model`), and whether any other key
    is refused (`strict`), is a warning, or is free."""

    known: Collection[str]
    others: Collection[str] = ()
    of_model: Collection[str] = ()
    strict: bool = False
    free: bool = False


_PARTS_OF_A_MODEL = {
    "litellm_params": _Level(PARAMS_TO_SPELL, OTHER_PARAMS, free=True),
    "model_info": _Level(MODEL_INFO, free=True),
}


def problems(
    file: YamlFile,
    app_keys: Collection[str],
    keys_of_parts: Mapping[str, Collection[str]],
    server_keys: Collection[str],
) -> Iterator[Problem]:
    """Each key that nothing reads. `keys_of_parts` has the keys of an app's mappings, such as `params`, or lists of
    them."""
    root = file.data
    yield from file.repeated
    yield from _of_level(file, (), root, _Level(SECTIONS, LITELLM_SECTIONS))
    for index, model in enumerate(_list(root.get("model_list"))):
        at: Location = ("model_list", index)
        yield from _of_level(file, at, model, _Level(MODEL_KEYS, LITELLM_MODEL_KEYS))
        for part, level in _PARTS_OF_A_MODEL.items():
            yield from _of_level(file, (*at, part), _get(model, part), level)
    for index, app in enumerate(_list(root.get("apps"))):
        at = ("apps", index)
        yield from _of_level(file, at, app, _Level(app_keys, strict=True))
        for part, known in keys_of_parts.items():
            of_model = PARAMS_TO_SPELL if part == "params" else ()
            for inside, entry in _entries((*at, part), _get(app, part)):
                yield from _of_level(file, inside, entry, _Level(known, of_model=of_model, strict=True))
    servers = root.get("mcp_servers")
    for name, server in servers.items() if isinstance(servers, dict) else ():
        yield from _of_level(
            file, ("mcp_servers", str(name)), server, _Level(server_keys, LITELLM_MCP_KEYS, strict=True)
        )


def named(root: Any, location: Location) -> str:
    """Where an entry is, in words: `apps[1] (id 'shop').model`."""
    path, value = "", root
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
            value = value[part] if isinstance(value, list) and part < len(value) else {}
            if isinstance(value, dict) and (name := value.get("id") or value.get("model_name")):
                path += f" ({'id' if 'id' in value else 'model_name'} {name!r})"
        else:
            path += f".{part}" if path else part
            value = value.get(part, {}) if isinstance(value, dict) else {}
    return path


def _of_level(file: YamlFile, at: Location, entry: Any, level: _Level) -> Iterator[Problem]:
    for key in entry if isinstance(entry, dict) else ():
        name = str(key)
        if name in level.known or name in level.others:
            continue
        place, what = file.place(*at, name), named(file.data, (*at, name))
        right = misspelt(name, level.known)
        if right and not (level.free and right in entry):
            yield Problem(place, f"{what}: there is no such key; did you mean {right!r}?")
        elif name in level.of_model:
            yield Problem(place, f"{what}: belongs in the model's litellm_params, in model_list")
        elif level.strict:
            yield Problem(place, f"{what}: there is no such key{_right_one(name, level.known)}")
        elif not level.free:
            yield Problem(place, f"{what}: nothing reads this{hint(name, level.known)}", refused=False)


def _right_one(name: str, known: Collection[str]) -> str:
    right = MEANT.get(name) if MEANT.get(name) in known else nearest(name, known)
    return f"; did you mean {right!r}?" if right else f"; there are: {', '.join(known)}"


def _entries(at: Location, value: Any) -> Iterator[tuple[Location, Any]]:
    """The mappings of a part: itself, or each item of a list."""
    if isinstance(value, list):
        yield from (((*at, index), item) for index, item in enumerate(value))
    else:
        yield at, value


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _get(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None
