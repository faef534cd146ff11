"""What is written and not sent yet: it stays with its conversation, and may be as long as the API takes it."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.exhaustive

MOST = 32_000


def second_conversation(page):
    """Say something in a new conversation. The one before is the second row then."""
    page.page.keyboard.press("Alt+n")
    page.say("remember 2")
    expect(page.rows).to_have_count(2)
    expect(page.turns.last).to_contain_text("I will remember 2.")


def open_first(page):
    page.rows.get_by_role("button", name="remember 1", exact=True).click()
    expect(page.turns.last).to_contain_text("I will remember 1.")


def test_a_text_stays_with_its_conversation_and_outlasts_a_reload(here):
    here.say("remember 1")
    expect(here.turns.last).to_contain_text("I will remember 1.")
    here.box.fill("for the first one")
    second_conversation(here)
    expect(here.box).to_have_value("")
    here.box.fill("for the second one")
    open_first(here)
    expect(here.box).to_have_value("for the first one")
    here.page.reload()
    expect(here.box).to_have_value("for the first one")
    here.page.go_back()
    expect(here.box).to_have_value("for the second one")


def test_the_text_of_a_new_conversation_is_there_again_in_the_next_new_one(here):
    here.say("remember 1")
    expect(here.turns.last).to_contain_text("I will remember 1.")
    here.page.keyboard.press("Alt+n")
    here.box.fill("not sent yet")
    open_first(here)
    expect(here.box).to_have_value("")
    here.page.keyboard.press("Alt+n")
    expect(here.box).to_have_value("not sent yet")
    here.box.press("Enter")
    expect(here.turns.last).to_contain_text("not sent yet")
    here.page.keyboard.press("Alt+n")
    expect(here.box).to_have_value("")


def test_a_message_that_fails_goes_back_into_the_box_of_its_own_conversation(here):
    here.say("remember 1")
    expect(here.turns.last).to_contain_text("I will remember 1.")
    expect(here.page.get_by_role("heading", level=1)).to_have_text("remember 1")
    held = []
    here.intercept("**/api/chat?*", lambda route: held.append(route))
    with here.page.expect_request("**/api/chat?*"):
        here.say("lost on its way")
    here.page.keyboard.press("Alt+n")
    here.box.fill("something else")
    held[0].fulfill(status=503, json={"error": "The queue is full"})
    notice = here.page.get_by_role("status").filter(has_text="was not sent")
    expect(notice).to_contain_text("“remember 1” was not sent; it is back in the message box there. The queue is full")
    expect(here.box).to_have_value("something else")
    open_first(here)
    expect(here.box).to_have_value("lost on its way")


def test_a_paste_over_the_limit_says_so_and_loses_nothing(here):
    here.box.fill("a")
    here.page.evaluate("(text) => document.execCommand('insertText', false, text)", "b" * MOST)
    expect(here.page.locator("#too-long")).to_have_text("Too long to send: 32,001 characters of at most 32,000.")
    expect(here.button("Send")).to_be_disabled()
    here.box.press("Enter")
    expect(here.box).to_have_value("a" + "b" * MOST)
    here.box.press("Backspace")
    expect(here.page.locator("#too-long")).to_be_hidden()
    expect(here.button("Send")).to_be_enabled()


def test_characters_are_counted_as_the_api_counts_them(here):
    here.box.fill("😀" * MOST)
    expect(here.button("Send")).to_be_enabled()
    with here.page.expect_response(lambda response: "/api/chat?" in response.url) as sent:
        here.box.press("Enter")
    assert sent.value.status == 200
    here.button("Edit this message").click()
    edited = here.page.get_by_role("textbox", name="Edited message")
    edited.fill("😀" * (MOST + 1))
    expect(here.page.locator(".edit .field-error")).to_contain_text("32,001 characters")
    edited.press("Enter")
    expect(here.said).to_have_count(1)


def test_the_enter_that_ends_a_composition_sends_nothing(here):
    """Safari tells of it behind the composition's end, with another code."""
    here.box.fill("にほん")
    press = """(box, more) => {
      const options = { key: "Enter", bubbles: true, cancelable: true, ...more };
      return box.dispatchEvent(new KeyboardEvent("keydown", options));
    }"""
    for more in ({"keyCode": 229}, {"isComposing": True}):
        assert here.box.evaluate(press, more)  # not prevented
    expect(here.box).to_have_value("にほん")
    assert not here.box.evaluate(press, {"keyCode": 13})
    expect(here.box).to_have_value("")
