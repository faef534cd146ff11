"""Answers in a format: what models can, kept for web processes; the object of an answer, in the history."""

from __future__ import annotations

import pytest

from app.events import sse
from app.state.conversation import transcript
from app.state.model_abilities import ModelAbilities

FORMAT = {"type": "json_object"}


def test_web_processes_read_what_workers_have_told_and_newer_words_replace_older_ones(store):
    abilities = ModelAbilities(store)
    abilities.report({})
    assert abilities.of(["one"]) == {}
    abilities.report({"one": {"json_object", "json_schema"}, "two": set()})
    abilities.report({"one": {"json_object"}})
    assert abilities.of(["one", "two", "three"]) == {"one": frozenset({"json_object"}), "two": frozenset()}


@pytest.mark.parametrize(
    ("text", "end", "parsed"),
    [
        ('{"a": 1.0, "b": [true]}', sse.complete(), {"a": 1.0, "b": [True]}),
        ('{"a": 1}', sse.complete(finish_reason="length"), None),
        ('{"a": 1}', sse.complete(interrupted=True), None),
        ('{"a": ', sse.complete(), None),
        ("[1]", sse.complete(), None),
        ('{"a":' * 5000 + "1" + "}" * 5000, sse.complete(), None),
    ],
    ids=["an object", "cut", "interrupted", "no JSON", "no object", "too deep"],
)
def test_the_object_of_a_whole_answer_is_in_the_history(runs, sessions, said, text, end, parsed):
    run_id = runs.start("s", said(response_format=FORMAT)).run_id
    run = runs.claim("s", run_id, "worker")
    assert run.response_format == FORMAT
    runs.append([("s", run_id, 1, [sse.text(text)])])
    runs.settle(runs.seal("s", run_id, sse.outcome(end), expect={"running"}), end)
    answer = transcript.for_clients(sessions.histories.snapshot("s", None).messages)[-1]
    assert (answer["content"], answer.get("parsed"), "structured" in answer) == (text, parsed, False)


def test_an_answer_without_a_format_has_no_object(runs, sessions, said):
    run_id = runs.start("s", said()).run_id
    assert runs.claim("s", run_id, "worker").response_format is None
    runs.append([("s", run_id, 1, [sse.text("{}")])])
    runs.settle(runs.seal("s", run_id, "complete", expect={"running"}), sse.complete())
    assert "parsed" not in transcript.for_clients(sessions.histories.snapshot("s", None).messages)[-1]
