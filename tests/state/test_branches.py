"""Branches of a thread: regenerate, edit, choose. The list of messages is the active branch."""

from __future__ import annotations

import pytest

from app.events import sse
from app.state.turns.turn_requests import BranchPoint
from tests.support.patience import until


def test_a_regenerated_answer_is_a_sibling_of_the_answer_before(talk):
    first = talk.id_of("2")
    talk.regenerate("", "2b")
    assert talk.contents == ["one", "1", "two", "2b"]
    assert talk.siblings_of("2b") == [first, talk.id_of("2b")]
    assert talk.siblings_of("two") is None
    assert [message["parent_id"] for message in talk.shown] == [None, *(message["id"] for message in talk.shown[:-1])]


def test_an_edited_message_is_a_sibling_and_what_followed_stays(talk):
    one, two = talk.id_of("one"), talk.id_of("two")
    talk.edit(one, "uno", "eins")
    assert talk.contents == ["uno", "eins"]
    assert talk.siblings_of("uno") == [one, talk.id_of("uno")]
    assert talk.choose(two) == "chosen"
    assert talk.contents == ["one", "1", "two", "2"]
    assert talk.siblings_of("one") == [one, talk.siblings_of("one")[1]]
    talk.edit(two, "zwei", "II")
    assert talk.contents == ["one", "1", "zwei", "II"]


def test_choosing_an_inner_message_leads_to_its_newest_leaf(talk):
    one = talk.id_of("one")
    talk.regenerate(one, "1b")
    talk.say("more", "of b")
    talk.edit(one, "uno", "eins")
    assert talk.choose(one) == "chosen"
    assert talk.contents == ["one", "1b", "more", "of b"]


def test_a_person_withdraws_an_edit_and_has_the_branch_before_back(talk, talk_turns):
    before = talk.shown
    edit = talk.send("deux", BranchPoint("edit", talk.id_of("two")))
    assert talk.contents == ["one", "1", "deux"]
    assert talk_turns.withdraw("s", edit.run_id) == "withdrawn"
    assert talk.shown == before


def test_a_withdrawn_regeneration_gives_the_answer_back(talk, talk_turns):
    before = talk.shown
    again = talk.send("", BranchPoint("regenerate", talk.id_of("one")))
    assert talk.contents == ["one"]
    assert talk_turns.withdraw("s", again.run_id) == "withdrawn"
    assert talk.shown == before


def test_a_branch_of_a_waiting_message_opens_when_its_turn_comes(talk):
    one, two = talk.id_of("one"), talk.id_of("two")
    talk.send("running")
    waiting = talk.send("uno", BranchPoint("edit", one))
    again = talk.send("", BranchPoint("regenerate", two))
    assert talk.contents == ["one", "1", "two", "2", "running", "uno"]
    snapshot = talk.sessions.histories.snapshot("s", None)
    assert [(turn.run_id, turn.message["content"]) for turn in snapshot.waiting] == [
        (waiting.run_id, "uno"),
        (again.run_id, "two"),
    ]
    talk.answer("ran")
    assert talk.contents == ["uno"]
    talk.answer("eins")
    talk.answer("2b")
    assert talk.contents == ["one", "1", "two", "2b"]
    assert len(talk.siblings_of("one")) == len(talk.siblings_of("2b")) == 2
    talk.choose(talk.siblings_of("2b")[0])
    assert talk.contents == ["one", "1", "two", "2", "running", "ran"]


def test_a_message_that_is_gone_when_its_turn_comes_leaves_the_thread_as_it_is(talk, talk_turns):
    queued = talk.send("three")
    edit = talk.send("trois", BranchPoint("edit", talk.id_of("three")))
    assert talk_turns.withdraw("s", queued.run_id) == "withdrawn"
    run = talk.runs.claim("s", edit.run_id, "worker")
    assert (run.branch, run.former) == ("edit", None)
    assert talk.contents == ["one", "1", "two", "2"]


def test_two_edits_of_the_same_message_are_both_siblings(talk):
    one = talk.id_of("one")
    for text in ("uno", "eins"):
        talk.send(text, BranchPoint("edit", one))
    talk.answer("I")
    talk.answer("II")
    assert talk.contents == ["eins", "II"]
    siblings = talk.siblings_of("eins")
    talk.choose(siblings[1])
    assert talk.contents == ["uno", "I"]
    assert (siblings[0], len(siblings), talk.siblings_of("uno")) == (one, 3, siblings)


def test_a_regeneration_that_brings_nothing_leaves_the_answer_before(talk, talk_turns):
    before = talk.shown
    talk.send("", BranchPoint("regenerate"))
    talk.runs.claim("s", talk.runs.current("s"), "worker")
    talk_turns.interrupt("s")
    assert talk.shown == before
    talk.send("", BranchPoint("regenerate"))
    run = talk.runs.claim("s", talk.runs.current("s"), "worker")
    talk_turns.end("s", run.id, sse.error("away", "provider_error", True))
    assert talk.shown == before


def test_a_regeneration_that_failed_is_never_chosen(talk, talk_turns, store):
    two, before = talk.id_of("two"), talk.shown
    until(lambda: store.clock.now_iso() > before[-1]["created_at"])
    talk.send("", BranchPoint("regenerate"))
    run = talk.runs.claim("s", talk.runs.current("s"), "worker")
    talk_turns.end("s", run.id, sse.error("away", "provider_error", True))
    assert talk.choose(two) == "chosen"
    assert talk.shown == before


