"""The ids that clients give their messages: unique in a thread, kept by an edit that reuses one."""

from __future__ import annotations

import pytest

from app.state.conversation import transcript
from app.state.turns.turn_requests import BranchPoint


def shown_id(talk, content):
    return next(m.get("client_id") or m["id"] for m in talk.shown if m["content"] == content)


def test_the_same_message_with_its_id_is_the_same_turn_and_another_one_is_refused(talk):
    first = talk.send("three", message_id="mine", body=b"three")
    assert talk.send("three", message_id="mine", body=b"three").outcome == "again"
    assert talk.send("four", message_id="mine", body=b"four").outcome == "id_taken"
    talk.answer("3")
    again = talk.send("three", message_id="mine", body=b"three")
    assert (again.outcome, again.run_id) == ("again", first.run_id)
    assert shown_id(talk, "three") == "mine"
    assert talk.contents == ["one", "1", "two", "2", "three", "3"]


def test_ids_of_two_threads_have_nothing_to_do_with_each_other(talk, sessions):
    talk.say("three", "3", message_id="mine", body=b"three")
    sessions.open_thread("s", "other")
    assert talk.send("four", message_id="mine", body=b"four").outcome == "started"


def test_a_message_that_is_sent_again_is_the_same_turn_though_another_thread_is_the_newest_now(talk, sessions):
    first = talk.send("three", message_id="mine", body=b"three")
    sessions.open_thread("s", "other")
    again = talk.said("three", message_id="mine", body=b"three")
    assert talk.runs.was_sent("s", again)
    assert (talk.runs.start("s", again).outcome, talk.runs.start("s", again).run_id) == ("again", first.run_id)
    named = talk.said("three", message_id="mine", body=b"three", thread_id=talk.thread)
    assert not talk.runs.was_sent("s", named)
    assert talk.runs.start("s", named).outcome == "waiting"


@pytest.mark.parametrize("is_behind", [False, True])
def test_the_id_of_a_withdrawn_message_is_free_and_its_retry_is_not_answered(talk, talk_turns, is_behind):
    if is_behind:
        talk.send("before")
    withdrawn = talk.send("three", message_id="mine", body=b"three")
    talk_turns.withdraw("s", withdrawn.run_id)
    retry = talk.send("three", message_id="mine", body=b"three")
    assert (retry.outcome, retry.run_id) == ("again", withdrawn.run_id)
    assert talk.send("drei", message_id="mine", body=b"drei").outcome == ("waiting" if is_behind else "started")
    assert talk.send("trois", message_id="mine", body=b"trois").outcome == "id_taken"
    assert shown_id(talk, "drei") == "mine"


def test_an_edit_that_reuses_the_id_has_it_and_the_older_message_is_found_by_ours(talk):
    talk.say("three", "3", message_id="mine", body=b"three")
    talk.edit("mine", "drei", "III", message_id="mine", body=b"drei")
    assert shown_id(talk, "drei") == "mine"
    older, own = next(m for m in talk.shown if m["content"] == "drei")["siblings"]
    assert (own, older.startswith("msg_")) == ("mine", True)
    assert talk.choose(older) == "chosen"
    assert talk.contents[-2:] == ["three", "3"]
    assert talk.siblings_of("three") == [older, "mine"]
    assert talk.choose("mine") == "chosen"
    assert talk.contents[-2:] == ["drei", "III"]


def test_an_edit_that_reuses_an_id_of_ours_gives_the_older_message_another_one(talk):
    two = talk.id_of("two")
    talk.edit(two, "zwei", "II", message_id=two, body=b"zwei")
    older, own = talk.siblings_of("zwei")
    assert (own, shown_id(talk, "zwei"), older != two) == (two, two, True)
    talk.edit(two, "deux", "ii", message_id=two, body=b"deux")
    assert shown_id(talk, "deux") == two
    assert len({*talk.siblings_of("deux")}) == 3
    assert talk.choose(older) == "chosen"
    assert talk.contents == ["one", "1", "two", "2"]


def test_a_message_behind_an_edited_one_is_still_found(talk):
    talk.say("three", "3", message_id="mine", body=b"three")
    talk.regenerate("mine", "3b")
    talk.edit("mine", "drei", "III", message_id="mine", body=b"drei")
    talk.choose(talk.siblings_of("drei")[0])
    assert talk.contents[-2:] == ["three", "3b"]
    assert len(talk.siblings_of("3b")) == 2


def test_a_withdrawn_edit_gives_the_id_back(talk, talk_turns):
    talk.say("three", "3", message_id="mine", body=b"three")
    before = talk.shown
    edit = talk.send("drei", BranchPoint("edit", "mine"), message_id="mine", body=b"drei")
    assert shown_id(talk, "drei") == "mine"
    assert talk_turns.withdraw("s", edit.run_id) == "withdrawn"
    assert talk.shown == before
    talk.edit("mine", "III", "ok", message_id="mine", body=b"III")
    assert talk.siblings_of("III")[1] == "mine"


def test_an_id_of_any_characters_is_kept_as_it_is(talk):
    for number, strange in enumerate(['say "hi"\\', "a/b:c d", "größe-\U0001f600"]):
        talk.say(f"n{number}", "ok", message_id=strange, body=str(number).encode())
        assert shown_id(talk, f"n{number}") == strange
        talk.edit(strange, f"m{number}", "ok", message_id=strange, body=b"again")
        assert talk.siblings_of(f"m{number}")[1] == strange


def test_two_edits_that_reuse_one_id_are_both_kept(talk):
    talk.say("three", "3", message_id="mine", body=b"three")
    for text in ("drei", "trois"):
        talk.send(text, BranchPoint("edit", "mine"), message_id="mine", body=text.encode())
    talk.answer("I")
    talk.answer("II")
    assert shown_id(talk, "trois") == "mine"
    assert len(set(talk.siblings_of("trois"))) == 3


def test_an_older_message_whose_id_moved_is_edited_under_its_new_id(talk):
    two = talk.id_of("two")
    talk.edit(two, "zwei", "II", message_id=two, body=b"zwei")
    older = talk.siblings_of("zwei")[0]
    assert talk.choose(older) == "chosen"
    talk.edit(older, "deux", "ii", message_id=older, body=b"deux")
    assert shown_id(talk, "deux") == older
    first, second, third = talk.siblings_of("deux")
    assert (second, third) == (two, older)
    assert first not in (two, older)
    assert talk.choose(first) == "chosen"
    assert talk.contents == ["one", "1", "two", "2"]


def test_an_edit_that_waits_leaves_the_id_to_the_message_that_it_replaces(talk):
    talk.say("three", "3", message_id="mine", body=b"three")
    two = talk.id_of("two")
    talk.send("running")
    talk.send("drei", BranchPoint("edit", "mine"), message_id="mine", body=b"drei")
    talk.send("zwei", BranchPoint("edit", two), message_id=two, body=b"zwei")
    ids = [transcript.client_id(message) for message in talk.shown]
    assert len(set(ids)) == len(ids)
    assert (shown_id(talk, "three"), shown_id(talk, "two")) == ("mine", two)
    talk.answer("ran")
    assert shown_id(talk, "drei") == "mine"
