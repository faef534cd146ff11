"""Which names are slips of the pen, and which may be names of their own."""

from __future__ import annotations

import pytest

from app.checks import spelling

KNOWN = ["LOG_TTL", "TOOL_TTL", "TOOL_OVER_TTL", "top_p", "model", "tools", "max_waiting"]


@pytest.mark.parametrize(
    ("one", "other", "steps"),
    [("tools", "tools", 0), ("tolls", "tools", 1), ("otols", "tools", 1), ("tool", "tools", 1), ("", "abc", 3)],
)
def test_the_distance_counts_letters_and_swaps(one, other, steps):
    assert spelling.distance(one, other) == spelling.distance(other, one) == steps


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("LOGTTL", "LOG_TTL"),
        ("TOOLS_TTL", "TOOL_TTL"),
        ("max-waitng", "max_waiting"),
        ("models", "model"),
        ("otols", "tools"),
        ("top_k", None),
        ("min_p", None),
        ("grace", None),
    ],
)
def test_the_nearest_name_is_the_misspelt_one(name, right):
    assert spelling.misspelt(name, KNOWN) == right


def test_a_hint_is_empty_where_nothing_is_near():
    assert (spelling.hint("tolls", KNOWN), spelling.hint("x", KNOWN)) == (", did you mean 'tools'?", "")
