"""The forms by which MCP servers ask a person: which ones there can be, and which answers fit."""

from __future__ import annotations

import pytest

from app.form_schema import MAX_FIELDS, NoForm, checked_form, problem_of

TITLED = [{"const": "a", "title": "Apple"}, {"const": "b", "title": "Pear"}]


def form(required=False, **field):
    return checked_form({"type": "object", "properties": {"f": field}, "required": ["f"] if required else []})


def test_a_form_keeps_what_is_known_of_its_fields_and_nothing_else():
    sent = {
        "type": "string",
        "title": "Name",
        "minLength": 2,
        "pattern": "(a+)+$",
        "default": "x",
        "x-own": {"deep": [1]},
        "description": 7,
    }
    assert form(**sent)["properties"]["f"] == {"type": "string", "title": "Name", "minLength": 2}  # x is too short
    optional = form(anyOf=[{"type": "integer", "maximum": 3}, {"type": "null"}], default=2)
    assert optional["properties"]["f"] == {"type": "integer", "maximum": 3, "default": 2}
    assert form(type="integer", maximum=10**400, default=10**400)["properties"]["f"] == {"type": "integer"}
    empty = {"type": "object", "properties": {}, "required": []}
    assert checked_form({"required": ["gone"], "$schema": "x"}) == empty


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        (7, "is no object"),
        ({"type": "array"}, "is no object"),
        ({"properties": {"f": {"type": "object"}}}, "field 'f', which is no text"),
        ({"properties": {"f": {"type": ["string", "null"]}}}, "field 'f'"),
        ({"properties": {"f": {"type": "array", "items": {"type": "string"}}}}, "list 'f' without choices"),
        ({"properties": {f"f{number}": {"type": "string"} for number in range(MAX_FIELDS + 1)}}, "51 fields"),
        ({"properties": {"f": {"type": "string", "title": "x" * 20_000}}}, "bytes"),
    ],
)
def test_what_is_no_form_is_refused_in_words(schema, words):
    with pytest.raises(NoForm, match=words):
        checked_form(schema)


@pytest.mark.parametrize(
    ("field", "right", "wrong", "words"),
    [
        (
            {"type": "string", "minLength": 2, "maxLength": 3},
            ["ab", "abc"],
            ["a", "abcd", 7, True, ["ab"]],
            "2 to 3|a text",
        ),
        ({"type": "string", "enum": ["a", "b"]}, ["a"], ["c", ""], "one of a, b"),
        ({"type": "string", "oneOf": TITLED}, ["b"], ["Apple"], "one of a, b"),
        ({"type": "string", "format": "email"}, ["a@b"], ["a", "a b@c"], "format 'email'"),
        ({"type": "string", "format": "date"}, ["2026-11-26"], ["26.11.2026"], "format 'date'"),
        ({"type": "string", "format": "date-time"}, ["2026-11-26T10:00:00Z"], ["noon"], "format 'date-time'"),
        ({"type": "string", "format": "uri"}, ["https://a.b/c"], ["a/b", "http://["], "format 'uri'"),
        ({"type": "integer", "minimum": 1}, [1, 2.0, 10**30], [0, 1.5, "1", True], "at least 1|whole number"),
        ({"type": "number", "maximum": 1.5}, [-1e300, 1.5], [2, "1", float("nan"), False], "at most 1.5|a number"),
        ({"type": "boolean"}, [True, False], ["true", 1], "true or false"),
        (
            {"type": "array", "maxItems": 1, "items": {"anyOf": TITLED}},
            [[], ["a"]],
            [["a", "b"], ["c"], ["a", "a"], "a", [["a"]], [{}]],
            "list of",
        ),
    ],
    ids=lambda value: str(value)[:40],
)
def test_an_answer_fits_its_field(field, right, wrong, words):
    own = form(required=True, **field)
    for value in right:
        assert problem_of(own, {"f": value}) is None, value
    for value in wrong:
        with pytest.raises(ValueError, match=words):
            raise ValueError(problem_of(own, {"f": value}) or "it fits")


def test_needed_and_unknown_fields_are_named():
    assert problem_of(form(required=True, type="string"), {"f": None}) == "'f' is needed"
    assert problem_of(form(type="string"), {}) is problem_of(form(type="string"), {"f": None}) is None
    assert problem_of(form(type="string"), {"g": 1}) == "there is no field 'g'; the fields are f"
