"""The input schemas of MCP tools: which of them every provider takes. One that a provider refuses would fail each turn
of the app, so such a tool is left out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from app import exact_json

MAX_BYTES = 32 * 1024
MAX_DESCRIPTION = 1024
"""Characters of a function's description: https://platform.openai.com/docs/api-reference/chat/create"""

_REFUSED_AT_TOP = ("oneOf", "anyOf", "allOf", "not", "enum")
"""OpenAI and Anthropic refuse these beside the top level's `type: object`."""

_PROPERTY = re.compile(r"[A-Za-z0-9_.-]{1,64}")
"""Names of arguments that Anthropic takes: https://docs.claude.com/en/docs/agents-and-tools/tool-use"""


class Unusable(Exception):
    """No model can be given the tool. The message says why; the tool's name goes before it."""


def function(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    """The tool in the form of OpenAI's chat API. Raises `Unusable`."""
    about = description if len(description) <= MAX_DESCRIPTION else f"{description[: MAX_DESCRIPTION - 3]}..."
    return {"type": "function", "function": {"name": name, "description": about, "parameters": _parameters(schema)}}


def _parameters(schema: dict[str, Any]) -> dict[str, Any]:
    try:
        size = len(exact_json.checked(schema))
    except (exact_json.TooDeep, RecursionError, TypeError, ValueError):
        raise Unusable("has an input schema that is nested too deeply") from None
    if size > MAX_BYTES:
        raise Unusable(f"has an input schema of {size:,} bytes; at most {MAX_BYTES:,} are allowed")
    if schema.get("type", "object") != "object":
        raise Unusable(f"takes {schema['type']!r}; providers take an object of arguments alone")
    if refused := [key for key in _REFUSED_AT_TOP if key in schema]:
        raise Unusable(f"has {refused[0]!r} at the top level of its input schema, which providers refuse")
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise Unusable(f"has an invalid input schema: {error.message[:200]}") from None
    properties = schema.get("properties", {})
    if wrong := [name for name in properties if not _PROPERTY.fullmatch(name)]:
        raise Unusable(f"has the argument {wrong[0][:80]!r}, a name that providers refuse")
    for reference in _references(schema):
        if not _leads_somewhere(schema, reference):
            raise Unusable(f"has an input schema with the reference {reference[:80]!r}, which leads out of it")
    kept = {key: value for key, value in schema.items() if key not in ("$schema", "$id", "title")}
    return {**kept, "type": "object", "properties": properties}


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for part in value.values():
            yield from _references(part)
    elif isinstance(value, list):
        for part in value:
            yield from _references(part)


def _leads_somewhere(schema: Any, reference: str) -> bool:
    if not reference.startswith("#"):
        return False
    value = schema
    for part in reference.lstrip("#").strip("/").split("/"):
        key = part.replace("~1", "/").replace("~0", "~")
        if not key:
            continue
        if not isinstance(value, dict) or key not in value:
            return False
        value = value[key]
    return True
