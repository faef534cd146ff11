"""Answers are made again, messages edited, and one goes back and forth between the versions, in every tab."""

from __future__ import annotations

import threading

import pytest
from playwright.sync_api import expect

from tests.support.attaching import choose, file
from tests.support.images import PNG
from tests.support.servers import Fail, Held, Text

pytestmark = pytest.mark.long


def words(page):
    """All that was said, in order."""
    return page.page.locator(".said .words, .turn .prose")


def place(scope):
    return scope.get_by_role("group", name="Versions").locator("span")


def do(scope, name):
    scope.hover()
    scope.get_by_role("button", name=name).click()


def answered(page, text):
    expect(page.turns.last).to_contain_text(text)
    expect(page.turns.last).to_have_attribute("aria-busy", "false")


@pytest.fixture
def jokes(scripted, provider):
    """The page with two answers to one message, the second one shown."""
    provider.script("a joke", [Text(["a goose"])], [Text(["a duck"])], [Text(["a swan"])])
    scripted.say("a joke")
    answered(scripted, "a goose")
    do(scripted.turns.last, "Regenerate this reply")
    answered(scripted, "a duck")
    expect(place(scripted.turns.last)).to_have_text("2 / 2")
    return scripted


def test_an_answer_is_made_again_and_both_can_be_chosen(jokes):
    expect(words(jokes)).to_have_text(["a joke", "a duck"])
    do(jokes.turns.last, "Previous version")
    expect(words(jokes)).to_have_text(["a joke", "a goose"])
    expect(place(jokes.turns.last)).to_have_text("1 / 2")
    expect(jokes.page.locator("#status")).to_have_text("Version 1 of 2")


def test_the_chosen_version_is_there_after_a_reload(jokes):
    do(jokes.turns.last, "Previous version")
    expect(words(jokes)).to_have_text(["a joke", "a goose"])
    with jokes.page.expect_response("**/api/chat?session_id=*"):
        jokes.page.reload()
    expect(words(jokes)).to_have_text(["a joke", "a goose"])
    expect(jokes.turns).to_have_count(1)


def test_the_focus_stays_on_the_versions(jokes):
    do(jokes.turns.last, "Regenerate this reply")
    answered(jokes, "a swan")
    jokes.button("Previous version").press("Enter")
    expect(place(jokes.turns.last)).to_have_text("2 / 3")
    expect(jokes.button("Previous version")).to_be_focused()
    jokes.page.keyboard.press("Enter")
    expect(place(jokes.turns.last)).to_have_text("1 / 3")
    expect(jokes.button("Next version")).to_be_focused()


def test_an_older_answer_is_made_again_and_what_followed_is_kept(jokes, provider):
    provider.script("and then", [Text(["it flew"])])
    jokes.say("and then")
    answered(jokes, "it flew")
    do(jokes.turns.first, "Regenerate this reply")
    answered(jokes, "a swan")
    expect(words(jokes)).to_have_text(["a joke", "a swan"])
    do(jokes.turns.last, "Previous version")
    expect(words(jokes)).to_have_text(["a joke", "a duck", "and then", "it flew"])


def test_a_message_is_edited_in_its_place(scripted, provider):
    provider.script("the sky", [Text(["blue"])])
    provider.script("the sea", [Text(["green"])])
    scripted.say("the sky")
    answered(scripted, "blue")
    do(scripted.said.first, "Edit this message")
    box = scripted.page.get_by_role("textbox", name="Edited message")
    expect(box).to_be_focused()
    expect(box).to_have_value("the sky")
    box.fill("the sea")
    box.press("Enter")
    answered(scripted, "green")
    expect(words(scripted)).to_have_text(["the sea", "green"])
    expect(place(scripted.said.first)).to_have_text("2 / 2")
    expect(scripted.box).to_be_focused()
    do(scripted.said.first, "Previous version")
    expect(words(scripted)).to_have_text(["the sky", "blue"])


def test_an_edited_message_keeps_its_files(seeing, client, provider):
    provider.script("see this", [Text(["A pixel."])])
    provider.script("look again", [Text(["A red pixel."])])
    choose(seeing, file("pixel.png", PNG, "image/png"))
    seeing.say("see this")
    answered(seeing, "A pixel.")
    do(seeing.said.first, "Edit this message")
    seeing.page.get_by_role("textbox", name="Edited message").fill("look again")
    seeing.page.get_by_role("form", name="Edit this message").get_by_role("button", name="Send").click()
    answered(seeing, "A red pixel.")
    expect(seeing.button("Open pixel.png")).to_be_visible()
    assert [one["filename"] for one in client.state()["messages"][0]["attachments"]] == ["pixel.png"]


