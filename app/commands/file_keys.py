"""Every key of aomi.yaml, as the Markdown tables of docs/apps.md."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from pydantic import BaseModel

from app.catalog import App, Compaction, Example, McpServer, Model, Webhook
from app.checks.keys import MODEL_INFO
from app.model_params import ModelParams

SECTIONS = {
    "model_list": "the [models](#models), in LiteLLM's own format",
    "apps": "the [apps](#apps)",
    "mcp_servers": "the [MCP servers](mcp.md) whose tools apps may use, by name",
}
_TYPES = {"string": "text", "integer": "whole number", "number": "number", "boolean": "`true` or `false`"}
_TYPES |= {"object": "mapping", "array": "list"}


def tables() -> dict[str, str]:
    """The tables by their names: `file`, `model_list`, `model_info`, `apps`, `compact`, `examples`, `webhook`,
    `params`, `mcp_servers`."""
    return {
        "file": _table(["key", "what it holds"], [(f"`{name}`", text) for name, text in SECTIONS.items()]),
        "model_list": _of(Model),
        "model_info": _table(["key", "what it says"], [(f"`{name}`", text) for name, text in MODEL_INFO.items()]),
        "apps": _of(App),
        "compact": _of(Compaction),
        "examples": _of(Example),
        "webhook": _of(Webhook),
        "params": _of(ModelParams),
        "mcp_servers": _of(McpServer),
    }


def _of(model: type[BaseModel]) -> str:
    schema = model.model_json_schema()
    rows = []
    for name, field in model.model_fields.items():
        needed = " (required)" if field.is_required() else ""
        rows.append((f"`{name}`", _value(schema["properties"][name]) + needed, str(field.description)))
    return _table(["key", "value", "what it sets"], rows)


def _value(schema: dict[str, Any]) -> str:
    """The kind of a value, such as `number from 0 to 2`."""
    return " or ".join(dict.fromkeys(_kinds(schema)))


def _kinds(schema: dict[str, Any]) -> Iterator[str]:
    for part in schema.get("anyOf", ()):
        yield from _kinds(part)
    if "enum" in schema:
        yield ", ".join(f"`{value}`" for value in schema["enum"])
    elif schema.get("type") == "array":
        yield "list" if "$ref" in schema["items"] else "list of texts"
    elif schema.get("type") in _TYPES:
        yield _TYPES[schema["type"]] + _bounds(schema)
    elif "$ref" in schema or ("default" in schema and "anyOf" not in schema):
        yield "mapping"


def _bounds(schema: dict[str, Any]) -> str:
    lowest, highest = schema.get("minimum"), schema.get("maximum")
    if lowest is None:
        return ""
    return f" of at least {lowest:g}" if highest is None else f" from {lowest:g} to {highest:g}"


def _table(heads: Sequence[str], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [f"| {' | '.join(cells)} |" for cells in (heads, *rows)]
    return "\n".join([lines[0], f"|{'---|' * len(heads)}", *lines[1:]])
