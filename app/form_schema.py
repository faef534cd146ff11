"""The flat JSON schema of a form, by which an MCP server asks a person, and whether an answer fits it.

Its fields are texts, numbers, yes or no, and choices
(https://modelcontextprotocol.io/specification/2025-11-25/client/elicitation#requested-schema). They are checked by code
of our own: a server's `pattern` could stop a web process for minutes.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any
from urllib.parse import urlsplit

from app import exact_json

MAX_BYTES = 16 * 1024
MAX_FIELDS = 50

Schema = Mapping[str, Any]

_WORDS = ("title", "description")
_KEPT: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "string": (("format",), ("minLength", "maxLength")),
    "number": ((), ("minimum", "maximum")),
    "integer": ((), ("minimum", "maximum")),
    "boolean": ((), ()),
    "array": ((), ("minItems", "maxItems")),
}
"""By type, the keys of a field that are kept: those with a text, those with a number."""

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")


class NoForm(Exception):
    """A schema that no form can have; the message says why, behind the words 'a form that'."""


def checked_form(schema: Any) -> dict[str, Any]:
    """The schema with what forms know of it. Raises `NoForm`."""
    properties = schema.get("properties", {}) if isinstance(schema, dict) else None
    if not isinstance(properties, dict) or schema.get("type", "object") != "object":
        raise NoForm("is no object with fields")
    if len(properties) > MAX_FIELDS:
        raise NoForm(f"has {len(properties)} fields; at most {MAX_FIELDS} are allowed")
    fields = {name: _field(name, field) for name, field in properties.items()}
    required = schema.get("required")
    named = [name for name in fields if name in required] if isinstance(required, list) else []
    form = {"type": "object", "properties": fields, "required": named}
    if (size := len(exact_json.checked(form))) > MAX_BYTES:
        raise NoForm(f"has {size:,} bytes; at most {MAX_BYTES:,} are allowed")
    return form


def _field(name: str, schema: Any) -> dict[str, Any]:
    schema = _without_null(schema)
    kind = schema.get("type") if isinstance(schema, dict) else None
    if not isinstance(kind, str) or kind not in _KEPT:
        raise NoForm(f"has the field {name[:64]!r}, which is no text, no number, no yes or no, and no choice")
    texts, numbers = _KEPT[kind]
    field: dict[str, Any] = {"type": kind}
    field |= {key: schema[key] for key in (*_WORDS, *texts) if isinstance(schema.get(key), str)}
    field |= {key: schema[key] for key in numbers if _is_number(schema.get(key))}
    if kind == "array":
        items = schema.get("items")
        field["items"] = {"type": "string"} | _choices(items if isinstance(items, dict) else {}, "anyOf")
        if len(field["items"]) == 1:
            raise NoForm(f"has the list {name[:64]!r} without choices")
    elif kind == "string":
        field |= _choices(schema, "oneOf")
    if "default" in schema and _problem(field, schema["default"]) is None:
        field["default"] = schema["default"]
    return field


def _without_null(schema: Any) -> Any:
    """The type beside null: some servers write so what may be left out."""
    either = schema.get("anyOf") if isinstance(schema, dict) else None
    if not isinstance(either, list):
        return schema
    others = [one for one in either if one != {"type": "null"}]
    return {**schema, **others[0]} if len(others) == 1 and isinstance(others[0], dict) else schema


def _choices(schema: Schema, titled: str) -> dict[str, Any]:
    """The choices of a text: plain ones, or such with a title."""
    plain, named = schema.get("enum"), schema.get(titled)
    if isinstance(plain, list) and plain and all(isinstance(one, str) for one in plain):
        return {"enum": plain}
    if isinstance(named, list) and named and all(isinstance(one, dict) for one in named):
        pairs = [(one.get("const"), one.get("title") or one.get("const")) for one in named]
        if all(isinstance(text, str) for pair in pairs for text in pair):
            return {titled: [{"const": value, "title": title} for value, title in pairs]}
    return {}


def choices_of(field: Schema) -> list[str] | None:
    """The values that a field of a checked form offers, None if it has no choices."""
    of_items = field.get("items", field)
    titled = of_items.get("oneOf") or of_items.get("anyOf")
    return [one["const"] for one in titled] if titled else of_items.get("enum")


def problem_of(form: Schema, content: Mapping[str, Any]) -> str | None:
    """Why an answer does not fit a checked form, None if it does."""
    fields = form["properties"]
    for name in form["required"]:
        if content.get(name) is None:
            return f"{name!r} is needed"
    for name, value in content.items():
        if name not in fields:
            return f"there is no field {name[:64]!r}; the fields are {', '.join(fields) or 'none'}"
        if value is not None and (problem := _problem(fields[name], value)):
            return f"{name!r} must be {problem}"
    return None


def _problem(field: Schema, value: Any) -> str | None:
    return _RULES[field["type"]](field, value)


def _text_problem(field: Schema, value: Any) -> str | None:
    if not isinstance(value, str):
        return "a text"
    choices = choices_of(field)
    if choices is not None:
        return None if value in choices else f"one of {', '.join(choices)}"
    least, most = field.get("minLength", 0), field.get("maxLength", math.inf)
    if not least <= len(value) <= most:
        return f"a text of {_between(least, most)} characters"
    right = _FORMATS.get(field.get("format", ""))
    return None if right is None or right(value) else f"a text of the format {field['format']!r}"


def _number_problem(field: Schema, value: Any) -> str | None:
    is_whole = field["type"] == "integer"
    if not _is_number(value) or (is_whole and value != int(value)):
        return "a whole number" if is_whole else "a number"
    least, most = field.get("minimum", -math.inf), field.get("maximum", math.inf)
    return None if least <= value <= most else f"a number of {_between(least, most)}"


def _list_problem(field: Schema, value: Any) -> str | None:
    choices = choices_of(field) or ()
    is_right = isinstance(value, list) and all(one in choices for one in value)
    if not is_right or len(set(value)) < len(value):
        return f"a list of some of {', '.join(choices)}"
    least, most = field.get("minItems", 0), field.get("maxItems", math.inf)
    return None if least <= len(value) <= most else f"a list of {_between(least, most)} choices"


def _truth_problem(field: Schema, value: Any) -> str | None:
    return None if isinstance(value, bool) else "true or false"


def _between(least: float, most: float) -> str:
    if most == math.inf:
        return f"at least {least:,}"
    return f"at most {most:,}" if least in (0, -math.inf) else f"{least:,} to {most:,}"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def _is_url(text: str) -> bool:
    try:
        return bool(urlsplit(text).scheme)
    except ValueError:
        return False


def _reads(read: Callable[[str], object]) -> Callable[[str], bool]:
    def is_right(text: str) -> bool:
        try:
            read(text)
        except ValueError:
            return False
        return True

    return is_right


_FORMATS: Mapping[str, Callable[[str], bool]] = {
    "email": lambda text: bool(_EMAIL.fullmatch(text)),
    "uri": _is_url,
    "date": _reads(date.fromisoformat),
    "date-time": _reads(datetime.fromisoformat),
}

_RULES: Mapping[str, Callable[[Schema, Any], str | None]] = {
    "string": _text_problem,
    "number": _number_problem,
    "integer": _number_problem,
    "boolean": _truth_problem,
    "array": _list_problem,
}
