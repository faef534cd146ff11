"""Names and schemas of MCP tools as providers take them."""

from __future__ import annotations

import re

import pytest
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from mcp_types import Tool

from app.tool_schemas import MAX_BYTES, Unusable, checked_parameters, function
from workers.jobs.asking_toolbox import AskingToolbox
from workers.mcp.listed_tool import ListedTool
from workers.mcp.names import names
from workers.mcp.tool import McpTool
from workers.reply import ToolRequest
from workers.tools import ToolContext

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
        checked_parameters(schema)


@pytest.mark.parametrize(
    "part",
    [
        {"type": ["string", "null"]},
        {"type": []},
        {"type": ["string", "string"]},
        {"type": 7},
        {"enum": []},
        {"enum": "a"},
        {"required": ["a", "a"]},
        {"required": "a"},
        {"minLength": -1},
        {"minLength": 1.0},
        {"maximum": "9"},
        {"exclusiveMinimum": True},
        {"multipleOf": 0},
        {"items": [{"type": "string"}]},
        {"items": True},
        {"items": {"type": "text"}},
        {"anyOf": []},
        {"anyOf": [{"type": "string"}, {"allOf": [{"minItems": "x"}]}]},
        {"properties": {"b": 7}},
        {"properties": {"b": {"patternProperties": {"^x": {"uniqueItems": 1}}}}},
        {"$defs": {"b": {"title": 7}}},
        {"description": None},
        {"pattern": "["},
        {"pattern": "^a+$", "format": "date", "default": 7, "const": 3, "x-own": [None]},
        {"additionalProperties": {"not": {"if": {"readOnly": "yes"}}}},
        {"dependentSchemas": {"b": {"contains": {"minContains": 0.5}}}},
    ],
    ids=str,
)
def test_an_invalid_schema_is_one_that_is_invalid_for_jsonschema(part):
    """Whose own check is too slow for a web process."""
    schema = {"type": "object", "properties": {"a": part}}
    try:
        Draft202012Validator.check_schema(schema, Draft202012Validator.FORMAT_CHECKER)
    except SchemaError:
        with pytest.raises(Unusable, match="invalid input schema"):
            checked_parameters(schema)
    else:
        assert checked_parameters(schema) == schema


def test_a_deep_schema_is_refused():
    schema = EMPTY
    for _ in range(1500):
        schema = {"type": "object", "properties": {"a": schema}}
    with pytest.raises(Unusable, match="nested too deeply"):
        checked_parameters(schema)


def test_a_schema_without_a_type_or_properties_gets_them():
    assert checked_parameters({"$schema": "x", "title": "T", "additionalProperties": False}) == {
        **EMPTY,
        "additionalProperties": False,
    }


def test_a_long_description_is_cut():
    assert len(function("t", "d" * 2000, EMPTY)["function"]["description"]) == 1024


def test_an_app_names_mcp_tools_that_ask_first_as_their_server_calls_them():
    """The name for the model may be another one: it is within the rules of every provider."""
    listed = ListedTool(Tool(name="delete file", input_schema={"type": "object"}))
    tool = McpTool("files__delete_file_0123abcd", listed, {}, None)

    def asks(pattern):
        box = AskingToolbox(None, {tool.name: tool}, ToolContext(), [pattern], ())
        return box.asks(ToolRequest("c", tool.name, "{}"))

    assert asks("mcp:files/delete file") == asks("mcp:files/*") == asks("mcp:*") == asks("*") == "approval"
    assert asks("mcp:file/*") is asks("mcp:files/read") is asks("delete_file*") is None
