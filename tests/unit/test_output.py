"""How commands print: aligned columns, JSON, and no more of a session id than needed."""

from __future__ import annotations

import json
from dataclasses import dataclass

from app.commands.output import Output, text_table

ID = "550e8400-e29b-41d4-a716-446655440000"


@dataclass(frozen=True)
class Fact:
    session: str
    took_s: float | None
    worker: str = ""


def test_columns_are_aligned_and_empty_ones_left_out():
    rows = [["key", "turns", "unpriced", "US$"], ["ab12 shop", "7", "", "0.5"], ["-", "1,200", "", "12.25"]]
    assert text_table(rows, left_columns=1).splitlines() == [
        "key        turns    US$",
        "ab12 shop      7    0.5",
        "-          1,200  12.25",
    ]


def test_a_session_id_is_cut_in_tables_and_json_unless_it_is_wanted_in_full():
    facts = [Fact(ID, 1.5), Fact(ID, None)]
    table = "session   took\n550e8400  1.500 s\n550e8400"
    assert Output(as_json=False, full=False).table(Fact, facts) == table
    cut = json.loads(Output(as_json=True, full=False).json({"by_session": facts[:1]}))
    assert cut == {"by_session": [{"session": "550e8400", "took_s": 1.5, "worker": ""}]}
    full = Output(as_json=True, full=True)
    assert [fact["session"] for fact in json.loads(full.json(facts))] == [ID, ID]