def test_escape_leaves_the_message_as_it_was(scripted):
    scripted.say("hello")
    answered(scripted, "ok")
    do(scripted.said.first, "Edit this message")
    scripted.page.keyboard.type(" there")
    scripted.page.keyboard.press("Escape")
    expect(words(scripted)).to_have_text(["hello", "ok"])
    expect(scripted.button("Edit this message")).to_be_focused()
    scripted.page.keyboard.press("Enter")
    expect(scripted.page.get_by_role("textbox", name="Edited message")).to_have_value("hello")


def test_an_edit_that_is_refused_stays_in_its_box(scripted):
    scripted.say("hello")
    answered(scripted, "ok")
    do(scripted.said.first, "Edit this message")
    scripted.page.keyboard.type(" there")
    scripted.intercept("**/api/chat?*", lambda route: route.fulfill(status=409, json={"error": "It has 200 siblings"}))
    scripted.page.keyboard.press("Enter")
    expect(scripted.page.get_by_role("alert")).to_contain_text("It has 200 siblings")
    box = scripted.page.get_by_role("textbox", name="Edited message")
    expect(box).to_have_value("hello there")
    expect(box).to_be_focused()
    expect(scripted.turns.last).to_contain_text("ok")


def test_nothing_is_edited_regenerated_or_chosen_while_a_turn_runs(jokes, provider):
    gate = threading.Event()
    provider.script("a slow one", [Text(["slowly"]), Held(gate)])
    jokes.say("a slow one")
    expect(jokes.turns.last).to_contain_text("slowly")
    for name in ("Edit this message", "Regenerate this reply"):
        expect(jokes.button(name).locator("visible=true")).to_have_count(0)
    expect(jokes.button("Previous version").locator("visible=true")).to_be_disabled()
    gate.set()
    expect(jokes.button("Previous version").locator("visible=true")).to_be_enabled()


def test_the_other_tab_follows_a_regeneration_an_edit_and_a_choice(jokes, tab, provider):
    provider.script("a riddle", [Text(["a door"])])
    other = tab().open(jokes.session_id)
    expect(words(other)).to_have_text(["a joke", "a duck"])
    do(jokes.turns.last, "Previous version")
    expect(words(other)).to_have_text(["a joke", "a goose"])
    do(other.turns.last, "Regenerate this reply")
    for page in (other, jokes):
        expect(words(page)).to_have_text(["a joke", "a swan"])
        expect(place(page.turns.last)).to_have_text("3 / 3")
    do(jokes.said.first, "Edit this message")
    jokes.page.get_by_role("textbox", name="Edited message").fill("a riddle")
    jokes.page.keyboard.press("Enter")
    for page in (jokes, other):
        expect(words(page)).to_have_text(["a riddle", "a door"])


def test_two_tabs_that_edit_one_message_at_once_make_two_versions(scripted, tab, provider):
    gate = threading.Event()
    for text in ("the first", "the second"):
        provider.script(
            text, [Text([f"to {text}"])] if text == "the second" else [Text(["to "]), Held(gate), Text([text])]
        )
    scripted.say("hello")
    answered(scripted, "ok")
    other = tab()
    other.page.route("**/api/updates", lambda route: route.abort())  # so that it does not know of the other edit
    other.open(scripted.session_id)
    for page, text in ((scripted, "the first"), (other, "the second")):
        do(page.said.first, "Edit this message")
        page.page.get_by_role("textbox", name="Edited message").fill(text)
        with page.page.expect_response("**/api/chat?*"):
            page.page.keyboard.press("Enter")
    other.page.unroute("**/api/updates")
    gate.set()
    for page in (scripted, other):
        expect(words(page)).to_have_text(["the second", "to the second"])
        expect(place(page.said.first)).to_have_text("3 / 3")
    do(other.said.first, "Previous version")
    for page in (scripted, other):
        expect(words(page)).to_have_text(["the first", "to the first"])


def test_a_regeneration_that_fails_gives_the_answer_before_back(scripted, provider):
    provider.script("only once", [Text(["the only one"])], *[[Fail(400)]] * 2)
    scripted.say("only once")
    answered(scripted, "the only one")
    do(scripted.turns.last, "Regenerate this reply")
    expect(scripted.page.locator(".failure")).to_be_visible()
    expect(words(scripted)).to_have_text(["only once", "the only one"])


def test_a_failed_answer_that_is_tried_again_leaves_the_message_once(scripted, provider):
    provider.script("unlucky", *[[Fail(400)]] * 2, [Text(["lucky"])])
    scripted.say("unlucky")
    expect(scripted.page.locator(".failure")).to_be_visible()
    do(scripted.turns.last, "Regenerate this reply")
    answered(scripted, "lucky")
    expect(words(scripted)).to_have_text(["unlucky", "lucky"])
    expect(scripted.page.locator(".failure")).to_have_count(0)