def test_a_regeneration_on_another_branch_that_failed_hides_no_answer(talk, talk_turns, store):
    one, two = talk.id_of("one"), talk.id_of("two")
    talk.edit(one, "uno", "eins")
    after = talk.shown[-1]["created_at"]
    until(lambda: store.clock.now_iso() > after)
    talk.send("", BranchPoint("regenerate", two))
    run = talk.runs.claim("s", talk.runs.current("s"), "worker")
    talk_turns.end("s", run.id, sse.error("away", "provider_error", True))
    assert talk.contents == ["uno", "eins"]
    for chosen in (two, one):
        assert talk.choose(chosen) == "chosen"
        assert talk.contents == ["one", "1", "two", "2"]
        talk.choose(talk.siblings_of("one")[1])


def test_an_answer_that_failed_is_no_sibling_of_the_next_one(talk, talk_turns):
    talk.send("three")
    run = talk.runs.claim("s", talk.runs.current("s"), "worker")
    talk_turns.end("s", run.id, sse.error("away", "provider_error", True))
    talk.regenerate("", "3")
    assert talk.contents == ["one", "1", "two", "2", "three", "3"]
    assert talk.siblings_of("3") is None


def test_the_partial_answer_of_a_regeneration_has_its_place(talk):
    first = talk.id_of("2")
    talk.send("", BranchPoint("regenerate", first))
    run = talk.runs.claim("s", talk.runs.current("s"), "worker")
    talk.runs.append([("s", run.id, 1, [sse.text("so far")])])
    assert (talk.contents[-1], talk.siblings_of("so far")) == ("so far", [first, f"{run.id}-0"])
    assert talk.shown[-1]["parent_id"] == talk.id_of("two")


def test_an_answer_that_is_being_made_names_its_message(talk):
    talk.send("three")
    run = talk.runs.claim("s", talk.runs.current("s"), "worker")
    talk.runs.append([("s", run.id, 1, [sse.text("so far")])])
    assert talk.send("mine", BranchPoint("edit", f"{run.id}-0")).outcome == "not_a_persons"
    talk.send("", BranchPoint("regenerate", f"{run.id}-0"), on_busy="interrupt")
    talk.runs.settle(talk.runs.seal("s", run.id, "interrupted", expect={"running"}), sse.complete(interrupted=True))
    talk.answer("3")
    assert talk.contents == ["one", "1", "two", "2", "three", "3"]
    assert talk.siblings_of("3") == [f"{run.id}-0", talk.id_of("3")]


def test_no_branch_is_chosen_while_a_turn_of_its_thread_runs(talk, sessions):
    one = talk.id_of("one")
    talk.edit(one, "uno", "eins")
    talk.send("running")
    assert talk.choose(one) == "busy"
    talk.answer("ran")
    assert talk.choose(one) == "chosen"
    assert talk.choose("nobody") == "no_message"
    assert talk.branches.choose(sessions.get("s"), "thread_x", one) == "no_thread"


@pytest.mark.parametrize(
    ("kind", "target", "outcome"),
    [
        ("edit", "nobody", "no_message"),
        ("regenerate", "nobody", "no_message"),
        ("edit", "1", "not_a_persons"),
    ],
)
def test_what_cannot_be_branched_is_refused_and_nothing_changes(talk, kind, target, outcome):
    before = talk.shown
    named = talk.id_of(target) if target == "1" else target
    assert talk.send("text", BranchPoint(kind, named)).outcome == outcome
    assert talk.shown == before


def test_a_session_without_a_message_has_none_to_answer_again(talk, sessions, said):
    again = talk.said("", branch=BranchPoint("regenerate"))
    assert talk.runs.start("other", again).outcome == "no_message"
    assert sessions.get("other") is None


def test_a_message_has_only_so_many_siblings(talk, monkeypatch):
    monkeypatch.setattr("app.state.turns.start_args.MAX_SIBLINGS", 3)
    one = talk.id_of("one")
    for text in ("uno", "eins"):
        talk.edit(one, text, "1")
    assert talk.send("un", BranchPoint("edit", one)).outcome == "siblings_full"
    assert talk.send("", BranchPoint("regenerate", one)).outcome == "started"


def test_edits_and_regenerations_that_wait_count_as_siblings(talk, monkeypatch):
    monkeypatch.setattr("app.state.turns.start_args.MAX_SIBLINGS", 3)
    one, two = talk.id_of("one"), talk.id_of("two")
    talk.send("running")
    for point in (BranchPoint("edit", one), BranchPoint("edit", one)):
        assert talk.send("uno", point).outcome == "waiting"
    talk.runs._settings = talk.runs._settings.model_copy(update={"max_waiting": 9})
    assert talk.send("eins", BranchPoint("edit", one)).outcome == "siblings_full"
    assert talk.send("", BranchPoint("regenerate", one)).outcome == "waiting"
    for text in ("zwei", "deux"):
        assert talk.send(text, BranchPoint("edit", two)).outcome == "waiting"
    assert talk.send("drei", BranchPoint("edit", two)).outcome == "siblings_full"


def test_a_message_that_waits_has_no_branches(talk):
    talk.send("running")
    talk.send("behind", message_id="mine", body=b"behind")
    for kind in ("edit", "regenerate"):
        assert talk.send("text", BranchPoint(kind, "mine")).outcome == "still_waits"
