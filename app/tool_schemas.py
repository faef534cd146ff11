"""Tools as models get them: the schemas of arguments that every provider takes. One that a provider refuses would fail
each turn that brings the tool, of an MCP server or of a client.

The form of a schema is checked by code of our own: jsonschema takes half a second of CPU for 32 KiB, in which a web
process would serve nobody else.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from app import exact_json

MAX_BYTES = 32 * 1024
MAX_DESCRIPTION = 1024
"""Characters of a function's description: https://platform.openai.com/docs/api-reference/chat/create"""

_REFUSED_AT_TOP = ("oneOf", "anyOf", "allOf", "not", "enum")
"""OpenAI and Anthropic refuse these beside the top level's `type: object`."""

_PROPERTY = re.compile(r"[A-Za-z0-9_.-]{1,64}")
"""Names of arguments that Anthropic takes: https://docs.claude.com/en/docs/agents-and-tools/tool-use"""

_TYPES = ("object", "array", "string", "number", "integer", "boolean", "null")


class Unusable(Exception):
    """No model can be given the tool. The message says why; the tool's name goes before it."""


def function(name: str, description: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """The tool in the form of OpenAI's chat API, with its checked parameters."""
    about = description if len(description) <= MAX_DESCRIPTION else f"{description[: MAX_DESCRIPTION - 3]}..."
    return {"type": "function", "function": {"name": name, "description": about, "parameters": parameters}}


def checked_parameters(schema: dict[str, Any], most: int = MAX_BYTES) -> dict[str, Any]:
    """The schema of a tool's arguments, of at most `most` bytes, in the form that every provider takes. Raises
    `Unusable`."""
    try:
        size = len(exact_json.checked(schema))
    except (exact_json.TooDeep, RecursionError, TypeError, ValueError):
        raise Unusable("has an input schema that is nested too deeply") from None
    if size > most:
        raise Unusable(f"has an input schema of {size:,} bytes; at most {most:,} are allowed")
    if schema.get("type", "object") != "object":
        raise Unusable(f"takes {schema['type']!r}; providers take an object of arguments alone")
    if refused := [key for key in _REFUSED_AT_TOP if key in schema]:
        raise Unusable(f"has {refused[0]!r} at the top level of its input schema, which providers refuse")
    if wrong := next(_malformed(schema), ""):
        raise Unusable(f"has an invalid input schema: {wrong}")
    properties = schema.get("properties", {})
    if names := [name for name in properties if not _PROPERTY.fullmatch(name)]:
        raise Unusable(f"has the argument {names[0][:80]!r}, a name that providers refuse")
    for reference in _references(schema):
        if not _leads_somewhere(schema, reference):
            raise Unusable(f"has an input schema with the reference {reference[:80]!r}, which leads out of it")
    kept = {key: value for key, value in schema.items() if key not in ("$schema", "$id", "title")}
    return {**kept, "type": "object", "properties": properties}


def _malformed(schema: Any) -> Iterator[str]:
    """Each mistake of a schema, and of the schemas in it, by JSON Schema 2020-12."""
    if isinstance(schema, bool):
        return
    if not isinstance(schema, dict):
        yield f"{_brief(schema)} is no schema"
        return
    for key, value in schema.items():
        is_right, wanted = _KEYWORDS.get(key, _ANY)
        if not is_right(value):
            yield f"{key!r} must be {wanted}, not {_brief(value)}"
        elif key in _SCHEMAS:
            yield from _malformed(value)
        elif key in _MAPS:
            yield from (wrong for part in value.values() for wrong in _malformed(part))
        elif key in _LISTS:
            yield from (wrong for part in value for wrong in _malformed(part))


def _brief(value: Any) -> str:
    return repr(value)[:80]


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value) and len(set(value)) == len(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_count(value: Any) -> bool:
    return _is_number(value) and value >= 0 and value == int(value)


def _is_type(value: Any) -> bool:
    return value in _TYPES if isinstance(value, str) else _are_texts(value) and bool(value) and set(value) <= {*_TYPES}


def _is_pattern(value: Any) -> bool:
    try:
        return isinstance(value, str) and re.compile(value) is not None
    except (re.error, OverflowError, RecursionError):
        return False


_Rule = tuple[Callable[[Any], bool], str]

_ANY: _Rule = (lambda value: True, "")
_TEXT: _Rule = (lambda value: isinstance(value, str), "a text")
_NUMBER: _Rule = (_is_number, "a number")
_COUNT: _Rule = (_is_count, "a whole number from 0 on")
_TRUTH: _Rule = (lambda value: isinstance(value, bool), "true or false")
_MAP: _Rule = (lambda value: isinstance(value, dict), "an object of schemas")
_LIST: _Rule = (lambda value: isinstance(value, list) and bool(value), "a list of schemas")
_SCHEMA: _Rule = (lambda value: isinstance(value, bool | dict), "a schema")

_SCHEMAS = ("items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames")
_MAPS = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
_LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")

_KEYWORDS: Mapping[str, _Rule] = {
    **dict.fromkeys(_SCHEMAS, _SCHEMA),
    **dict.fromkeys(_MAPS, _MAP),
    **dict.fromkeys(_LISTS, _LIST),
    **dict.fromkeys(("title", "description", "$comment", "format", "$ref", "$id", "$schema"), _TEXT),
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), _NUMBER),
    **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"), _COUNT),
    **dict.fromkeys(("minContains", "maxContains"), _COUNT),
    **dict.fromkeys(("uniqueItems", "deprecated", "readOnly", "writeOnly"), _TRUTH),
    "type": (_is_type, f"one of {', '.join(_TYPES)}"),
    "enum": (lambda value: isinstance(value, list), "a list"),
    "required": (_are_texts, "a list of names"),
    "multipleOf": (lambda value: _is_number(value) and value > 0, "a number above 0"),
    "pattern": (_is_pattern, "a regular expression"),
}


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
