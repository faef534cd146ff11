"""What a model thinks: folded, live while it thinks, kept for later; nothing of it where the app hides it."""

from __future__ import annotations

import re
import threading

import pytest
from playwright.sync_api import expect

from tests.support.backend import until
from tests.support.servers import Held, Silence, Text, Thoughts

pytestmark = pytest.mark.exhaustive


def opened(thought):
    """The text of a thought, opened once the replay of its turn has put it in its place."""

    def text() -> str:
        thought.evaluate("one => { one.open = true; }")
        return thought.locator(".prose").inner_text()

    return until(text)


def test_thoughts_are_folded_grow_while_they_come_and_say_how_long_they_took(scripted, provider):
    more, enough = threading.Event(), threading.Event()
    provider.script("think", [Thoughts(["One. "]), Held(more), Thoughts(["**Two.**"]), Held(enough), Text(["Three."])])
    scripted.say("think")
    thought = scripted.turns.last.locator("details.thought")
    expect(thought.locator("summary")).to_have_text("Thinking")
    expect(thought).not_to_have_attribute("open", "")
    thought.locator("summary").press("Enter")
    expect(thought.locator(".prose")).to_have_text("One.")
    more.set()
    expect(thought.locator(".prose strong")).to_have_text("Two.")
    enough.set()
    expect(thought.locator("summary")).to_have_text(re.compile(r"^Thought for (a moment|\d+ s)$"))
    expect(scripted.turns.last.locator(":scope .parts > .prose")).to_have_text("Three.")


def test_thoughts_are_there_after_a_reload(scripted, provider):
    provider.script("think twice", [Thoughts(["Hm."]), Text(["Yes."])])
    scripted.say("think twice")
    expect(scripted.turns.last).to_have_attribute("aria-busy", "false")
    scripted.page.reload()
    thought = scripted.turns.last.locator("details.thought")
    expect(thought.locator("summary")).to_have_text("Thoughts")
    assert opened(thought) == "Hm."


def test_a_stop_while_it_thinks_keeps_the_thoughts(scripted, provider):
    provider.script("think long", [Thoughts(["Hm."]), Silence()])
    scripted.say("think long")
    thought = scripted.turns.last.locator("details.thought")
    expect(thought.locator("summary")).to_have_text("Thinking")
    scripted.page.keyboard.press("Escape")
    expect(thought.locator("summary")).to_have_text(re.compile("^Though"))
    scripted.page.reload()
    expect(scripted.turns.last).to_contain_text("Stopped")
    assert opened(thought) == "Hm."


def test_thoughts_are_neither_read_out_nor_copied(scripted, provider, profile):
    profile.grant_permissions(["clipboard-read", "clipboard-write"])
    provider.script("think aloud", [Thoughts(["Hm."]), Text(["Yes."])])
    scripted.say("think aloud")
    expect(scripted.page.locator("#status")).to_have_text("Reply: Yes.")
    scripted.button("Copy this reply").click()
    assert scripted.page.evaluate("navigator.clipboard.readText()") == "Yes."
