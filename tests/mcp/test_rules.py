"""Names and schemas of MCP tools as providers take them."""

from __future__ import annotations

import re

import pytest

from workers.mcp.names import names
from workers.mcp.schemas import MAX_BYTES, Unusable, function

EMPTY = {"type": "object", "properties": {}}


def test_a_name_is_the_servers_and_the_tools():
    assert names([("files", "read_file")]) == {("files", "read_file"): "files__read_file"}


def test_names_are_legal_and_cut_and_stay_distinct():
    tools = [("files", f"{'long' * 30}.{end}") for end in "abc"] + [
        ("files", "a.b"),
        ("files", "a/b"),
        ("files", "a_b"),
    ]
    found = names(tools)
    assert len(set(found.values())) == len(tools)
    assert all(re.fullmatch(r"[a-zA-Z][a-zA-Z0-9_-]{0,63}", name) for name in found.values())
    assert found["files", "a_b"] == "files__a_b"
    assert found == names(reversed(tools))


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "string"}, "takes 'string'"),
        ({"type": "object", "oneOf": [EMPTY]}, "'oneOf' at the top level"),
        ({"type": "object", "properties": {"a b": {}}}, "argument 'a b'"),
        ({"type": "object", "properties": {"a": {"type": "nonsense"}}}, "invalid input schema"),
        ({"type": "object", "properties": {"a": {"$ref": "https://example.com/a"}}}, "leads out of it"),
        ({"type": "object", "properties": {"a": {"$ref": "#/$defs/gone"}}}, "leads out of it"),
        ({"type": "object", "description": "x" * MAX_BYTES}, "bytes"),
    ],
    ids=["no object", "oneOf", "name", "type", "address", "nowhere", "large"],
)
def test_a_schema_that_a_provider_refuses_is_named(schema, words):
    with pytest.raises(Unusable, match=re.escape(words)):
        function("t", "", schema)


def test_a_deep_schema_is_refused():
    schema = EMPTY
    for _ in range(1500):
        schema = {"type": "object", "properties": {"a": schema}}
    with pytest.raises(Unusable, match="nested too deeply"):
        function("t", "", schema)


def test_a_schema_without_a_type_or_properties_gets_them():
    function_ = function("t", "d" * 2000, {"$schema": "x", "title": "T", "additionalProperties": False})["function"]
    assert function_["parameters"] == {**EMPTY, "additionalProperties": False}
    assert len(function_["description"]) == 1024
